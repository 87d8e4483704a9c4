#include <cstdlib>

#include "identity/protobuf.hpp"
#include "identity/workload_api.hpp"

// The reader ends, gives views inside the input only, and the parsers above it take anything.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const ByteView input(data, size);
  identity::ProtoReader reader(input);
  for (std::size_t fields = 0;; ++fields) {
    if (fields > size) std::abort();
    const auto field = reader.next();
    if (!field || !*field) break;
    const auto& bytes = (*field)->bytes;
    if ((*field)->is_bytes && !bytes.empty() &&
        (bytes.data() < data || bytes.data() + bytes.size() > data + size)) {
      std::abort();
    }
  }
  (void)static_cast<bool>(identity::parse_x509_response(input));
  identity::GrpcFrames frames;
  for (auto left = input; !left.empty();) {
    const auto whole = frames.feed(left);
    if (!whole) break;
    if (*whole) frames.wipe();
  }
  return 0;
}
