#include <cstdlib>

#include "manifest/roles.hpp"

// What strict accepts, interop accepts too; what is written again parses to the same text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  using namespace pawl::manifest;
  constexpr std::size_t kLimit = 65536;
  if (size > kLimit) return 0;
  const auto text = as_text({data, size});
  const auto strict = Timestamp::parse(text, Profile::kStrict);
  const auto interop = Timestamp::parse(text, Profile::kInterop);
  if (!strict) return 0;
  if (!interop) std::abort();
  const auto written = strict->serialise();
  const auto again = Timestamp::parse(written, Profile::kStrict);
  if (!again || again->serialise() != written) std::abort();
  return 0;
}
