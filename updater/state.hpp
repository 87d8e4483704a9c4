#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pawl::updater {

/// Where one update stands. The record with the state is durable before the action of the state
/// starts; every action may be repeated. docs/ARCHITECTURE.md draws the table below.
enum class State : std::uint8_t {
  kIdle,        // nothing on trial
  kInstalling,  // the target slot is being written and must not be started
  kStaging,     // written, synced and read back; sealed state is being prepared
  kArming,      // the loader is being told to try the target slot
  kArmed,       // waiting for a restart
  kTrial,       // running the target slot, health not yet known
  kCommitting,  // healthy: loader, sealed state and floors move forward
  kReverting,   // back to the slot that is known to be good
};
inline constexpr std::size_t kStateCount = 8;

enum class Event : std::uint8_t {
  kOffer,      // a verified release is to be written
  kRollback,   // the other slot holds an allowed, whole release
  kWritten,    // every component read back right
  kStaged,     // sealed state opens from both slots
  kArmed,      // the loader has stored the trial
  kBooted,     // the target slot is running
  kHealthy,    // every health check passed, or the operator committed
  kUnhealthy,  // a health check failed, or the operator rolled back
  kFellBack,   // the loader gave the target slot up
  kCancel,     // the operator gave up before the restart
  kDone,       // the last action of this update is finished
};

struct Transition {
  State from;
  Event on;
  State to;
};

inline constexpr std::array kTransitions{
    Transition{State::kIdle, Event::kOffer, State::kInstalling},
    Transition{State::kIdle, Event::kRollback, State::kStaging},
    Transition{State::kInstalling, Event::kOffer, State::kInstalling},
    Transition{State::kInstalling, Event::kWritten, State::kStaging},
    Transition{State::kInstalling, Event::kCancel, State::kReverting},
    Transition{State::kStaging, Event::kStaged, State::kArming},
    Transition{State::kStaging, Event::kCancel, State::kReverting},
    Transition{State::kArming, Event::kArmed, State::kArmed},
    Transition{State::kArming, Event::kBooted, State::kTrial},
    Transition{State::kArming, Event::kFellBack, State::kReverting},
    Transition{State::kArming, Event::kCancel, State::kReverting},
    Transition{State::kArmed, Event::kBooted, State::kTrial},
    Transition{State::kArmed, Event::kFellBack, State::kReverting},
    Transition{State::kArmed, Event::kCancel, State::kReverting},
    Transition{State::kTrial, Event::kHealthy, State::kCommitting},
    Transition{State::kTrial, Event::kUnhealthy, State::kReverting},
    Transition{State::kTrial, Event::kFellBack, State::kReverting},
    Transition{State::kCommitting, Event::kDone, State::kIdle},
    Transition{State::kCommitting, Event::kFellBack, State::kReverting},
    Transition{State::kReverting, Event::kDone, State::kIdle},
};

/// The state after `on`, or nothing when the event has no place in `from`.
[[nodiscard]] constexpr std::optional<State> next(State from, Event on) {
  for (const auto& row : kTransitions) {
    if (row.from == from && row.on == on) return row.to;
  }
  return std::nullopt;
}

constexpr bool deterministic() {
  for (std::size_t i = 0; i < kTransitions.size(); ++i) {
    for (std::size_t j = i + 1; j < kTransitions.size(); ++j) {
      const auto& a = kTransitions[i];
      const auto& b = kTransitions[j];
      if (a.from == b.from && a.on == b.on) return false;
    }
  }
  return true;
}

constexpr bool every_state_reaches_idle() {
  std::array<bool, kStateCount> reaches{};
  reaches[static_cast<std::size_t>(State::kIdle)] = true;
  for (std::size_t round = 0; round < kStateCount; ++round) {
    for (const auto& row : kTransitions) {
      if (reaches[static_cast<std::size_t>(row.to)]) {
        reaches[static_cast<std::size_t>(row.from)] = true;
      }
    }
  }
  for (const bool ok : reaches) {
    if (!ok) return false;
  }
  return true;
}
static_assert(deterministic());
static_assert(every_state_reaches_idle());

inline constexpr std::array<std::string_view, kStateCount> kStateNames{
    "idle", "installing", "staging", "arming", "armed", "trial", "committing", "reverting"};
[[nodiscard]] constexpr std::string_view state_name(State state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

inline constexpr std::array<std::string_view, 11> kEventNames{
    "offer",   "rollback",  "written",   "staged", "armed", "booted",
    "healthy", "unhealthy", "fell-back", "cancel", "done"};
[[nodiscard]] constexpr std::string_view event_name(Event event) {
  return kEventNames[static_cast<std::size_t>(event)];
}

}  // namespace pawl::updater
