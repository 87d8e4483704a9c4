#include "updater/state.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "updater/reconcile.hpp"

using namespace pawl;
using namespace pawl::updater;
using boot::SlotCondition;
using boot::SlotState;
using boot::Tries;

TEST_CASE("state machine: what has no place is refused", "[updater][state]") {
  struct Row {
    State from;
    Event on;
  };
  const auto row =
      GENERATE(Row{State::kIdle, Event::kHealthy}, Row{State::kIdle, Event::kWritten},
               Row{State::kIdle, Event::kBooted}, Row{State::kInstalling, Event::kArmed},
               Row{State::kInstalling, Event::kBooted}, Row{State::kStaging, Event::kBooted},
               Row{State::kStaging, Event::kOffer}, Row{State::kArmed, Event::kHealthy},
               Row{State::kArmed, Event::kOffer}, Row{State::kTrial, Event::kOffer},
               Row{State::kTrial, Event::kCancel}, Row{State::kTrial, Event::kDone},
               Row{State::kCommitting, Event::kUnhealthy}, Row{State::kCommitting, Event::kOffer},
               Row{State::kReverting, Event::kHealthy}, Row{State::kReverting, Event::kOffer});
  INFO(state_name(row.from) << " on " << event_name(row.on));
  CHECK_FALSE(next(row.from, row.on));
}

TEST_CASE("state machine: a trial is only committed out of a trial", "[updater][state]") {
  for (const auto& row : kTransitions) {
    if (row.to == State::kCommitting) CHECK(row.from == State::kTrial);
    if (row.to == State::kArmed) CHECK(row.from == State::kArming);
    if (row.to == State::kArming) CHECK(row.from == State::kStaging);
  }
}

TEST_CASE("state machine: every state can be reached", "[updater][state]") {
  std::set<State> seen{State::kIdle};
  for (std::size_t round = 0; round < kStateCount; ++round) {
    for (const auto& row : kTransitions) {
      if (seen.contains(row.from)) seen.insert(row.to);
    }
  }
  CHECK(seen.size() == kStateCount);
}

TEST_CASE("reconcile: what a start does about each state", "[updater][reconcile]") {
  const SlotState bad{SlotCondition::kBad, Tries(0)};
  const SlotState good{SlotCondition::kGood, Tries(0)};
  const SlotState tried{SlotCondition::kTrial, Tries(2)};
  const SlotState used_up{SlotCondition::kTrial, Tries(0)};
  struct Row {
    const char* why;
    State state;
    Slot current;  // the target is b
    Slot primary;
    const char* boot_id;  // the trial was armed in boot-1
    SlotState target;
    Move move;
  };
  const auto row = GENERATE_COPY(
      Row{"idle", State::kIdle, Slot::kA, Slot::kA, "boot-2", good, Move::kWait},
      Row{"half written", State::kInstalling, Slot::kA, Slot::kA, "boot-2", bad, Move::kWait},
      Row{"staging", State::kStaging, Slot::kA, Slot::kA, "boot-2", bad, Move::kRepeat},
      Row{"arming not stored", State::kArming, Slot::kA, Slot::kA, "boot-2", bad, Move::kRepeat},
      Row{"arming stored", State::kArming, Slot::kA, Slot::kA, "boot-1", tried, Move::kRepeat},
      Row{"arming, started", State::kArming, Slot::kB, Slot::kA, "boot-2", tried, Move::kBooted},
      Row{"arming, given up", State::kArming, Slot::kA, Slot::kA, "boot-4", used_up,
          Move::kFellBack},
      Row{"armed, same boot", State::kArmed, Slot::kA, Slot::kA, "boot-1", tried, Move::kWait},
      Row{"armed, same boot, one-shot", State::kArmed, Slot::kA, Slot::kA, "boot-1", good,
          Move::kWait},
      Row{"armed, started", State::kArmed, Slot::kB, Slot::kA, "boot-2", tried, Move::kBooted},
      Row{"armed, tries left", State::kArmed, Slot::kA, Slot::kA, "boot-2", tried, Move::kWait},
      Row{"armed, given up", State::kArmed, Slot::kA, Slot::kA, "boot-4", used_up, Move::kFellBack},
      Row{"armed, one-shot gone", State::kArmed, Slot::kA, Slot::kA, "boot-2", good,
          Move::kFellBack},
      Row{"trial runs", State::kTrial, Slot::kB, Slot::kA, "boot-2", tried, Move::kWait},
      Row{"trial lost", State::kTrial, Slot::kA, Slot::kA, "boot-5", used_up, Move::kFellBack},
      Row{"committing", State::kCommitting, Slot::kB, Slot::kA, "boot-2", tried, Move::kRepeat},
      Row{"committing, stored", State::kCommitting, Slot::kB, Slot::kB, "boot-3", good,
          Move::kRepeat},
      Row{"committing, lost", State::kCommitting, Slot::kA, Slot::kA, "boot-5", used_up,
          Move::kFellBack},
      Row{"committed, other runs", State::kCommitting, Slot::kA, Slot::kB, "boot-5", good,
          Move::kWait},
      Row{"reverting", State::kReverting, Slot::kB, Slot::kA, "boot-2", bad, Move::kRepeat},
      Row{"reverting after start", State::kReverting, Slot::kA, Slot::kA, "boot-3", bad,
          Move::kRepeat});
  INFO(row.why);
  Record record;
  record.state = row.state;
  record.target = Slot::kB;
  record.boot_id = "boot-1";
  CHECK(judge(record, {row.current, row.primary, row.boot_id, row.target}) == row.move);
}
