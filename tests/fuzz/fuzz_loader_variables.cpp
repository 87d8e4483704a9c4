#include <cstdlib>

#include "bootloader-hooks/grub.hpp"
#include "bootloader-hooks/u_boot.hpp"
#include "bootloader-hooks/uefi.hpp"

// The first byte chooses the parser; what is accepted is written again and read as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  const auto same = [](const boot::Environment& x, const boot::Environment& y) {
    if (x.variables() != y.variables()) std::abort();
  };
  if (data[0] == 'u') {
    if (const auto copy = boot::UBootCopy::parse(rest); copy) {
      const auto bytes = copy->format(rest.size());
      if (!bytes) std::abort();
      same(boot::UBootCopy::parse(*bytes)->variables, copy->variables);
      (void)static_cast<bool>(copy->variables.boot_state());
    }
  } else if (data[0] == 'g') {
    if (const auto block = boot::GrubBlock::parse(as_text(rest)); block) {
      if (const auto text = block->format(); text) {
        if (boot::GrubBlock::parse(*text)->generation != block->generation) std::abort();
      }
    }
  } else if (data[0] == 'c') {
    (void)static_cast<bool>(boot::UBootPlaces::parse(as_text(rest)));
  } else if (data[0] == 'o') {
    (void)static_cast<bool>(boot::LoadOption::parse(rest));
  } else {
    (void)static_cast<bool>(boot::parse_loader_image(rest));
  }
  return 0;
}
