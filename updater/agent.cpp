#include "updater/agent.hpp"

#include <algorithm>

#include "updater/spool.hpp"

namespace pawl::updater {
namespace {

using End = PollResult::End;
constexpr unsigned kBatches = 8;  // of one round

http::ClientRequest post(std::string path, std::string body, std::size_t limit) {
  http::ClientRequest out;
  out.method = http::ClientMethod::kPost;
  out.path = std::move(path);
  out.body = std::move(body);
  out.limit = limit;
  return out;
}

}  // namespace

Result<PollRequest> Agent::request() const {
  auto engine = device_.engine();
  PAWL_CHECK(engine.peek());
  PollRequest out;
  PAWL_TRY(out.slot, device_.boot.current());
  PAWL_TRY(out.boot_id, device_.boot.boot_id());
  PAWL_TRY(const auto floors, engine.floors());
  out.root = std::max(floors.root, MetadataVersion(1));  // the one in the image
  if (const auto& running = engine.record().holds(out.slot)) {
    out.release_counter = running->counter;
    out.security_version = running->security;
  }
  out.etag = etag_;
  return out;
}

Result<std::optional<PollAnswer>> Agent::ask() {
  PAWL_TRY(const auto about, request());
  PAWL_TRY(const auto answer, link_.send(post("/v1/check", about.format(), PollAnswer::kMaxBytes)));
  if (answer.status == 204) return std::optional<PollAnswer>();
  if (answer.status != 200) return http::answer_error(answer, "poll");
  PAWL_TRY(auto parsed, PollAnswer::parse(answer.body));
  return std::optional(std::move(parsed));
}

Result<PollResult> Agent::act(const PollAnswer& answer) {
  PollResult out{End::kRefreshed, "", {}, answer.poll_after};
  if (answer.meta.empty()) {
    out.end = End::kNothing;
    return out;
  }
  if (!answer.offer) {
    PAWL_CHECK(refresh(device_));
    return out;
  }
  out.version = answer.offer->version;
  auto installed = install(device_, {out.version, DryRun::kNo, answer.offer->manifest});
  if (!installed && installed.error().code() == Errc::kBusy) {
    out.end = End::kBusy;
    return out;
  }
  if (!installed) return std::move(installed).error();
  if (installed->end == InstallResult::End::kArmed) out.end = End::kArmed;
  out.totals = installed->totals;
  return out;
}

/// The records of the server's answer leave the disk; another run that holds the lock lets them
/// be sent once more.
Status Agent::acknowledge(std::uint64_t seq) {
  PAWL_TRY(const auto lock, device_.disk.lock(device_.dir.lock()));
  SpoolFile file(device_.disk, device_.dir.spool());
  PAWL_TRY(auto spool, file.load(device_.clock.now()));
  spool.acknowledge(seq);
  return file.save(spool);
}

Status Agent::deliver() {
  SpoolFile file(device_.disk, device_.dir.spool());
  for (unsigned batch = 0; batch < kBatches; ++batch) {
    PAWL_TRY(const auto spool, file.load(device_.clock.now()));
    if (spool.records.empty()) return Ok{};
    PAWL_TRY(const auto answer, link_.send(post("/v1/status", spool.batch(), 1024)));
    if (answer.status != 200) return http::answer_error(answer, "status");
    PAWL_TRY(const auto seq, parse_acknowledged(answer.body));
    if (seq < spool.records.front().seq) {
      return fail(Errc::kMalformed, "the server acknowledged none of the status records");
    }
    PAWL_CHECK(acknowledge(seq));
  }
  return Ok{};
}

Result<PollResult> Agent::poll() {
  auto delivered = deliver();
  if (!delivered) {
    const auto code = delivered.error().code();
    const bool no_server = code == Errc::kTransport || code == Errc::kTimeout ||
                           code == Errc::kOffline || code == Errc::kPeer;
    if (no_server && delivered.error().raw() != 404) return std::move(delivered).error();
    device_.log.write(LogLevel::kWarning, "status.kept", {{"why", delivered.error().what()}});
  }
  PAWL_TRY(const auto answer, ask());
  if (!answer) return PollResult{End::kNothing, "", {}, link_.asked_wait()};
  PAWL_TRY(auto done, act(*answer));
  etag_ = answer->meta;
  if (auto after = deliver(); !after) {
    device_.log.write(LogLevel::kWarning, "status.kept", {{"why", after.error().what()}});
  }
  return done;
}

Seconds Agent::next_wait(const Result<PollResult>& done, Jitter& jitter) {
  const auto interval = device_.config.poll;
  if (done) {
    failures_ = 0;
    return poll_wait(interval, done->asked, jitter.next());
  }
  ++failures_;
  device_.log.write(
      LogLevel::kWarning, "poll.failed",
      {{"code", std::string(errc_name(done.error().code()))}, {"why", done.error().what()}});
  // A server that says no means it; only a broken way to it is worth an early try.
  if (done.error().code() == Errc::kRefusedByServer) {
    return poll_wait(interval, link_.asked_wait(), jitter.next());
  }
  return retry_wait(failures_, interval, link_.asked_wait(), jitter.next());
}

/// A pre-reboot hook puts the restart into a trial off until the next poll.
bool Agent::may_restart(const PollResult& done) {
  if (done.end != End::kArmed || !device_.config.boot.reboot) return false;
  const auto current = device_.boot.current();
  if (!current) return false;
  const auto asked =
      device_.hooks.run(HookPoint::kPreReboot, {boot::other(*current), done.version, ""});
  if (asked) return true;
  device_.log.write(LogLevel::kWarning, "restart.put_off", {{"why", asked.error().what()}});
  etag_.clear();  // so that the server offers it again
  return false;
}

Status Agent::run(Waiter& waiter) {
  auto id = link_.device_id();
  auto boot_id = device_.boot.boot_id();
  Jitter jitter(id ? *id : "", boot_id ? *boot_id : "");
  auto wait = first_wait(device_.config.poll, jitter.next());
  while (waiter.wait(wait)) {
    const auto done = poll();
    if (done && may_restart(*done)) return Ok{};
    wait = next_wait(done, jitter);
  }
  return Ok{};
}

}  // namespace pawl::updater
