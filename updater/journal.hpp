#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/disk.hpp"
#include "base/strong.hpp"
#include "bootloader-hooks/boot_control.hpp"
#include "manifest/release.hpp"
#include "updater/record_guard.hpp"
#include "updater/state.hpp"

namespace pawl::updater {

using boot::Slot;

/// What the journal keeps of a release: enough to commit it without the network.
struct ReleaseId {
  std::string version;  // for people
  ReleaseCounter counter{0};
  SecurityVersion security{0};
  SecurityVersion min_security{0};
  unsigned tries = 3;  // boots the trial gets, at most what every loader counts
  Sha256Digest manifest;

  [[nodiscard]] static ReleaseId of(const manifest::Release& release, const Sha256Digest& digest);
  friend bool operator==(const ReleaseId&, const ReleaseId&) = default;
};

enum class Purpose : std::uint8_t {
  kInstall,   // the target slot was written
  kRollback,  // the target slot was whole already
};
enum class Tried : std::uint8_t { kNo, kYes };  // whether the target slot has been running

/// How the last update ended.
enum class Ending : std::uint8_t { kCommitted, kReverted, kCancelled };
struct Outcome {
  Ending ending = Ending::kCommitted;
  std::string version;
  std::string reason;  // of clip_reason
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
[[nodiscard]] std::string_view ending_name(Ending ending);
/// Text of a program or an error as the journal may hold it: printable ASCII, at most 160
/// characters.
[[nodiscard]] std::string clip_reason(std::string_view text);

/// The one record that says where the device stands (FORMAT 5.4). Exactly the states other than
/// idle have a target and a release.
struct Record {
  static constexpr std::size_t kMaxBytes = 8192;
  static constexpr std::size_t kMaxFile = kMaxBytes + 256;  // with the line of FORMAT 8.4.1

  State state = State::kIdle;
  std::optional<Slot> target;
  std::optional<ReleaseId> release;
  Purpose purpose = Purpose::kInstall;
  Tried tried = Tried::kNo;
  std::string boot_id;                            // of the boot that armed the trial; empty before
  std::string reason;                             // why it is being reverted; empty otherwise
  std::array<std::optional<ReleaseId>, 2> slots;  // what each slot holds, when it is whole
  std::optional<Outcome> last;

  /// @return kTooLarge, kMalformed for anything but FORMAT 5.4.
  static Result<Record> parse(std::string_view text);
  [[nodiscard]] std::string format() const;
  [[nodiscard]] const std::optional<ReleaseId>& holds(Slot slot) const {
    return slots[slot == Slot::kA ? 0 : 1];
  }
  [[nodiscard]] std::optional<ReleaseId>& holds(Slot slot) {
    return slots[slot == Slot::kA ? 0 : 1];
  }
  friend bool operator==(const Record&, const Record&) = default;
};

/// The record's file, replaced as a whole at each step.
class Journal {
 public:
  Journal(Disk& disk, std::string path, RecordGuard& guard)
      : disk_(disk), path_(std::move(path)), guard_(guard) {}
  /// Absent: a fresh idle record. @return kMalformed for a damaged one, kTpm for a forged one, kIo.
  [[nodiscard]] Result<Record> load();
  /// As load(), and what was read survives a power cut from now on: a process that was killed may
  /// have replaced the file without syncing its directory.
  [[nodiscard]] Result<Record> load_durable();
  /// @return kInternal for a record that load() would refuse; the old one stays
  [[nodiscard]] Status save(const Record& record);

 private:
  Disk& disk_;
  std::string path_;
  RecordGuard& guard_;
};

}  // namespace pawl::updater
