#include "distributor/serve.hpp"

#include <csignal>
#include <optional>
#include <thread>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/disk.hpp"
#include "distributor/device_service.hpp"
#include "http/server.hpp"
#include "identity/svid_files.hpp"
#include "identity/workload_client.hpp"

namespace pawl::distributor {
namespace {

using identity::Identity;
using identity::WorkloadStream;
constexpr std::chrono::seconds kFirstIdentity{30};

/// Everything that belongs to the reactor's thread.
struct World {
  identity::TrustSet trust;
  SystemClock clock;
  PosixDisk disk;
};

/// The signals of this program as a file descriptor; blocked in every thread made after it.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    fd_ = ::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
    PAWL_ASSERT(fd_ >= 0);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  Signals(Signals&&) = delete;
  Signals& operator=(Signals&&) = delete;
  ~Signals() { ::close(fd_); }
  [[nodiscard]] int fd() const { return fd_; }
  /// The next pending signal, or 0.
  [[nodiscard]] int take() const {
    signalfd_siginfo info{};
    if (::read(fd_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return 0;
    return static_cast<int>(info.ssi_signo);
  }

 private:
  sigset_t set_{};
  int fd_ = -1;
};

Identity identity_of(identity::WorkloadUpdate update) {
  return {std::move(update.svids.front()), std::move(update.bundles)};
}

/// Where the SVID comes from, first and later.
class Source {
 public:
  Source(const Config& config, Disk& disk) : config_(config), disk_(disk) {}

  Result<Identity> load() {
    if (config_.source == Config::Source::kFiles) {
      return identity::load_identity(disk_, identity::svid_files_in(config_.identity));
    }
    PAWL_TRY(auto stream, WorkloadStream::open(config_.identity));
    PAWL_TRY(auto update, stream.next(kFirstIdentity));
    stream_.emplace(std::move(stream));
    return identity_of(std::move(update));
  }
  /// The stream to wait on; -1 without one.
  [[nodiscard]] int fd() const { return stream_ ? stream_->fd() : -1; }
  /// What the stream brought, if anything; a broken stream is closed and its error returned.
  Result<std::optional<Identity>> poll_stream() {
    auto update = stream_->advance();
    if (!update) {
      stream_.reset();
      return std::move(update).error();
    }
    if (!*update) return std::optional<Identity>();
    return std::optional(identity_of(*std::move(*update)));
  }
  [[nodiscard]] bool is_broken() const {
    return config_.source == Config::Source::kWorkloadApi && !stream_;
  }

 private:
  const Config& config_;
  Disk& disk_;
  std::optional<WorkloadStream> stream_;
};

/// Waits for signals and rotations on its own thread and hands them to the reactor.
class Watcher {
 public:
  Watcher(Signals& signals, Source& source, http::Server& server, World& world,
          identity::TlsContext& tls, Log& log)
      : signals_(signals), source_(source), server_(server), world_(world), tls_(tls), log_(log) {}

  void run() {
    while (!done_) {
      pollfd ready[] = {{signals_.fd(), POLLIN, 0}, {source_.fd(), POLLIN, 0}};
      const int wait = source_.is_broken() ? next_wait() : -1;
      const int count = ::poll(ready, 2, wait);
      if (count == 0) reload();
      if (count > 0 && ready[0].revents != 0) on_signal(signals_.take());
      if (count > 0 && ready[1].revents != 0) on_stream();
    }
  }

 private:
  int next_wait() {
    std::uint64_t random = 0;
    if (::getentropy(&random, sizeof(random)) != 0) random = 0;
    return static_cast<int>(identity::workload_backoff(++failures_, random).count());
  }
  void on_signal(int signal) {
    if (signal == SIGHUP) reload();
    if (signal == SIGTERM || signal == SIGINT) server_.stop();
    done_ = done_ || signal == SIGUSR1;  // the reactor has ended
  }
  void on_stream() {
    auto update = source_.poll_stream();
    if (!update) return complain(update.error());
    if (*update) hand_over(**std::move(update));
  }
  void reload() {
    auto fresh = source_.load();
    if (!fresh) return complain(fresh.error());
    hand_over(*std::move(fresh));
  }
  void complain(const Error& why) {
    server_.post([&log = log_, text = std::string(why.what())] {
      log.write(LogLevel::kError, "identity-reload-failed", {{"reason", text}});
    });
  }
  void hand_over(Identity fresh) {
    failures_ = 0;
    auto* raw = std::make_unique<Identity>(std::move(fresh)).release();
    server_.post([this, raw] { use(std::unique_ptr<Identity>(raw)); });
  }
  // On the reactor's thread.
  void use(std::unique_ptr<Identity> fresh) {
    auto status = world_.trust.assign(std::move(fresh->bundles));
    if (status) status = tls_.use_svid(fresh->svid);
    if (!status) {
      log_.write(LogLevel::kError, "identity-reload-failed", {{"reason", status.error().what()}});
      return;
    }
    log_.write(LogLevel::kInfo, "identity-reloaded",
               {{"id", fresh->svid.id().uri()}, {"until", format_utc(fresh->svid.not_after())}});
  }

  Signals& signals_;
  Source& source_;
  http::Server& server_;
  World& world_;
  identity::TlsContext& tls_;
  Log& log_;
  unsigned failures_ = 0;
  bool done_ = false;
};

void announce(const http::Server& server, const Config& config, const identity::SpiffeId& id,
              cli::Io& io) {
  json::Object out;
  out.set("address", config.address);
  out.set("port", std::int64_t{server.port()});
  out.set("id", id.uri());
  io.result(std::move(out), "listening on " + config.address + " port " +
                                std::to_string(server.port()) + " as " + id.uri());
  io.out.flush();
}

void log_figures(const http::ServerStats& stats, Log& log) {
  log.write(LogLevel::kInfo, "stopped",
            {{"accepted", std::to_string(stats.accepted)},
             {"refused", std::to_string(stats.refused)},
             {"requests", std::to_string(stats.requests)},
             {"timeouts", std::to_string(stats.timeouts)},
             {"bytes", std::to_string(stats.bytes_sent)}});
}

}  // namespace

Status serve(const Config& config, cli::Io& io) {
  Signals signals;  // first: threads inherit the mask
  World world;
  Source source(config, world.disk);
  PAWL_TRY(auto own, source.load());
  PAWL_CHECK(world.trust.assign(std::move(own.bundles)));
  PAWL_TRY(auto tls, identity::TlsContext::create(&own.svid, world.trust, world.clock,
                                                  {identity::PeerRole::kClient, {}, {}}));
  DeviceService service(Repository(world.disk, config.repository), world.trust, world.clock);
  http::Server server(*io.log);
  PAWL_CHECK(server.add({config.address, config.port, &tls, &service, config.limits}));
  announce(server, config, own.svid.id(), io);
  Watcher watcher(signals, source, server, world, tls, *io.log);
  std::thread watching([&watcher] { watcher.run(); });
  server.run();
  pthread_kill(watching.native_handle(), SIGUSR1);
  watching.join();
  log_figures(server.stats(), *io.log);
  return Ok{};
}

}  // namespace pawl::distributor
