#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "bootloader-hooks/boot_control.hpp"

namespace pawl::boot {

/// The one line that the file backend and its loader share. FORMAT 5.1.
struct BootState {
  static constexpr std::size_t kMaxBytes = 64;

  Slot primary = Slot::kA;
  std::optional<Slot> trial;
  Tries tries{0};  // boots left for the trial slot
  bool bad_a = false;
  bool bad_b = false;

  /// @return kTooLarge over kMaxBytes, kMalformed for anything but FORMAT 5.1.
  static Result<BootState> parse(std::string_view text);
  [[nodiscard]] std::string format() const;
  [[nodiscard]] bool is_bad(Slot slot) const { return slot == Slot::kA ? bad_a : bad_b; }
  [[nodiscard]] SlotState state(Slot slot) const;
  friend bool operator==(const BootState&, const BootState&) = default;
};

/// The transitions of BootControl as pure functions: the state after them, or why not.
[[nodiscard]] Result<BootState> after_try_once(BootState from, Slot slot, Tries tries);
[[nodiscard]] BootState after_commit(BootState from, Slot slot);
[[nodiscard]] Result<BootState> after_mark_bad(BootState from, Slot slot);
[[nodiscard]] BootState after_mark_good(BootState from, Slot slot);

/// The refusals all backends share: kBootloader for the primary, kUsage for the number of tries.
[[nodiscard]] Status check_try(Slot slot, Slot primary, Tries tries);
[[nodiscard]] Status check_bad(Slot slot, Slot primary);

}  // namespace pawl::boot
