#include <cstdlib>

#include "base/bytes.hpp"
#include "distributor/route.hpp"
#include "http/byte_range.hpp"

// A name never leaves its folder, and a range never leaves its file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  if (const auto route = distributor::parse_route(text); route) {
    const auto& file = route->file;
    if (file.empty() || file.front() == '/' || file.find("..") == 0 ||
        file.find("/.") != file.npos || file.find('%') != file.npos ||
        file.find('\0') != file.npos) {
      std::abort();
    }
  }
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{size}, ~std::uint64_t{0}}) {
    const auto answer = http::resolve_range(text, length);
    if (answer.verdict != http::RangeVerdict::kPart) continue;
    const auto& range = answer.range;
    if (range.length == 0 || range.first >= length || range.length > length - range.first) {
      std::abort();
    }
  }
  return 0;
}
