#include "bootloader-hooks/booted.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)static_cast<bool>(pawl::boot::Booted::parse(pawl::as_text({data, size})));
  return 0;
}
