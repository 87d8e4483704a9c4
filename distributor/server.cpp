#include "distributor/server.hpp"

#include <csignal>
#include <list>

#include "distributor/connection.hpp"

namespace pawl::distributor {

namespace {
using asio::ip::tcp;
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kSweep{250};        // how late a deadline may be noticed
constexpr std::chrono::milliseconds kAcceptPause{100};  // when no file descriptor is left
constexpr int kBacklog = 4096;

Error bind_error(const boost::system::error_code& error) {
  return fail(Errc::kIo, "cannot listen: " + error.message(), error.value());
}
}  // namespace

class Server::Core {
 public:
  explicit Core(Parts parts)
      : tls_(parts.tls), shared_{parts.service, parts.log, parts.limits, {}, false, {}} {}

  Status bind(const std::string& address, std::uint16_t port);
  void run();
  void begin_drain();
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] asio::io_context& context() { return context_; }
  [[nodiscard]] const ServerStats& stats() const { return shared_.stats; }

 private:
  asio::awaitable<void> accept();
  asio::awaitable<void> sweep();
  asio::awaitable<void> drain_then_stop();
  asio::awaitable<void> serve(tcp::socket socket);

  identity::TlsContext& tls_;
  Shared shared_;
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer sweeper_{context_};
  asio::steady_timer drainer_{context_};
  std::list<Connection*> open_;  // each lives in its coroutine
  bool finished_ = false;
};

Status Server::Core::bind(const std::string& address, std::uint16_t port) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) return fail(Errc::kConfig, "not a numeric address: " + printable(address));
  const tcp::endpoint endpoint(ip, port);
  acceptor_.open(endpoint.protocol(), error);
  if (error) return bind_error(error);
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  acceptor_.bind(endpoint, error);
  if (error) return bind_error(error);
  acceptor_.listen(kBacklog, error);
  if (error) return bind_error(error);
  return Ok{};
}

asio::awaitable<void> Server::Core::serve(tcp::socket socket) {
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(tcp::no_delay(true), ignored);
  Connection connection(std::move(socket), tls_, shared_);
  const auto place = open_.insert(open_.end(), &connection);
  co_await connection.run();
  open_.erase(place);
}

asio::awaitable<void> Server::Core::accept() {
  while (!shared_.draining) {
    auto [error, socket] = co_await acceptor_.async_accept(kNoThrow);
    if (shared_.draining) co_return;
    if (error) {
      asio::steady_timer pause(context_, kAcceptPause);
      co_await pause.async_wait(kNoThrow);
    } else if (shared_.stats.connections >= shared_.limits.connections) {
      ++shared_.stats.dropped;
    } else {
      asio::co_spawn(context_, serve(std::move(socket)), asio::detached);
    }
  }
}

asio::awaitable<void> Server::Core::sweep() {
  while (!finished_) {
    sweeper_.expires_after(kSweep);
    co_await sweeper_.async_wait(kNoThrow);
    const auto now = std::chrono::steady_clock::now();
    for (auto* connection : open_) connection->check_deadline(now);
  }
}

asio::awaitable<void> Server::Core::drain_then_stop() {
  for (auto* connection : open_) connection->drain();
  const auto end = std::chrono::steady_clock::now() + shared_.limits.drain;
  constexpr std::chrono::milliseconds kLook{20};
  while (!open_.empty() && std::chrono::steady_clock::now() < end) {
    drainer_.expires_after(kLook);
    co_await drainer_.async_wait(kNoThrow);
  }
  for (auto* connection : open_) connection->abort();
  finished_ = true;  // the timer may have fired already: cancel alone would miss it
  sweeper_.cancel();
}

void Server::Core::begin_drain() {
  if (shared_.draining) return;
  shared_.draining = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  asio::co_spawn(context_, drain_then_stop(), asio::detached);
}

void Server::Core::run() {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);  // OpenSSL writes to sockets that peers have reset
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  asio::co_spawn(context_, accept(), asio::detached);
  asio::co_spawn(context_, sweep(), asio::detached);
  context_.run();
}

Server::Server(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Server::Server(Server&&) noexcept = default;
Server::~Server() = default;

Result<Server> Server::listen(const std::string& address, std::uint16_t port, Parts parts) {
  auto core = std::make_unique<Core>(parts);
  PAWL_CHECK(core->bind(address, port));
  return Server(std::move(core));
}

std::uint16_t Server::port() const {
  return core_->port();
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
const ServerStats& Server::stats() const {
  return core_->stats();
}

}  // namespace pawl::distributor
