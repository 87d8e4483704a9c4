#pragma once
#include <string>

#include "bootloader-hooks/state_boot.hpp"
#include "bootloader-hooks/u_boot_env.hpp"

namespace pawl::boot {

/// U-Boot with a redundant environment: every transition writes the older copy, whole, in one
/// write. A torn write fails its checksum and leaves the other copy. Read and written by our own
/// code, so that every store can be cut in a test; fw_printenv and fw_setenv work beside it.
/// FORMAT 5.11 and 5.12; docs/boot-loaders/u-boot.md; docs/decisions/0039.
class UBoot final : public StateBoot {
 public:
  struct Paths {
    std::string environment;  // fw_env.config
    std::string booted;       // /proc/device-tree/chosen/pawl,slot
    std::string boot_id;      // /proc/sys/kernel/random/boot_id
  };
  UBoot(Disk& disk, Paths paths) : disk_(disk), paths_(std::move(paths)) {}

  Result<Slot> current() override;
  Result<std::string> boot_id() override;
  Result<std::optional<std::string>> boot_file(Slot) override {
    return std::optional<std::string>();
  }
  [[nodiscard]] Capabilities capabilities() const override { return {"u-boot", true, true}; }

 private:
  struct Found {
    UBootPlaces places;
    std::size_t newest = 0;  // of places.copies
    UBootCopy copy;
  };
  Result<Found> find();
  Result<Bytes> read_copy(const UBootPlaces::Copy& place, std::size_t size);
  Result<BootState> load() override;
  Status store(const BootState& from, const BootState& to) override;
  Disk& disk_;
  Paths paths_;
};

/// The slot in a property of the device tree: one letter and NUL. @return kMalformed.
[[nodiscard]] Result<Slot> parse_slot_property(std::string_view text);

}  // namespace pawl::boot
