#include "updater/verbs.hpp"

#include "base/bytes.hpp"
#include "updater/reports.hpp"
#include "updater/slot_use.hpp"
#include "updater/verify_slot.hpp"

namespace pawl::updater {
namespace {

/// The lock, the engine, and whatever an earlier run left brought to its end.
struct Session {
  std::unique_ptr<DiskLock> lock;
  Engine engine;
  std::optional<Outcome> before;

  static Result<Session> start(Device& device) {
    PAWL_CHECK(make_directories(device.disk, device.dir.path));
    PAWL_TRY(auto lock, device.disk.lock(device.dir.lock()));
    PAWL_CHECK(device.dir.create(device.disk));
    Session session{std::move(lock), device.engine(), std::nullopt};
    PAWL_CHECK(session.engine.open());
    PAWL_CHECK(
        ToldFile(device.disk, device.dir.told()).forget_if_under_way(session.engine.record()));
    session.before = session.engine.record().last;
    PAWL_CHECK(session.engine.reconcile());
    report(device, session.engine.record());
    return session;
  }
};

/// kRollback: the install was begun by a ticket, which is used up.
bool may_resume_without_metadata(Errc code) {
  return code == Errc::kExpired || code == Errc::kTransport || code == Errc::kOffline ||
         code == Errc::kRollback;
}

/// The release of an interrupted install, from its stored manifest.
Result<manifest::Release> interrupted_release(Device& device, Engine& engine) {
  const auto& record = engine.record();
  PAWL_TRY(const auto bytes, read_file(device.disk, device.dir.installed(*record.target),
                                       manifest::kMaxReleaseBytes));
  PAWL_TRY(const auto floors, engine.floors());
  const auto facts = facts_of(device.config, device.clock.now(), std::nullopt);
  PAWL_TRY(const auto again,
           manifest::reload_release(bytes, record.release->manifest, facts, floors));
  return again->release;
}

/// A release to install, with the bytes of its manifest when they are new.
struct Offer {
  manifest::Release release;
  ReleaseId id;
  std::optional<Bytes> manifest;
  std::optional<manifest::Override> ticket;  // to be used up before anything changes
  std::optional<manifest::Logged> logged;    // of a manifest that came now
};

Result<std::optional<Offer>> find_offer(Device& device, Engine& engine,
                                        const InstallRequest& request) {
  auto refreshed = choose_release(device, engine, {request.version, request.ticket});
  const auto& record = engine.record();
  const bool same = record.release && request.version == record.release->version;
  const bool unfinished = (record.state == State::kInstalling && (same || !request.version)) ||
                          (record.state == State::kArmed && same);
  if (!refreshed && unfinished && may_resume_without_metadata(refreshed.error().code())) {
    auto again = interrupted_release(device, engine);
    if (!again) return std::move(refreshed).error();
    return std::optional(Offer{*std::move(again), *engine.record().release, std::nullopt,
                               std::nullopt, std::nullopt});
  }
  PAWL_TRY(auto result, std::move(refreshed));
  if (!result.chosen) return std::optional<Offer>();
  const auto& accepted = *result.chosen->accepted;
  if (request.manifest && *request.manifest != accepted.digest) {
    return fail(Errc::kHashMismatch, "the server offered another manifest of " +
                                         accepted.release.version + " than the repository lists");
  }
  return std::optional(Offer{accepted.release, ReleaseId::of(accepted.release, accepted.digest),
                             std::move(result.chosen->manifest), std::move(result.ticket),
                             result.chosen->logged});
}

Status refuse_while_busy(const Record& record) {
  if (next(record.state, Event::kOffer) || record.state == State::kArmed) return Ok{};
  return fail(Errc::kBusy, "release " + record.release->version + " is in state " +
                               std::string(state_name(record.state)))
      .with_hint("finish it with: pawl-updater trial, or give it up with: pawl-updater rollback");
}

Result<InstallTotals> write_all(Device& device, const std::vector<PlannedComponent>& plan) {
  InstallTotals sum;
  for (const auto& planned : plan) {
    PAWL_TRY(const auto one, device.installer().write(planned));
    sum.windows += one.windows;
    sum.present += one.present;
    sum.fetched += one.fetched;
  }
  return sum;
}

Result<std::vector<PlannedComponent>> plan_of(Device& device, const Engine& engine,
                                              const manifest::Release& release, Slot target) {
  const auto running = boot::other(target);
  PAWL_TRY(const auto to, device.layout(target));
  PAWL_TRY(const auto from, device.layout(running));
  PAWL_CHECK(check_unused(device.host, to, from));
  const auto base = device.stored_release(running, engine.record());
  return device.installer().plan(release, to, from, base ? &*base : nullptr);
}

/// The other slot's release lies below the floor: it becomes a copy of the running one.
Result<bool> heal(Device& device, Engine& engine) {
  PAWL_TRY(const auto current, device.boot.current());
  const auto target = boot::other(current);
  PAWL_TRY(const bool needed, engine.needs_healing(target));
  if (!needed) return false;
  PAWL_TRY(const auto primary, device.boot.primary());
  if (primary != current) return false;
  PAWL_TRY(const auto release, device.stored_release(current, engine.record()));
  PAWL_TRY(const auto from, device.layout(current));
  PAWL_TRY(const auto to, device.layout(target));
  PAWL_CHECK(check_unused(device.host, to, from));
  PAWL_CHECK(device.boot.mark_bad(target));
  PAWL_CHECK(copy_slot(device.disk, release, from, to, device.progress));
  PAWL_TRY(const auto bytes,
           read_file(device.disk, device.dir.installed(current), manifest::kMaxReleaseBytes));
  PAWL_CHECK(replace_file(device.disk, device.dir.installed(target), bytes));
  PAWL_CHECK(engine.healed(target));
  return true;
}

/// Healing is repeated at the next run: its failure never undoes a commit.
bool try_heal(Device& device, Engine& engine) {
  const auto done = heal(device, engine);
  if (!done) {
    device.log.write(LogLevel::kError, "heal.failed", {{"why", done.error().what()}});
    return false;
  }
  return *done;
}

Result<TrialResult> conclude(Device& device, Engine& engine) {
  TrialResult out;
  out.end = TrialResult::End::kCommitted;
  out.version = engine.record().release->version;
  PAWL_CHECK(engine.healthy());
  report(device, engine.record());
  out.healed = try_heal(device, engine);
  return out;
}

/// Tells the hooks how the last update ended, unless they know. Their answer changes nothing.
Status tell_end(Device& device, const Record& record) {
  ToldFile file(device.disk, device.dir.told());
  PAWL_TRY(const bool due, file.due(record));
  if (!due) return Ok{};
  PAWL_TRY(const auto primary, device.boot.primary());
  const bool kept = record.last->ending == Ending::kCommitted;
  const auto ran = device.hooks.run(
      kept ? HookPoint::kPostCommit : HookPoint::kPostRollback,
      {kept ? primary : boot::other(primary), record.last->version, record.last->reason});
  if (ran && *ran == 0) return Ok{};  // nobody to be told
  return file.told(*record.last);
}

/// As tell_end; the next trial() tries again what could not be noted.
void try_tell_end(Device& device, const Record& record) {
  if (const auto done = tell_end(device, record); !done) {
    device.log.write(LogLevel::kError, "hook.failed", {{"why", done.error().what()}});
  }
}

std::string first_problem(const std::vector<CheckResult>& checks) {
  for (const auto& check : checks) {
    if (!check.problem.empty()) return "health check " + check.name + ": " + check.problem;
  }
  return {};
}

/// A trial that cannot open the sealed state has failed. Its journal cannot be read, so only the
/// loader is told; the slot it returns to opens the state and finishes the revert.
Result<TrialResult> give_up_closed_trial(Device& device, Error why) {
  PAWL_TRY(const auto current, device.boot.current());
  PAWL_TRY(const auto primary, device.boot.primary());
  PAWL_TRY(const auto state, device.boot.state(current));
  if (current == primary || state.condition != boot::SlotCondition::kTrial) return why;
  PAWL_CHECK(device.boot.mark_bad(current));
  TrialResult out;
  out.end = TrialResult::End::kReverted;
  out.reason = "the sealed state does not open: " + why.what();
  return out;
}

Result<RollbackResult> give_up(Engine& engine) {
  const auto& record = engine.record();
  RollbackResult out{RollbackResult::End::kReverted, record.release->version, *record.target};
  if (record.state == State::kTrial) {
    PAWL_CHECK(engine.unhealthy("rolled back by the operator"));
    return out;
  }
  if (!next(record.state, Event::kCancel)) {
    return fail(Errc::kBusy,
                "release " + out.version + " is in state " + std::string(state_name(record.state)))
        .with_hint("restart the device");
  }
  out.end = RollbackResult::End::kCancelled;
  PAWL_CHECK(engine.cancel());
  return out;
}

Status check_above_floor(const ReleaseId& release, const manifest::Floors& floors) {
  if (release.security >= floors.security_version) return Ok{};
  return fail(Errc::kRollback, "release " + release.version + " has security version " +
                                   std::to_string(release.security.get()) +
                                   ", the floor of this device is " +
                                   std::to_string(floors.security_version.get()));
}

/// the manual: only a slot that is whole and not below the floor.
Result<RollbackResult> try_other_slot(Device& device, Engine& engine) {
  PAWL_TRY(const auto current, device.boot.current());
  PAWL_TRY(const auto primary, device.boot.primary());
  const auto target = boot::other(current);
  const auto name = "slot " + std::string(boot::letter(target));
  if (current != primary) {
    return fail(Errc::kBusy, name + " is the primary slot already").with_hint("restart the device");
  }
  const auto& held = engine.record().holds(target);
  if (!held) return fail(Errc::kRollback, name + " holds no whole release");
  PAWL_TRY(const auto floors, engine.floors());
  PAWL_CHECK(check_above_floor(*held, floors));
  PAWL_TRY(const auto state, device.boot.state(target));
  if (state.condition == boot::SlotCondition::kBad) {
    return fail(Errc::kBootloader,
                name + " is marked bad: release " + held->version + " did not pass its trial");
  }
  PAWL_TRY(const auto release, device.stored_release(target, engine.record()));
  PAWL_TRY(const auto layout, device.layout(target));
  PAWL_CHECK(verify_slot(device.disk, release, layout, device.progress));
  const auto id = *held;
  PAWL_CHECK(engine.roll_back_to(id));
  return RollbackResult{RollbackResult::End::kArmed, id.version, target};
}

}  // namespace

Result<CheckResultOf> check(Device& device) {
  PAWL_TRY(auto session, Session::start(device));
  PAWL_TRY(const auto refreshed, choose_release(device, session.engine, {}));
  CheckResultOf out{refreshed.report, std::nullopt};
  if (refreshed.chosen) {
    out.release = refreshed.chosen->accepted->release;
    out.logged = refreshed.chosen->logged;
  }
  return out;
}

namespace {

std::vector<std::string> waived_by(const manifest::Override& ticket) {
  std::vector<std::string> out;
  for (const auto waiver : ticket.ticket().waivers) {
    out.emplace_back(manifest::waiver_name(waiver));
  }
  return out;
}

/// FORMAT 15.3.4: the nonce is gone, and cannot come back, before the ticket has an effect.
Status use_up(Device& device, Engine& engine, const manifest::Override& ticket) {
  PAWL_CHECK(engine.use_ticket());
  std::string signers;
  for (const auto& id : ticket.signers()) signers += (signers.empty() ? "" : " ") + id.text;
  std::string waived;
  for (const auto& name : waived_by(ticket)) waived += (waived.empty() ? "" : " ") + name;
  device.log.write(LogLevel::kWarning, "ticket.used",
                   {{"waives", waived},
                    {"manifest", to_hex(ticket.ticket().manifest)},
                    {"nonce", to_hex(ticket.ticket().nonce)},
                    {"keys", signers}});
  return Ok{};
}

Result<InstallResult> install_offer(Device& device, Engine& engine, const InstallRequest& request) {
  PAWL_CHECK(refuse_while_busy(engine.record()));
  PAWL_TRY(const auto offer, find_offer(device, engine, request));
  if (!offer) return InstallResult{};
  PAWL_TRY(const auto current, device.boot.current());
  InstallResult out{InstallResult::End::kArmed,
                    offer->release.version,
                    boot::other(current),
                    {},
                    {},
                    offer->logged};
  if (offer->ticket) out.waived = waived_by(*offer->ticket);
  if (engine.record().state == State::kArmed && engine.record().release == offer->id) return out;
  PAWL_TRY(const auto plan, plan_of(device, engine, offer->release, out.target));
  if (request.dry_run == DryRun::kYes) {
    out.end = InstallResult::End::kPlanned;
    return out;
  }
  const HookFacts facts{out.target, out.version, ""};
  PAWL_CHECK(device.hooks.run(HookPoint::kPreInstall, facts));
  if (offer->ticket) PAWL_CHECK(use_up(device, engine, *offer->ticket));
  PAWL_CHECK(engine.offer(offer->id));
  report(device, engine.record());
  if (offer->manifest) {
    PAWL_CHECK(replace_file(device.disk, device.dir.installed(out.target), *offer->manifest));
  }
  PAWL_TRY(out.totals, write_all(device, plan));
  PAWL_CHECK(device.hooks.run(HookPoint::kPostInstall, facts));
  PAWL_CHECK(engine.written());
  return out;
}

}  // namespace

Result<InstallResult> install(Device& device, const InstallRequest& request) {
  if (request.ticket && !request.version) {
    return fail(Errc::kUsage, "a ticket is for one release: name it with --release");
  }
  PAWL_TRY(auto session, Session::start(device));
  auto done = install_offer(device, session.engine, request);
  const auto& record = session.engine.record();
  if (done) report(device, record);
  if (!done) report_failure(device, record, request.manifest, done.error());
  return done;
}

Result<manifest::Tickets> override_request(Device& device, Random& random) {
  PAWL_TRY(auto session, Session::start(device));
  return ask_for_ticket(device, session.engine, random);
}

Status refresh(Device& device) {
  PAWL_TRY(auto session, Session::start(device));
  return refresh_metadata(device, session.engine);
}

Result<BootResult> boot_up(Device& device) {
  PAWL_TRY(auto session, Session::start(device));
  const auto& record = session.engine.record();
  BootResult out;
  out.state = record.state;
  PAWL_TRY(out.running, device.boot.current());
  if (record.holds(out.running)) out.version = record.holds(out.running)->version;
  if (record.last != session.before) out.ended = record.last;
  return out;
}

namespace {

Result<TrialResult> judge_trial(Device& device, Engine& engine) {
  if (engine.record().state != State::kTrial) {
    TrialResult nothing;
    nothing.healed = try_heal(device, engine);
    return nothing;
  }
  TrialResult out;
  out.version = engine.record().release->version;
  auto checks = device.health.run({*engine.record().target, out.version});
  out.reason = checks ? first_problem(*checks) : checks.error().what();
  if (checks) out.checks = *std::move(checks);
  if (out.reason.empty()) {
    PAWL_TRY(auto concluded, conclude(device, engine));
    concluded.checks = std::move(out.checks);
    return concluded;
  }
  out.end = TrialResult::End::kReverted;
  PAWL_CHECK(engine.unhealthy(out.reason));
  report(device, engine.record());
  return out;
}

}  // namespace

Result<TrialResult> trial(Device& device) {
  auto started = Session::start(device);
  if (!started && started.error().code() == Errc::kTpm) {
    return give_up_closed_trial(device, std::move(started).error());
  }
  PAWL_TRY(auto session, std::move(started));
  auto judged = judge_trial(device, session.engine);
  try_tell_end(device, session.engine.record());
  return judged;
}

void tell_before_restart(Device& device, const std::string& version) {
  const auto current = device.boot.current();
  if (!current) return;
  const auto ran = device.hooks.run(HookPoint::kPreReboot, {*current, version, ""});
  if (!ran) device.log.write(LogLevel::kError, "hook.failed", {{"why", ran.error().what()}});
}

Result<TrialResult> commit(Device& device) {
  PAWL_TRY(auto session, Session::start(device));
  if (session.engine.record().state != State::kTrial) return TrialResult{};
  auto concluded = conclude(device, session.engine);
  try_tell_end(device, session.engine.record());
  return concluded;
}

Result<RollbackResult> rollback(Device& device) {
  PAWL_TRY(auto session, Session::start(device));
  auto& engine = session.engine;
  auto done =
      engine.record().state != State::kIdle ? give_up(engine) : try_other_slot(device, engine);
  report(device, engine.record());
  try_tell_end(device, engine.record());
  return done;
}

Result<StatusResult> status(Device& device) {
  auto engine = device.engine();
  PAWL_CHECK(engine.peek());
  StatusResult out;
  out.record = engine.record();
  PAWL_TRY(out.running, device.boot.current());
  PAWL_TRY(out.primary, device.boot.primary());
  for (const auto slot : {Slot::kA, Slot::kB}) {
    auto& row = out.slots[slot == Slot::kA ? 0 : 1];
    PAWL_TRY(row.state, device.boot.state(slot));
    row.holds = out.record.holds(slot);
  }
  out.closed = engine.closed();
  if (out.closed.empty()) {
    auto floors = engine.floors();
    out.floors_problem = floors ? "" : floors.error().what();
    if (floors) out.floors = *std::move(floors);
  }
  out.floor_kind = device.sealing.floor_kind();
  out.loader = device.boot.capabilities();
  out.restart_due = out.record.state == State::kArmed || out.running != out.primary;
  if (out.record.state == State::kTrial && out.record.target == out.running) {
    out.restart_due = false;
  }
  return out;
}

}  // namespace pawl::updater
