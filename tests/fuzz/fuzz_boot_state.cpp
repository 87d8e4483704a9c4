#include <cstdlib>

#include "base/bytes.hpp"
#include "bootloader-hooks/boot_state.hpp"

// Every accepted state has exactly one spelling, and each transition leads to one that is accepted.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  const auto text = as_text({data, size});
  const auto state = boot::BootState::parse(text);
  if (!state) return 0;
  if (state->format() != text) std::abort();
  for (const auto slot : {boot::Slot::kA, boot::Slot::kB}) {
    if (!boot::BootState::parse(boot::after_commit(*state, slot).format())) std::abort();
    if (!boot::BootState::parse(boot::after_mark_good(*state, slot).format())) std::abort();
    const auto tried = boot::after_try_once(*state, slot, boot::Tries(3));
    if (tried && !boot::BootState::parse(tried->format())) std::abort();
    const auto bad = boot::after_mark_bad(*state, slot);
    if (bad && !boot::BootState::parse(bad->format())) std::abort();
  }
  return 0;
}
