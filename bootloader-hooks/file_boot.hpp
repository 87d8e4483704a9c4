#pragma once
#include <string>

#include "base/disk.hpp"
#include "bootloader-hooks/booted.hpp"
#include "bootloader-hooks/state_boot.hpp"

namespace pawl::boot {

/// Boot state in one small file that the loader reads at each start, for loaders and simulators
/// that can read a file system. Every transition replaces the file: temporary file, sync, rename,
/// sync of the directory. FORMAT 5.1 and 5.2.
class FileBoot final : public StateBoot {
 public:
  struct Paths {
    std::string state;   // <device>/boot/state
    std::string booted;  // <device>/run/booted, written by the firmware at each start
  };
  FileBoot(Disk& disk, Paths paths) : disk_(disk), paths_(std::move(paths)) {}

  Result<Slot> current() override;
  Result<std::string> boot_id() override;
  Result<std::optional<std::string>> boot_file(Slot) override {
    return std::optional<std::string>();
  }
  [[nodiscard]] Capabilities capabilities() const override { return {"file", true, true}; }

 private:
  Result<BootState> load() override;
  Status store(const BootState& from, const BootState& to) override;
  Result<Booted> booted();
  Disk& disk_;
  Paths paths_;
};

}  // namespace pawl::boot
