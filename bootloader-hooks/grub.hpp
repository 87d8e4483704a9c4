#pragma once
#include <array>
#include <string>

#include "base/disk.hpp"
#include "bootloader-hooks/grub_env.hpp"
#include "bootloader-hooks/state_boot.hpp"

namespace pawl::boot {

/// GRUB with two environment blocks on the ESP: a transition replaces the older file by one of the
/// next generation, which a power cut leaves whole or absent; the newer file is never touched.
/// FORMAT 5.11 and 5.13; docs/boot-loaders/grub.md.
class Grub final : public StateBoot {
 public:
  struct Paths {
    std::string esp;      // mount point of the EFI system partition
    std::string image;    // efivarfs file LoaderImageIdentifier-4a67b082-...
    std::string boot_id;  // /proc/sys/kernel/random/boot_id
  };
  Grub(Disk& disk, Paths paths) : disk_(disk), paths_(std::move(paths)) {}

  Result<Slot> current() override;
  Result<std::string> boot_id() override;
  Result<std::optional<std::string>> boot_file(Slot slot) override;
  [[nodiscard]] Capabilities capabilities() const override { return {"grub", true, true}; }

 private:
  struct Found {
    std::size_t newest = 0;
    GrubBlock block;
  };
  Result<Found> find();
  Result<BootState> load() override;
  Status store(const BootState& from, const BootState& to) override;
  [[nodiscard]] std::string file(std::size_t which) const {
    return paths_.esp + "/pawl/env." + std::to_string(which);
  }
  Disk& disk_;
  Paths paths_;
};

/// The slot whose UKI the boot stub says was started: `\EFI\pawl\S.efi` in the EFI variable
/// LoaderImageIdentifier, letters of either case. @return kBootloader.
/// Source: systemd 252, src/boot/efi/stub.c.
[[nodiscard]] Result<Slot> parse_loader_image(ByteView variable);

}  // namespace pawl::boot
