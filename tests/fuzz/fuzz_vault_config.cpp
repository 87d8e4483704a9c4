#include "base/bytes.hpp"
#include "vaultd/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  (void)static_cast<bool>(vaultd::parse_config(as_text({data, size}), "/etc/pawl/vault.toml"));
  return 0;
}
