#include "updater/engine.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/release.hpp"
#include "updater/unverified_records.hpp"

namespace pawl::updater {
namespace {

constexpr std::string_view kCancelled = "given up before the restart";

std::string slot_name(Slot slot) {
  return "slot " + std::string(boot::letter(slot));
}

bool damaged(const Error& error) {
  return error.code() == Errc::kMalformed || error.code() == Errc::kTooLarge;
}
/// As damaged; kTpm here means that somebody else wrote it (RecordGuard::accept).
bool unusable(const Error& error) {
  return damaged(error) || error.code() == Errc::kTpm;
}

}  // namespace

Status Engine::open() {
  PAWL_TRY(const auto current, parts_.boot.current());
  PAWL_CHECK(parts_.sealing.open(current));
  auto loaded = journal_.load_durable();
  if (!loaded && !unusable(loaded.error())) return std::move(loaded).error();
  if (!loaded) {
    parts_.log.write(LogLevel::kError, "journal.damaged", {{"why", loaded.error().what()}});
  }
  record_ = loaded ? *std::move(loaded) : Record{};
  PAWL_TRY(const auto primary, parts_.boot.primary());
  PAWL_CHECK(parts_.sealing.settle(record_.state, primary));
  PAWL_CHECK(adopt());
  return adopt_floors();
}

Status Engine::peek() {
  PAWL_TRY(const auto current, parts_.boot.current());
  if (auto opened = parts_.sealing.open(current); !opened) {
    closed_ = opened.error().what();
    UnverifiedRecords view;
    auto shown = Journal(parts_.disk, dir_.journal(), view).load();
    record_ = shown ? *std::move(shown) : Record{};
    return Ok{};
  }
  auto loaded = journal_.load();
  if (!loaded && !unusable(loaded.error())) return std::move(loaded).error();
  record_ = loaded ? *std::move(loaded) : Record{};
  return adopt();
}

/// What the running slot holds, for a journal that does not know it (a new device).
Status Engine::adopt() {
  PAWL_TRY(const auto current, parts_.boot.current());
  if (record_.holds(current) || record_.state != State::kIdle) return Ok{};
  PAWL_TRY(const auto bytes,
           read_optional(parts_.disk, dir_.installed(current), manifest::kMaxReleaseBytes));
  if (!bytes) return Ok{};
  auto release = manifest::Release::parse(as_text(*bytes));
  if (!release) {
    auto error = std::move(release).error();
    error.prefix(dir_.installed(current));
    return error;
  }
  record_.holds(current) = ReleaseId::of(*release, sha256(*bytes));
  return Ok{};
}

/// A lost or damaged floors record starts again from the release that runs, never below it. With a
/// TPM it is never made up: what needs it refuses, and the device goes on running.
Status Engine::adopt_floors() {
  auto loaded = floors_.load();
  if (loaded && *loaded) return Ok{};
  if (!loaded &&
      (loaded.error().code() == Errc::kTpm || loaded.error().code() == Errc::kRollback)) {
    parts_.log.write(LogLevel::kError, "floors.refused", {{"why", loaded.error().what()}});
    return Ok{};
  }
  if (!loaded && !damaged(loaded.error())) return std::move(loaded).error();
  if (!loaded) {
    parts_.log.write(LogLevel::kError, "floors.damaged", {{"why", loaded.error().what()}});
  }
  PAWL_TRY(const auto current, parts_.boot.current());
  const auto& running = record_.holds(current);
  if (!running) return Ok{};
  return floors_.save(manifest::with_commit({}, running->counter, running->min_security));
}

Result<manifest::Floors> Engine::floors() {
  PAWL_TRY(auto loaded, floors_.load());
  auto floors = loaded ? *std::move(loaded) : manifest::Floors{};
  PAWL_TRY(const auto hardware, parts_.sealing.floor());
  floors.security_version = std::max(floors.security_version, hardware);
  return floors;
}

Status Engine::use_ticket() {
  PAWL_TRY(auto now, floors());
  PAWL_CHECK(floors_.save(manifest::with_ticket_used(std::move(now))));
  return parts_.sealing.anchor_floors();
}

Result<bool> Engine::needs_healing(Slot slot) {
  PAWL_TRY(const auto now, floors());
  const auto& held = record_.holds(slot);
  return record_.state == State::kIdle && held && held->security < now.security_version;
}

Result<Sight> Engine::look() {
  Sight sight;
  PAWL_TRY(sight.current, parts_.boot.current());
  PAWL_TRY(sight.primary, parts_.boot.primary());
  PAWL_TRY(sight.boot_id, parts_.boot.boot_id());
  if (record_.target) {
    PAWL_TRY(sight.target, parts_.boot.state(*record_.target));
  }
  return sight;
}

Status Engine::reconcile() {
  if (record_.state == State::kIdle) return end_unknown_trial();
  PAWL_TRY(const auto sight, look());
  switch (judge(record_, sight)) {
    case Move::kWait:
      return Ok{};
    case Move::kBooted:
      return advance(Event::kBooted);
    case Move::kFellBack:
      record_.reason = "the boot loader went back to " + slot_name(sight.current);
      return advance(Event::kFellBack);
    case Move::kRepeat:
      break;
  }
  PAWL_TRY(const auto event, act());
  return event ? advance(*event) : Status(Ok{});
}

/// The journal, not the loader, says "on trial": a trial it does not know is ended.
Status Engine::end_unknown_trial() {
  PAWL_TRY(const auto primary, parts_.boot.primary());
  const auto target = boot::other(primary);
  PAWL_TRY(const auto state, parts_.boot.state(target));
  if (state.condition != boot::SlotCondition::kTrial) return Ok{};
  parts_.log.write(LogLevel::kWarning, "trial.unknown", {{"slot", slot_name(target)}});
  return parts_.boot.mark_bad(target);
}

Status Engine::offer(const ReleaseId& release) {
  PAWL_TRY(const auto current, parts_.boot.current());
  PAWL_TRY(const auto primary, parts_.boot.primary());
  if (current != primary) {
    return fail(Errc::kBusy, slot_name(current) + " is running but " + slot_name(primary) +
                                 " is the primary slot")
        .with_hint("restart the device first");
  }
  const auto target = boot::other(current);
  const bool resumes =
      record_.state == State::kInstalling && record_.release == release && record_.target == target;
  if (resumes) return parts_.boot.mark_bad(target);
  if (!next(record_.state, Event::kOffer)) {
    return fail(Errc::kBusy, "an update to " + record_.release->version + " is " +
                                 std::string(state_name(record_.state)))
        .with_hint("restart to try it, or give it up with: pawl-updater rollback");
  }
  record_.target = target;
  record_.release = release;
  record_.purpose = Purpose::kInstall;
  record_.tried = Tried::kNo;
  record_.holds(target).reset();
  PAWL_CHECK(advance(Event::kOffer));
  return parts_.boot.mark_bad(target);  // before its first byte changes
}

Status Engine::written() {
  PAWL_ASSERT(record_.target && record_.release);
  record_.holds(*record_.target) = record_.release;
  return advance(Event::kWritten);
}

Status Engine::healthy() {
  return advance(Event::kHealthy);
}

Status Engine::unhealthy(std::string reason) {
  record_.reason = clip_reason(reason);
  return advance(Event::kUnhealthy);
}

Status Engine::cancel() {
  record_.reason = kCancelled;
  return advance(Event::kCancel);
}

Status Engine::roll_back_to(const ReleaseId& release) {
  PAWL_TRY(const auto current, parts_.boot.current());
  record_.target = boot::other(current);
  record_.release = release;
  record_.purpose = Purpose::kRollback;
  record_.tried = Tried::kNo;
  return advance(Event::kRollback);
}

Status Engine::healed(Slot slot) {
  PAWL_CHECK(parts_.boot.mark_good(slot));
  record_.holds(slot) = record_.holds(boot::other(slot));
  return journal_.save(record_);
}

/// One step of the table after another: record first, then the action.
Status Engine::advance(Event event) {
  std::optional<Event> pending = event;
  while (pending) {
    const auto to = next(record_.state, *pending);
    if (!to) {
      return fail(Errc::kUsage, std::string(event_name(*pending)) + " has no place in state " +
                                    std::string(state_name(record_.state)));
    }
    PAWL_CHECK(move_to(*to, *pending));
    PAWL_TRY(pending, act());
  }
  return Ok{};
}

Status Engine::move_to(State state, Event why) {
  parts_.log.write(LogLevel::kInfo, "state",
                   {{"from", std::string(state_name(record_.state))},
                    {"on", std::string(event_name(why))},
                    {"to", std::string(state_name(state))}});
  if (state == State::kArmed) {
    PAWL_TRY(record_.boot_id, parts_.boot.boot_id());
  }
  if (state == State::kTrial) record_.tried = Tried::kYes;
  if (why == Event::kDone) finish();
  record_.state = state;
  return journal_.save(record_);
}

/// The idle record after an update: what is where, and how it ended.
void Engine::finish() {
  Outcome outcome{Ending::kCommitted, record_.release->version, record_.reason};
  if (record_.state == State::kReverting) {
    outcome.ending = record_.reason == kCancelled ? Ending::kCancelled : Ending::kReverted;
  }
  const auto slots = record_.slots;
  record_ = Record{};
  record_.slots = slots;
  record_.last = std::move(outcome);
}

/// The action of the present state, repeatable; the event it ends with, or nothing to wait.
Result<std::optional<Event>> Engine::act() {
  switch (record_.state) {
    case State::kIdle:
    case State::kInstalling:
    case State::kArmed:
    case State::kTrial:
      return std::optional<Event>();
    case State::kStaging:
      PAWL_CHECK(parts_.sealing.stage(*record_.target, *record_.release));
      return std::optional(Event::kStaged);
    case State::kArming:
      PAWL_CHECK(parts_.boot.try_once(*record_.target, boot::Tries(record_.release->tries)));
      return std::optional(Event::kArmed);
    case State::kCommitting:
      PAWL_CHECK(commit_actions());
      return std::optional(Event::kDone);
    case State::kReverting:
      PAWL_CHECK(revert_actions());
      return std::optional(Event::kDone);
  }
  std::abort();
}

/// ARCHITECTURE: loader, sealed state, then the floor; the other slot is marked bad before the
/// floor rises above it.
Status Engine::commit_actions() {
  const auto good = *record_.target;
  const auto& release = *record_.release;
  PAWL_TRY(const auto before, floors());  // refused before anything moves
  PAWL_CHECK(parts_.boot.commit(good));
  PAWL_CHECK(parts_.sealing.commit(good, release));
  const auto after = manifest::with_commit(before, release.counter, release.min_security);
  const auto& held = record_.holds(boot::other(good));
  if ((held ? held->security : SecurityVersion(0)) < after.security_version) {
    PAWL_CHECK(parts_.boot.mark_bad(boot::other(good)));
  }
  PAWL_CHECK(parts_.sealing.raise_floor(after.security_version));
  PAWL_CHECK(floors_.save(after));
  return parts_.sealing.anchor_floors();
}

Status Engine::revert_actions() {
  const auto target = *record_.target;
  const auto kept = boot::other(target);
  PAWL_TRY(const auto primary, parts_.boot.primary());
  if (primary == target) PAWL_CHECK(parts_.boot.commit(kept));
  const bool untouched = record_.purpose == Purpose::kRollback && record_.tried == Tried::kNo &&
                         record_.reason == kCancelled;
  PAWL_CHECK(untouched ? parts_.boot.mark_good(target) : parts_.boot.mark_bad(target));
  return parts_.sealing.withdraw(kept, record_.holds(kept));
}

}  // namespace pawl::updater
