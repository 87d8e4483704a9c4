#pragma once
#include <string>

#include "base/disk.hpp"
#include "bootloader-hooks/slot.hpp"
#include "manifest/floors.hpp"
#include "updater/record_guard.hpp"

namespace pawl::updater {

/// Where the updater keeps its files below the state directory (FORMAT 5).
struct StateDir {
  std::string path;  // /var/lib/pawl

  [[nodiscard]] std::string journal() const { return path + "/journal/record.json"; }
  [[nodiscard]] std::string floors() const { return path + "/journal/floors.json"; }
  [[nodiscard]] std::string device_record() const { return path + "/device.json"; }
  [[nodiscard]] std::string seal(const std::string& name) const { return path + "/seal/" + name; }
  [[nodiscard]] std::string tuf() const { return path + "/tuf"; }
  [[nodiscard]] std::string told() const { return path + "/journal/told"; }
  [[nodiscard]] std::string spool() const { return path + "/spool/status.json"; }
  [[nodiscard]] std::string svid() const { return path + "/svid"; }
  [[nodiscard]] std::string ak() const { return path + "/ak.json"; }
  [[nodiscard]] std::string lock() const { return path + "/lock"; }
  [[nodiscard]] std::string installed(boot::Slot slot) const {
    return path + "/installed/" + std::string(boot::letter(slot)) + ".manifest.json";
  }
  /// Creates the directories that are missing.
  [[nodiscard]] Status create(Disk& disk) const;
};

/// The floors record of FORMAT 5.5.
class FloorsFile {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{256} * 1024;
  FloorsFile(Disk& disk, std::string path, RecordGuard& guard)
      : disk_(disk), path_(std::move(path)), guard_(guard) {}
  /// Empty when there is none yet. @return kMalformed for a damaged one; with a TPM kTpm for a
  /// forged or missing and kRollback for an older one.
  [[nodiscard]] Result<std::optional<manifest::Floors>> load();
  [[nodiscard]] Status save(const manifest::Floors& floors);

 private:
  Disk& disk_;
  std::string path_;
  RecordGuard& guard_;
};

}  // namespace pawl::updater
