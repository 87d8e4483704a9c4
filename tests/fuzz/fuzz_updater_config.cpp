#include "base/bytes.hpp"
#include "updater/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  (void)static_cast<bool>(updater::parse_config(as_text({data, size}), "/etc/pawl/updater.toml"));
  return 0;
}
