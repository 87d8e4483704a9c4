#include <cstdlib>

#include "base/bytes.hpp"
#include "identity/jwks.hpp"

// An accepted bundle whose keys have a JWK form survives being written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  const auto domain = identity::TrustDomain::parse("example.org");
  if (const auto bundle = identity::parse_bundle(*domain, text); bundle) {
    const auto written = identity::write_bundle(*bundle);
    if (!written) return 0;
    const auto again = identity::parse_bundle(*domain, *written);
    if (!again || !again->same_authorities(*bundle)) std::abort();
  }
  (void)static_cast<bool>(identity::parse_bundle_map(text));
  return 0;
}
