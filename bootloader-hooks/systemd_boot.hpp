#pragma once
#include <array>
#include <string>

#include "base/disk.hpp"
#include "bootloader-hooks/boot_control.hpp"
#include "bootloader-hooks/systemd_boot_name.hpp"

namespace pawl::boot {

/// systemd-boot with boot counting: each slot has one UKI in one folder of the ESP, and every
/// transition is one rename of one of them. The name decides: among entries that are not used up
/// the highest generation is started. Not for U-Boot's EFI, which cannot rename (FORMAT 6).
/// FORMAT 5.3.
class SystemdBoot final : public BootControl {
 public:
  struct Paths {
    std::string entries;   // <ESP>/EFI/Linux
    std::string selected;  // efivarfs file LoaderEntrySelected-4a67b082-...
    std::string boot_id;   // /proc/sys/kernel/random/boot_id
  };
  SystemdBoot(Disk& disk, Paths paths) : disk_(disk), paths_(std::move(paths)) {}

  Result<Slot> current() override;
  Result<std::string> boot_id() override;
  Result<Slot> primary() override;
  Result<SlotState> state(Slot slot) override;
  Status try_once(Slot slot, Tries tries) override;
  Status commit(Slot slot) override;
  Status mark_bad(Slot slot) override;
  Status mark_good(Slot slot) override;
  /// The slot's file under its present name; for a slot without one, a new name marked bad.
  Result<std::optional<std::string>> boot_file(Slot slot) override;
  [[nodiscard]] Capabilities capabilities() const override { return {"systemd-boot", true, false}; }

 private:
  struct Entries {
    std::array<std::optional<SystemdBootName>, 2> by_slot;  // a, b
    [[nodiscard]] const std::optional<SystemdBootName>& of(Slot slot) const {
      return by_slot[slot == Slot::kA ? 0 : 1];
    }
    [[nodiscard]] Result<Slot> primary() const;
  };
  Result<Entries> load();
  /// The one store of a transition.
  Status rename(const SystemdBootName& from, const SystemdBootName& to);
  Disk& disk_;
  Paths paths_;
};

/// The entry name in the efivarfs file LoaderEntrySelected: 4 bytes of attributes, then UTF-16LE
/// with a final NUL; ASCII only. @return kMalformed. Source: systemd, Boot Loader Interface.
[[nodiscard]] Result<std::string> parse_loader_entry(ByteView variable);

}  // namespace pawl::boot
