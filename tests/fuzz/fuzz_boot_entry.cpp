#include <cstdlib>

#include "bootloader-hooks/systemd_boot.hpp"

// A name, alone or inside the loader's variable; accepted ones have one spelling.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  if (const auto name = boot::SystemdBootName::parse(text); name && name->format() != text) {
    std::abort();
  }
  (void)static_cast<bool>(boot::parse_loader_entry({data, size}));
  return 0;
}
