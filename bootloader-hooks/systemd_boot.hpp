#pragma once
#include <array>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "bootloader-hooks/boot_control.hpp"
#include "bootloader-hooks/systemd_boot_name.hpp"

namespace pawl::boot {

/// systemd-boot with boot counting: each slot has one boot entry on the ESP, a small file that
/// names the slot's UKI, and every transition makes the next one before the last one goes. The name
/// decides: among entries that are not used up the highest generation is started. A UKI without an
/// entry file would be ordered by the version inside it instead, and an older release could never
/// be tried. Not for U-Boot's EFI, which cannot rename (FORMAT 6). FORMAT 5.3; docs/decisions/0023.
class SystemdBoot final : public BootControl {
 public:
  struct Paths {
    std::string esp;       // mount point of the EFI system partition
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
  Result<std::optional<std::string>> boot_file(Slot slot) override;
  [[nodiscard]] Capabilities capabilities() const override { return {"systemd-boot", true, false}; }

 private:
  struct Entries {
    std::array<std::optional<SystemdBootName>, 2> by_slot;  // a, b; whole ones only
    std::vector<SystemdBootName> leftovers;                 // of cuts: FORMAT 5.3.2, 5.3.5
    [[nodiscard]] const std::optional<SystemdBootName>& of(Slot slot) const {
      return by_slot[slot == Slot::kA ? 0 : 1];
    }
    [[nodiscard]] Result<Slot> primary() const;
  };
  Result<Entries> load();
  [[nodiscard]] Result<bool> is_whole(const std::string& name, Slot slot);
  /// The one store of a transition; a slot without entry gets one.
  Status store(const Entries& found, const SystemdBootName& to);
  [[nodiscard]] Status write_entry(const SystemdBootName& name);
  [[nodiscard]] std::string path_of(const SystemdBootName& name) const;
  [[nodiscard]] std::string entries() const { return paths_.esp + "/loader/entries"; }
  Disk& disk_;
  Paths paths_;
};

/// What a slot's boot entry says. FORMAT 5.3.1.
[[nodiscard]] std::string systemd_boot_entry(Slot slot);

/// The entry name in the efivarfs file LoaderEntrySelected: 4 bytes of attributes, then UTF-16LE
/// with a final NUL; ASCII only. @return kMalformed. Source: systemd, Boot Loader Interface.
[[nodiscard]] Result<std::string> parse_loader_entry(ByteView variable);

}  // namespace pawl::boot
