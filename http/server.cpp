#include "http/server.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <list>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/connection.hpp"
#include "http/listening_socket.hpp"

namespace pawl::http {

namespace {

using Descriptor = asio::posix::stream_descriptor;
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kSweep{250};        // how late a deadline may be noticed
constexpr std::chrono::milliseconds kAcceptPause{100};  // when no file descriptor is left

/// One listener and its open connections, which live in their coroutines.
struct Door {
  Door(asio::io_context& context, int socket, const Listener& listener, Log& log, Scratch& scratch)
      : acceptor(context, socket),
        shared{*listener.service, log, listener.limits, scratch, {}, Drain::kNo},
        tls(listener.tls) {}
  Descriptor acceptor;
  Shared shared;
  const identity::TlsContext* tls;
  std::list<Connection*> open;
};

// The peer may be gone already; anything else means that something ran out.
bool is_passing(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ECONNABORTED;
}

}  // namespace

class Server::Core {
 public:
  explicit Core(Log& log) : log_(log) {}

  Result<std::size_t> add(const Listener& listener);
  void run();
  void begin_drain();
  [[nodiscard]] Door& door(std::size_t number) { return *doors_[number]; }
  void every_sweep(std::function<void()> task) { task_ = std::move(task); }
  [[nodiscard]] asio::io_context& context() { return context_; }

 private:
  asio::awaitable<void> accept(Door& door);
  void accept_one(Door& door, int socket);
  asio::awaitable<void> sweep();
  asio::awaitable<void> drain_then_stop();
  static asio::awaitable<void> serve(Door& door, Descriptor socket);
  [[nodiscard]] bool anybody_open() const;

  Log& log_;
  Scratch scratch_{};
  asio::io_context context_{1};
  asio::steady_timer sweeper_{context_};
  asio::steady_timer drainer_{context_};
  std::vector<std::unique_ptr<Door>> doors_;
  std::function<void()> task_;
  bool draining_ = false;
  bool finished_ = false;
};

Result<std::size_t> Server::Core::add(const Listener& listener) {
  PAWL_ASSERT(listener.service != nullptr);
  if (listener.tls == nullptr && !is_local(listener.address)) {
    return fail(Errc::kConfig, "a listener without TLS must be on a loopback address");
  }
  PAWL_TRY(const int socket, listening_socket(listener.address, listener.port));
  doors_.push_back(std::make_unique<Door>(context_, socket, listener, log_, scratch_));
  return doors_.size() - 1;
}

asio::awaitable<void> Server::Core::serve(Door& door, Descriptor socket) {
  Connection connection(std::move(socket), door.tls, door.shared);
  const auto place = door.open.insert(door.open.end(), &connection);
  co_await connection.run();
  door.open.erase(place);
}

void Server::Core::accept_one(Door& door, int socket) {
  Descriptor owned(context_, socket);
  if (door.shared.stats.connections >= door.shared.limits.connections) {
    ++door.shared.stats.dropped;
    return;
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // unix sockets refuse: fine
  asio::co_spawn(context_, serve(door, std::move(owned)), asio::detached);
}

asio::awaitable<void> Server::Core::accept(Door& door) {
  while (!draining_) {
    co_await door.acceptor.async_wait(Descriptor::wait_read, kNoThrow);
    if (draining_) co_return;
    const int listening = door.acceptor.native_handle();
    const int socket = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      accept_one(door, socket);
    } else if (!is_passing(errno)) {
      ++door.shared.stats.starved;
      asio::steady_timer pause(context_, kAcceptPause);
      co_await pause.async_wait(kNoThrow);
    }
  }
}

asio::awaitable<void> Server::Core::sweep() {
  while (!finished_) {
    sweeper_.expires_after(kSweep);
    co_await sweeper_.async_wait(kNoThrow);
    const auto now = std::chrono::steady_clock::now();
    for (const auto& door : doors_) {
      for (auto* connection : door->open) connection->look(now);
    }
    if (task_) task_();
  }
}

bool Server::Core::anybody_open() const {
  return std::any_of(doors_.begin(), doors_.end(),
                     [](const auto& door) { return !door->open.empty(); });
}

asio::awaitable<void> Server::Core::drain_then_stop() {
  std::chrono::milliseconds patience{0};
  for (const auto& door : doors_) {
    for (auto* connection : door->open) connection->drain();
    patience = std::max(patience, door->shared.limits.drain);
  }
  const auto end = std::chrono::steady_clock::now() + patience;
  constexpr std::chrono::milliseconds kLook{20};
  while (anybody_open() && std::chrono::steady_clock::now() < end) {
    drainer_.expires_after(kLook);
    co_await drainer_.async_wait(kNoThrow);
  }
  for (const auto& door : doors_) {
    for (auto* connection : door->open) connection->abort();
  }
  finished_ = true;  // the timer may have fired already: cancel alone would miss it
  sweeper_.cancel();
}

void Server::Core::begin_drain() {
  if (draining_) return;
  draining_ = true;
  boost::system::error_code ignored;
  for (const auto& door : doors_) {
    door->shared.drain = Drain::kYes;
    door->acceptor.close(ignored);
  }
  asio::co_spawn(context_, drain_then_stop(), asio::detached);
}

void Server::Core::run() {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);  // OpenSSL writes to sockets that peers have reset
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  for (const auto& door : doors_) asio::co_spawn(context_, accept(*door), asio::detached);
  asio::co_spawn(context_, sweep(), asio::detached);
  context_.run();
}

Server::Server(Log& log) : core_(std::make_unique<Core>(log)) {}
Server::Server(Server&&) noexcept = default;
Server::~Server() = default;

Result<std::size_t> Server::add(const Listener& listener) {
  return core_->add(listener);
}
std::uint16_t Server::port(std::size_t listener) const {
  return bound_port(core_->door(listener).acceptor.native_handle());
}
void Server::run() {
  core_->run();
}
void Server::stop() {
  asio::post(core_->context(), [core = core_.get()] { core->begin_drain(); });
}
void Server::post(std::function<void()> task) {
  asio::post(core_->context(), std::move(task));
}
void Server::every_sweep(std::function<void()> task) {
  core_->every_sweep(std::move(task));
}
const ServerStats& Server::stats(std::size_t listener) const {
  return core_->door(listener).shared.stats;
}

}  // namespace pawl::http
