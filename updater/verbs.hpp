#pragma once
#include <optional>
#include <string>
#include <vector>

#include "updater/device.hpp"
#include "updater/releases.hpp"

/// What the verbs of pawl-updater do, without command line and output (the manual). Each takes the
/// lock of the state directory, reconciles first, and may be repeated after any interruption.
namespace pawl::updater {

struct CheckResultOf {
  manifest::RefreshReport report;
  std::optional<manifest::Release> release;  // what could be installed
  manifest::Logged logged = manifest::Logged::kNotProved;
};
[[nodiscard]] Result<CheckResultOf> check(Device& device);
/// Only the metadata: floors and root follow the repository.
[[nodiscard]] Status refresh(Device& device);

enum class DryRun : std::uint8_t { kNo, kYes };
struct InstallRequest {
  std::optional<std::string> version;
  DryRun dry_run = DryRun::kNo;
  std::optional<Sha256Digest> manifest = {};  // what a server offered: no other is installed
  std::optional<Bytes> ticket = {};  // file of an override ticket; needs a version (FORMAT 15)
};
struct InstallResult {
  enum class End : std::uint8_t {
    kNothing,  // nothing newer, or this release runs already
    kPlanned,  // dry run: would be installed
    kArmed,    // a restart tries it
  };
  End end = End::kNothing;
  std::string version;
  Slot target = Slot::kA;
  InstallTotals totals;
  std::vector<std::string> waived;         // by a ticket
  std::optional<manifest::Logged> logged;  // of a manifest that came now
};
/// Refresh, verify, windows -> sync -> drop cache -> read back -> stage -> try_once. An install
/// that was authorised is finished from its stored manifest also when the metadata have expired or
/// the metadata source is gone; so is one that came from a bundle whose time has passed.
[[nodiscard]] Result<InstallResult> install(Device& device, const InstallRequest& request);

/// A development device asks for an override ticket: its number and a new nonce, which makes every
/// earlier ticket useless. @return kNotForDevice on a production device
[[nodiscard]] Result<manifest::Tickets> override_request(Device& device, Random& random);

struct BootResult {
  State state = State::kIdle;
  Slot running = Slot::kA;
  std::string version;           // of the running slot; empty when unknown
  std::optional<Outcome> ended;  // an update that this start brought to its end
};
/// Early at every start: reconciles and returns at once.
[[nodiscard]] Result<BootResult> boot_up(Device& device);

struct TrialResult {
  enum class End : std::uint8_t { kNothing, kCommitted, kReverted };
  End end = End::kNothing;
  std::string version;
  std::string reason;  // why it was reverted
  std::vector<CheckResult> checks;
  bool healed = false;  // the other slot has become a copy of this one
};
/// Judges a trial: commits, or reverts (then a restart is due). Nothing on trial: heals the other
/// slot if its release lies below the floor.
[[nodiscard]] Result<TrialResult> trial(Device& device);
/// Tells the pre-reboot hooks of a restart that nothing puts off: out of a failed trial.
void tell_before_restart(Device& device, const std::string& version);
/// The operator says that the trial is good.
[[nodiscard]] Result<TrialResult> commit(Device& device);

struct RollbackResult {
  enum class End : std::uint8_t {
    kReverted,   // the trial is over; a restart returns to the other slot
    kCancelled,  // an update that had not been started is given up
    kArmed,      // a restart tries the other slot
  };
  End end = End::kReverted;
  std::string version;  // that was given up, or will be tried
  Slot target = Slot::kA;
};
/// On trial: reverts. Before the restart: gives up. After a commit: a new trial of the other slot,
/// if its security version is not below the floor and every byte of it verifies.
/// @return kRollback naming both numbers, kHashMismatch, kBootloader for a slot marked bad
[[nodiscard]] Result<RollbackResult> rollback(Device& device);

struct StatusResult {
  struct SlotStatus {
    boot::SlotState state;
    std::optional<ReleaseId> holds;
  };
  Record record;
  Slot running = Slot::kA;
  Slot primary = Slot::kA;
  std::array<SlotStatus, 2> slots;  // a, b
  manifest::Floors floors;
  std::string floors_problem;  // why they are not known; empty otherwise
  std::string closed;          // why the sealed state is closed; then slots are shown unverified
  std::string_view floor_kind;
  boot::Capabilities loader{};
  bool restart_due = false;
};
/// Reads only; takes no lock.
[[nodiscard]] Result<StatusResult> status(Device& device);

}  // namespace pawl::updater
