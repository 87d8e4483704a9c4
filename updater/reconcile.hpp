#pragma once
#include <string>

#include "bootloader-hooks/boot_control.hpp"
#include "updater/journal.hpp"

namespace pawl::updater {

/// What a start finds beside the journal.
struct Sight {
  Slot current = Slot::kA;
  Slot primary = Slot::kA;
  std::string boot_id;
  boot::SlotState target;  // of the record's target slot
};

/// What to do about an unfinished update.
enum class Move : std::uint8_t {
  kWait,      // nothing: a restart, health or the network comes next
  kRepeat,    // the action of the state, again
  kBooted,    // the trial has started
  kFellBack,  // the loader gave the trial up
};

/// The rule of every start, pure. The record was saved before its action began, so the action may
/// be undone, half done or done; only the trial slot is counted (FORMAT 5 and 6).
[[nodiscard]] Move judge(const Record& record, const Sight& sight);

}  // namespace pawl::updater
