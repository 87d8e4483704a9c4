#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace pawl::boot {

/// One of the two halves of the device. Each holds a root file system and a boot artefact.
enum class Slot : std::uint8_t { kA, kB };

[[nodiscard]] constexpr Slot other(Slot slot) {
  return slot == Slot::kA ? Slot::kB : Slot::kA;
}
/// "a" or "b", as files and output spell it.
[[nodiscard]] constexpr std::string_view letter(Slot slot) {
  return slot == Slot::kA ? "a" : "b";
}
/// @return kMalformed unless `text` is "a" or "b".
[[nodiscard]] Result<Slot> parse_slot(std::string_view text);

}  // namespace pawl::boot
