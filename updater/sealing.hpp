#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "updater/journal.hpp"
#include "updater/record_guard.hpp"

namespace pawl::updater {

/// Moves the device's sealed state along with the boot chain, forward only (ARCHITECTURE). Every
/// call may be repeated. On error the state opens from every slot it opened from before.
class Sealing {
 public:
  virtual ~Sealing() = default;
  /// Opens the state of the running slot. Before every other call, and before a record is read.
  /// @return kTpm when this boot may not open it; then nothing else is called
  virtual Status open(Slot running) = 0;
  /// Once the journal is known: the cell may allow another slot only while an update is under way.
  /// Anything else is tampering: it is pointed back to the running slot, if that is the primary
  /// one, and the epoch key is to be replaced.
  virtual Status settle(State state, Slot primary) = 0;
  /// The state opens from the running slot and from `target`; before the loader is told.
  virtual Status stage(Slot target, const ReleaseId& release) = 0;
  /// It opens from `committed` alone; after the loader has it as its primary.
  virtual Status commit(Slot committed, const ReleaseId& release) = 0;
  /// It opens from `kept` alone; after the trial mark is gone.
  /// @param release  what that slot holds, when it is known
  virtual Status withdraw(Slot kept, const std::optional<ReleaseId>& release) = 0;
  /// The floor no software can lower; 0 without a TPM.
  virtual Result<SecurityVersion> floor() = 0;
  /// Raises that floor while it is below. Never lowers.
  virtual Status raise_floor(SecurityVersion to) = 0;
  /// From now on the floors record just written is the oldest that is believed; after a commit.
  virtual Status anchor_floors() = 0;
  /// Protects the records of this device.
  virtual RecordGuard& records() = 0;
  /// What holds the floor, for every output: "soft", "tpm", or "tpm, development: ..." .
  [[nodiscard]] virtual std::string_view floor_kind() const = 0;
};

/// A device without TPM: nothing is sealed and the floor is only the record on disk.
class NoTpm : public Sealing {
 public:
  Status open(Slot) override { return Ok{}; }
  Status settle(State, Slot) override { return Ok{}; }
  Status stage(Slot, const ReleaseId&) override { return Ok{}; }
  Status commit(Slot, const ReleaseId&) override { return Ok{}; }
  Status withdraw(Slot, const std::optional<ReleaseId>&) override { return Ok{}; }
  Result<SecurityVersion> floor() override { return SecurityVersion(0); }
  Status raise_floor(SecurityVersion) override { return Ok{}; }
  Status anchor_floors() override { return Ok{}; }
  RecordGuard& records() override { return plain_; }
  [[nodiscard]] std::string_view floor_kind() const override { return "soft"; }

 private:
  PlainRecords plain_;
};

}  // namespace pawl::updater
