#include "updater/reconcile.hpp"

namespace pawl::updater {
namespace {

bool used_up(const boot::SlotState& target) {
  return target.condition == boot::SlotCondition::kTrial && target.tries_left == boot::Tries(0);
}

bool still_tried(const boot::SlotState& target) {
  return target.condition == boot::SlotCondition::kTrial && !used_up(target);
}

Move judge_armed(const Record& record, const Sight& sight) {
  if (record.target == sight.current) return Move::kBooted;
  if (sight.boot_id == record.boot_id) return Move::kWait;  // not restarted yet
  if (still_tried(sight.target)) return Move::kWait;        // the next restart tries it
  return Move::kFellBack;
}

Move judge_arming(const Record& record, const Sight& sight) {
  if (record.target == sight.current) return Move::kBooted;  // stored, and already restarted
  return used_up(sight.target) ? Move::kFellBack : Move::kRepeat;
}

Move judge_committing(const Record& record, const Sight& sight) {
  if (record.target == sight.current) return Move::kRepeat;
  // Floors rise only while the committed slot runs: never above what boots.
  return record.target == sight.primary ? Move::kWait : Move::kFellBack;
}

}  // namespace

Move judge(const Record& record, const Sight& sight) {
  switch (record.state) {
    case State::kIdle:
    case State::kInstalling:
      return Move::kWait;
    case State::kStaging:
    case State::kReverting:
      return Move::kRepeat;
    case State::kArming:
      return judge_arming(record, sight);
    case State::kArmed:
      return judge_armed(record, sight);
    case State::kTrial:
      return record.target == sight.current ? Move::kWait : Move::kFellBack;
    case State::kCommitting:
      return judge_committing(record, sight);
  }
  std::abort();
}

}  // namespace pawl::updater
