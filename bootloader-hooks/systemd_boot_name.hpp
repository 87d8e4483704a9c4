#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bootloader-hooks/boot_control.hpp"

namespace pawl::boot {

/// A boot entry on the ESP as systemd-boot's boot counting names it:
/// `pawl_<generation>_<slot>[+<left>[-<done>]].conf`. FORMAT 5.3.
/// systemd-boot starts the highest generation that has tries left, and renames `+3` to `+2-1`
/// before it starts a counted one; names with `+0` come last.
/// Source: Boot Loader Specification, "Boot counting"; systemd-boot 252.
struct SystemdBootName {
  static constexpr std::uint32_t kMaxGeneration = 999'999'999;

  std::uint32_t generation = 0;
  Slot slot = Slot::kA;
  std::optional<unsigned> left;  // absent: not counted
  unsigned done = 0;             // boots the loader has tried

  /// @return kMalformed for any other spelling; leading zeros are refused.
  static Result<SystemdBootName> parse(std::string_view name);
  [[nodiscard]] std::string format() const;
  /// `+0` without tries done is our bad mark; `+0-3` is a trial the loader has given up.
  [[nodiscard]] SlotState state() const;
  friend bool operator==(const SystemdBootName&, const SystemdBootName&) = default;
};

}  // namespace pawl::boot
