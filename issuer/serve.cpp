#include "issuer/serve.hpp"

#include <csignal>
#include <thread>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "http/descriptors.hpp"
#include "http/server.hpp"
#include "issuer/ek_argument.hpp"
#include "issuer/service.hpp"

namespace pawl::issuer {
namespace {

constexpr Seconds kOwnLifetime{86400};
constexpr Seconds kIdle{30};  // a device needs two requests, minutes apart, on any connection

/// The signals of this program as a file descriptor; blocked in every thread made after it.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    fd_ = ::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
    PAWL_ASSERT(fd_ >= 0);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  Signals(Signals&&) = delete;
  Signals& operator=(Signals&&) = delete;
  ~Signals() { ::close(fd_); }
  /// The next signal, or 0 after `patience`.
  [[nodiscard]] int wait(std::chrono::milliseconds patience) const {
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return 0;
    signalfd_siginfo info{};
    if (::read(fd_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return 0;
    return static_cast<int>(info.ssi_signo);
  }

 private:
  sigset_t set_{};
  int fd_ = -1;
};

/// What runs on the reactor's thread.
struct World {
  SystemClock clock;
  SystemRandom random;
  PosixDisk disk;
};

class OwnSvid {
 public:
  OwnSvid(const Config& config, Authority& authority, World& world)
      : config_(config), authority_(authority), world_(world) {}
  Result<identity::X509Svid> make() {
    return issue_with_new_key(authority_, config_.id, world_.clock.now(), kOwnLifetime,
                              world_.random);
  }
  void renew(identity::TlsContext& tls, Log& log) {
    auto fresh = make();
    const auto status = fresh ? tls.use_svid(*fresh) : Status(std::move(fresh).error());
    if (status) {
      log.write(LogLevel::kInfo, "own-svid-renewed", {{"id", config_.id.uri()}});
    } else {
      log.write(LogLevel::kError, "own-svid-not-renewed", {{"reason", status.error().what()}});
    }
  }

 private:
  const Config& config_;
  Authority& authority_;
  World& world_;
};

void announce(const http::Server& server, const Config& config, cli::Io& io) {
  json::Object out;
  out.set("address", config.address);
  out.set("port", std::int64_t{server.port()});
  out.set("id", config.id.uri());
  io.result(std::move(out), "listening on " + config.address + " port " +
                                std::to_string(server.port()) + " as " + config.id.uri());
  io.out.flush();
}

http::Limits limits_of(const Config& config) {
  http::Limits out;
  out.connections = http::room_for(config.connections);
  out.idle = kIdle;
  return out;
}

/// Runs the server; a second thread waits for signals and for the own SVID's half life.
void run(http::Server& server, const Signals& signals, const std::function<void()>& renew) {
  std::thread watching([&] {
    while (true) {
      const int signal = signals.wait(kOwnLifetime / 2);
      if (signal == 0) server.post(renew);
      if (signal == SIGTERM || signal == SIGINT) server.stop();
      if (signal == SIGUSR1) return;  // the reactor has ended
    }
  });
  server.run();
  pthread_kill(watching.native_handle(), SIGUSR1);
  watching.join();
}

}  // namespace

Status serve(const Config& config, cli::Io& io) {
  const Signals signals;  // first: threads inherit the mask
  World world;
  PAWL_TRY(auto authority,
           Authority::load(world.disk, config.authority, config.domain, world.clock.now()));
  PAWL_CHECK(check_private_file(authority_files_in(config.authority).key));
  std::vector<Bytes> makers;
  if (!config.makers.empty()) {
    PAWL_TRY(makers, load_makers(world.disk, config.makers));
  }
  OwnSvid own(config, authority, world);
  PAWL_TRY(const auto svid, own.make());
  PAWL_TRY(auto tls, identity::TlsContext::create(
                         &svid, authority.trust(), world.clock,
                         {identity::PeerRole::kClient, {}, identity::Anonymous::kAllowed}));
  EkStore store(world.disk, config.eks);
  Enrolment enrolment({authority, store, world.clock, world.random}, config.rules,
                      std::move(makers));
  EnrolmentService service(enrolment, authority, *io.log);
  http::Server server(*io.log);
  PAWL_CHECK(server.add({config.address, config.port, &tls, &service, limits_of(config)}));
  announce(server, config, io);
  run(server, signals, [&] { own.renew(tls, *io.log); });
  return Ok{};
}

}  // namespace pawl::issuer
