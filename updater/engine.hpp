#pragma once
#include <string>

#include "base/disk.hpp"
#include "base/log.hpp"
#include "bootloader-hooks/boot_control.hpp"
#include "manifest/floors.hpp"
#include "updater/journal.hpp"
#include "updater/reconcile.hpp"
#include "updater/sealing.hpp"
#include "updater/state_dir.hpp"

namespace pawl::updater {

/// Moves one device through the table of state.hpp: saves the record, then does the action of the
/// new state, then goes on with the event the action gives. Order of the actions: ARCHITECTURE.
class Engine {
 public:
  struct Parts {
    Disk& disk;
    boot::BootControl& boot;
    Sealing& sealing;
    Log& log;
  };
  Engine(Parts parts, StateDir dir)
      : parts_(parts),
        dir_(std::move(dir)),
        journal_(parts.disk, dir_.journal(), parts.sealing.records()),
        floors_(parts.disk, dir_.floors(), parts.sealing.records()) {}

  /// Opens the sealed state, reads the journal and makes it durable, and takes over a device that
  /// has none yet from the manifest of the running slot. A damaged or forged journal is replaced:
  /// the loader's own counting brings an unknown trial back. Call first.
  [[nodiscard]] Status open();
  /// As open(), but changes nothing on the disk, and shows the journal unverified where the sealed
  /// state is closed; for `status`.
  [[nodiscard]] Status peek();
  /// Finishes or gives up whatever an earlier start left behind. Never waits, never downloads.
  [[nodiscard]] Status reconcile();

  /// The target slot is going to be written: from now on it must not be started. Also resumes.
  [[nodiscard]] Status offer(const ReleaseId& release);
  /// Every component of the offered release reads back right: stages, arms the trial.
  [[nodiscard]] Status written();
  /// The trial is good: commits.
  [[nodiscard]] Status healthy();
  /// The trial is bad: reverts. @param reason as clip_reason keeps it
  [[nodiscard]] Status unhealthy(std::string reason);
  /// Gives up an update that was not started yet.
  [[nodiscard]] Status cancel();
  /// The other slot, whole and allowed, goes on trial again.
  [[nodiscard]] Status roll_back_to(const ReleaseId& release);
  /// `slot` has become a copy of the running one.
  [[nodiscard]] Status healed(Slot slot);

  [[nodiscard]] const Record& record() const { return record_; }
  /// Why the sealed state is closed, after peek(); empty when it is open.
  [[nodiscard]] const std::string& closed() const { return closed_; }
  /// Floors of the record and of the hardware, the higher of each.
  [[nodiscard]] Result<manifest::Floors> floors();
  [[nodiscard]] Status save_floors(const manifest::Floors& floors) { return floors_.save(floors); }
  /// The outstanding ticket is used up, and no older floors record is believed any more.
  [[nodiscard]] Status use_ticket();
  /// A slot whose release is below the floor can only be useful as a copy of the running one.
  [[nodiscard]] Result<bool> needs_healing(Slot slot);
  [[nodiscard]] const StateDir& dir() const { return dir_; }

 private:
  [[nodiscard]] Status adopt();
  [[nodiscard]] Status adopt_floors();
  [[nodiscard]] Status advance(Event event);
  [[nodiscard]] Status move_to(State state, Event why);
  [[nodiscard]] Result<std::optional<Event>> act();
  [[nodiscard]] Status commit_actions();
  [[nodiscard]] Status revert_actions();
  [[nodiscard]] Status end_unknown_trial();
  [[nodiscard]] Result<Sight> look();
  void finish();

  Parts parts_;
  StateDir dir_;
  Journal journal_;
  FloorsFile floors_;
  Record record_;
  std::string closed_;
};

}  // namespace pawl::updater
