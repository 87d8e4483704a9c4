#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bootloader-hooks/boot_control.hpp"
#include "bootloader-hooks/efi_variables.hpp"

namespace pawl::boot {

/// A load option of the firmware: what `Boot####` holds. Only what we need of it.
struct LoadOption {
  bool active = false;
  std::string description;  // printable ASCII; empty when it is anything else

  /// @return kMalformed. Source: UEFI 2.10, section 3.1.3.
  static Result<LoadOption> parse(ByteView value);
};

/// Firmware that starts the UKIs itself: each slot has a boot entry described as `pawl-a` or
/// `pawl-b`. BootNext is the trial, one boot that the firmware forgets before it starts it; the
/// first of BootOrder is the primary; an entry outside BootOrder is bad. FORMAT 5.14;
/// docs/boot-loaders/uefi.md.
class Uefi final : public BootControl {
 public:
  struct Paths {
    std::string esp;      // mount point of the EFI system partition
    std::string boot_id;  // /proc/sys/kernel/random/boot_id
  };
  Uefi(Disk& disk, EfiVariables& variables, Paths paths)
      : disk_(disk), variables_(variables), paths_(std::move(paths)) {}

  Result<Slot> current() override;
  Result<std::string> boot_id() override;
  Result<Slot> primary() override;
  Result<SlotState> state(Slot slot) override;
  Status try_once(Slot slot, Tries tries) override;
  Status commit(Slot slot) override;
  Status mark_bad(Slot slot) override;
  Status mark_good(Slot slot) override;
  Result<std::optional<std::string>> boot_file(Slot slot) override;
  [[nodiscard]] Capabilities capabilities() const override { return {"uefi", false, true}; }

 private:
  using Number = std::uint16_t;
  struct Found {
    std::array<std::optional<Number>, 2> entries;  // a, b
    std::vector<Number> order;
    std::optional<Number> next;
    [[nodiscard]] std::optional<Number> of(Slot slot) const {
      return entries[slot == Slot::kA ? 0 : 1];
    }
    [[nodiscard]] bool in_order(Slot slot) const;
    [[nodiscard]] Result<Slot> primary() const;
  };
  Result<Found> load();
  Status find_entries(Found& found);
  Result<std::vector<Number>> numbers(const std::string& name);
  Status store_order(const Found& found, const std::vector<Number>& order);
  /// Afterwards BootNext does not name `entry`.
  Status end_trial(const Found& found, std::optional<Number> entry);
  Disk& disk_;
  EfiVariables& variables_;
  Paths paths_;
};

}  // namespace pawl::boot
