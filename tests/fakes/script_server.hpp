#pragma once
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakes/fake_clock.hpp"
#include "fakes/test_pki.hpp"
#include "identity/tls_context.hpp"

/// An HTTPS server that answers with whatever bytes a test wants, in a thread.
namespace pawl::fakes {

/// A TCP socket that listens on a free port of 127.0.0.1.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    PAWL_ASSERT(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    PAWL_ASSERT(::listen(fd_, 64) == 0);
    socklen_t size = sizeof(address);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  Listener(Listener&&) = delete;
  Listener& operator=(Listener&&) = delete;
  ~Listener() { ::close(fd_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int fd() const { return fd_; }
  /// -1 once stop() was called.
  [[nodiscard]] int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }
  void stop() const { ::shutdown(fd_, SHUT_RDWR); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

/// The server's end of one connection, after the handshake.
class Script {
 public:
  Script(SSL& ssl, int fd) : ssl_(ssl), fd_(fd) {}
  /// Head and body of the next request; empty at the end of the connection.
  std::string request() {
    while (input_.find("\r\n\r\n") == std::string::npos) {
      if (!more()) return "";
    }
    const auto at = input_.find("Content-Length: ");
    const auto head = input_.find("\r\n\r\n") + 4;
    const auto length = at < head ? std::strtoull(input_.c_str() + at + 16, nullptr, 10) : 0;
    while (input_.size() < head + length) {
      if (!more()) return "";
    }
    auto out = input_.substr(0, head + length);
    input_.erase(0, head + length);
    return out;
  }
  /// False when the client is gone.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const int size = SSL_write(&ssl_, text.data(), static_cast<int>(text.size()));
      if (size <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }
  /// False when the client hangs up within `pause`.
  [[nodiscard]] bool waits(int pause) const {
    pollfd one{fd_, POLLIN, 0};
    return ::poll(&one, 1, pause) == 0;
  }

 private:
  bool more() {
    char buffer[16384];
    const int size = SSL_read(&ssl_, buffer, sizeof(buffer));
    if (size > 0) input_.append(buffer, static_cast<std::size_t>(size));
    return size > 0;
  }
  SSL& ssl_;
  int fd_;
  std::string input_;
};

/// One connection after the other, each answered by `script` until it returns.
class ScriptServer {
 public:
  using Handler = std::function<void(Script&)>;
  /// @param leaf  the server's certificate, of `root`; clients are judged by `root` at kNow
  ScriptServer(const Issued& root, const Issued& leaf, Handler script)
      : own_(svid_of(leaf)), script_(std::move(script)) {
    PAWL_ASSERT(static_cast<bool>(trust_.put(bundle_of("example.org", {&root}))));
    auto tls = identity::TlsContext::create(&own_, trust_, clock_,
                                            {identity::PeerRole::kClient, {}, anonymous()});
    PAWL_ASSERT(static_cast<bool>(tls));
    tls_.emplace(*std::move(tls));
    thread_ = std::thread([this] { run(); });
  }
  ScriptServer(const ScriptServer&) = delete;
  ScriptServer& operator=(const ScriptServer&) = delete;
  ScriptServer(ScriptServer&&) = delete;
  ScriptServer& operator=(ScriptServer&&) = delete;
  ~ScriptServer() {
    listener_.stop();
    thread_.join();
  }
  [[nodiscard]] std::string origin() const {
    return "https://127.0.0.1:" + std::to_string(listener_.port());
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  static identity::Anonymous anonymous() { return identity::Anonymous::kAllowed; }
  // A close with unread bytes would overtake the alert.
  static void drain(int fd) {
    ::shutdown(fd, SHUT_WR);
    char buffer[4096];
    while (::recv(fd, buffer, sizeof(buffer), 0) > 0) {
    }
  }
  void run() {
    for (int fd = listener_.accept(); fd >= 0; fd = listener_.accept()) {
      ++connections_;
      identity::HandshakeResult result;
      const auto ssl = tls_->connect(result);
      SSL_set_fd(ssl.get(), fd);
      if (SSL_accept(ssl.get()) == 1) {
        Script one(*ssl, fd);
        script_(one);
      } else {
        drain(fd);
      }
      ERR_clear_error();
      ::close(fd);
    }
  }
  identity::X509Svid own_;
  identity::TrustSet trust_;
  FakeClock clock_{kNow};
  std::optional<identity::TlsContext> tls_;
  Handler script_;
  std::atomic<int> connections_ = 0;
  Listener listener_;
  std::thread thread_;
};

}  // namespace pawl::fakes
