#include "signer/keep_fresh.hpp"

#include <algorithm>
#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

constexpr Seconds kFirstRetry{5};
constexpr Seconds kLongestRetry{300};

/// SIGTERM and SIGINT as a file descriptor: a round that has begun is finished.
class StopSignals {
 public:
  StopSignals() {
    sigset_t set{};
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    PAWL_ASSERT(fd_ >= 0);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  StopSignals(StopSignals&&) = delete;
  StopSignals& operator=(StopSignals&&) = delete;
  ~StopSignals() { (void)::close(fd_); }
  /// True when it is time to stop; else false after `patience`.
  [[nodiscard]] bool wait(Clock& clock, Seconds patience) const {
    const auto until = clock.steady() + patience;
    for (;;) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - clock.steady()).count();
      if (left <= 0) return false;
      pollfd ready{fd_, POLLIN, 0};
      constexpr std::int64_t kMinute = 60'000;
      if (::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left, kMinute))) > 0)
        return true;
    }
  }

 private:
  int fd_ = -1;
};

struct Round {
  Seconds every{0};
  Seconds retry = kFirstRetry;
  UtcTime last_success{};
  std::uint64_t failures = 0;  // since then
};

/// Half of what is signed must be enough for two more rounds.
Status check_interval(Seconds every, const Expiry& expiry) {
  if (every * 2 <= expiry.timestamp) return Ok{};
  return fail(Errc::kUsage, "--every " + duration_text(every) +
                                " is more than half of the timestamp's life, " +
                                duration_text(expiry.timestamp))
      .with_hint(
          "one failed round would be one too many: shorten it, or lengthen [expiry] timestamp");
}

/// A PIN that is read in every round, without anybody at a terminal.
Status check_pins(const Config& config, const KeyRing& ring, const Repository& repository) {
  for (const auto& entry : config.keys) {
    const auto* const record = ring.find(entry.name);
    const bool is_token = !record->is_development() && !record->is_external();
    const bool signs = repository.keys_of("snapshot").keys.contains(record->id()) ||
                       repository.keys_of("timestamp").keys.contains(record->id());
    const bool lasting = entry.pin.starts_with("file:") || entry.pin.starts_with("credential:") ||
                         entry.pin == "protected-path";
    if (!is_token || !signs || lasting) continue;
    return fail(Errc::kConfig,
                "keys." + entry.name + ": pin = \"" + entry.pin + "\" can be read only once")
        .with_hint("renew --every needs file:F or credential:NAME");
  }
  return Ok{};
}

std::vector<std::string> due(const Repository& repository, const Expiry& expiry, UtcTime now) {
  const auto left = repository.snapshot.header.expires - now;
  if (left * 2 < expiry.snapshot) return {"snapshot", "timestamp"};
  return {"timestamp"};
}

Status renew_once(const cli::Args& args, cli::Io& io, Seconds every) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  PAWL_CHECK(check_interval(every, bench->config().expiry));
  PAWL_TRY(auto locked, bench->lock_and_load());
  PAWL_CHECK(check_pins(bench->config(), bench->ring(), locked.repository));
  const auto now = bench->clock().now();
  const auto roles = due(locked.repository, bench->config().expiry, now);
  Revision revision(std::move(locked.repository), bench->config().expiry, now);
  for (const auto& role : roles) revision.renew(role);
  return sign_and_publish(*bench, revision, {}, {}, "renewed, content unchanged\n", io);
}

/// For people and monitoring; not needed to go on, so a disk that is full does not stop signing.
void write_status(const cli::Args& args, cli::Io& io, const Round& round, const Status& done) {
  const auto path = args.get("--status");
  if (!path) return;
  PosixDisk disk;
  SystemClock clock;
  json::Object out;
  out.set("_type", "pawl.renew-status");
  out.set("format", 1);
  out.set("ok", bool(done));
  out.set("time", format_utc(clock.now()));
  out.set("failures", static_cast<std::int64_t>(round.failures));
  if (round.last_success != UtcTime{}) out.set("last_success", format_utc(round.last_success));
  if (!done) out.set("why", done.error().what());
  const auto written =
      replace_file(disk, *path, as_bytes(json::write(out) + "\n"), Visibility::kPublic);
  if (!written)
    io.log->write(LogLevel::kWarning, "status-not-written", {{"why", written.error().what()}});
}

bool is_lasting_mistake(const Error& error) {
  return error.code() == Errc::kUsage || error.code() == Errc::kConfig;
}

}  // namespace

Status keep_fresh(const cli::Args& args, cli::Io& io) {
  if (!args.all("--role").empty()) {
    return fail(Errc::kUsage, "--every signs timestamp and snapshot, no other role")
        .with_hint("what decides something is signed by people: renew --role without --every");
  }
  Round round;
  PAWL_TRY(round.every, parse_duration(args.value("--every")));
  SystemClock clock;
  const StopSignals stop;
  for (bool first = true;; first = false) {
    auto done = renew_once(args, io, round.every);
    if (!done && first && is_lasting_mistake(done.error())) return done;
    if (done) {
      round.last_success = clock.now();
      round.failures = 0;
      round.retry = kFirstRetry;
    } else {
      ++round.failures;
      io.log->write(LogLevel::kError, "renew-failed", {{"why", done.error().what()}});
    }
    write_status(args, io, round, done);
    const auto pause = done ? round.every : std::min(round.retry, round.every);
    if (!done) round.retry = std::min(round.retry * 2, kLongestRetry);
    if (stop.wait(clock, pause)) return Ok{};
  }
}

}  // namespace pawl::signer
