#include <cstdlib>

#include "base/bytes.hpp"
#include "http/client_answer.hpp"

// Header lines and a body of any server, to a request for a part and for a whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  for (const bool part : {false, true}) {
    http::ClientRequest request;
    request.limit = 64;
    if (part) request.range = http::ClientRange{2, 3, 9};
    const http::ClientLimits limits;
    http::Answer answer(request, limits, nullptr);
    auto rest = as_text({data, size});
    bool good = true;
    while (good && !rest.empty()) {
      const auto line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
      rest.remove_prefix(line.size());
      good = static_cast<bool>(answer.header(line));
      if (line == "\r\n") break;
    }
    if (!good || !answer.body(as_bytes(rest))) continue;
    const auto done = answer.finish();
    if (!done) continue;
    if (part && done->status / 100 == 2 && done->body.size() != 3) std::abort();
    if (!part && done->status == 206) std::abort();
    if (done->status / 100 == 2 && done->body.size() > 64) std::abort();
    if (done->status / 100 != 2) (void)http::answer_error(*done, "fuzz");
  }
  return 0;
}
