#pragma once
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fakes/fake_clock.hpp"
#include "fakes/test_pki.hpp"
#include "identity/tls_context.hpp"

/// A device's side of the HTTP API, blocking.
namespace pawl::fakes {

struct Answer {
  int status = 0;  // 0: the connection ended first
  std::string head;
  std::string body;
};

/// One TLS connection of a device, blocking, with a long patience.
class Device {
 public:
  enum class Certificate : std::uint8_t { kOwn, kNone };
  Device(std::uint16_t port, const Issued& root, Certificate show, UtcTime now = kNow)
      : Device(port, root, nullptr, now, show) {}
  /// @param root  authority of example.org, for the server and, without `svid`, for d1 itself
  Device(std::uint16_t port, const Issued& root, const identity::X509Svid* svid = nullptr,
         UtcTime now = kNow, Certificate show = Certificate::kOwn)
      : own_(svid_of(issue(leaf_spec("spiffe://example.org/device/d1"), &root))), clock_(now) {
    PAWL_ASSERT(static_cast<bool>(trust_.put(bundle_of("example.org", {&root}))));
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    const auto server = identity::SpiffeId::parse("spiffe://example.org/distributor");
    auto tls = identity::TlsContext::create(shown(svid, show), trust_, clock_,
                                            {identity::PeerRole::kServer, {*server}, {}});
    PAWL_ASSERT(static_cast<bool>(tls));
    tls_.emplace(*std::move(tls));
    PAWL_ASSERT(static_cast<bool>(tls_->apply(tls_->get(), nullptr, result_)));
    ssl_ = tls_->connect(result_);
    SSL_set_fd(ssl_.get(), fd_);
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  Device(Device&&) = delete;
  Device& operator=(Device&&) = delete;
  ~Device() { ::close(fd_); }

  bool shake() { return connected_ && SSL_connect(ssl_.get()) == 1; }
  void send(std::string_view text) {
    while (!text.empty()) {
      const int size = SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
      if (size <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  /// Sends all, taking whatever arrives meanwhile: for more answers than fit into the socket.
  void pipeline(std::string_view text) {
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
    for (bool alive = true; alive && !text.empty();) {
      const int size = SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
      if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
      const bool waits = size <= 0 && SSL_get_error(ssl_.get(), size) == SSL_ERROR_WANT_WRITE;
      while (more()) {
      }
      pollfd ready{fd_, POLLIN | POLLOUT, 0};
      alive = (size > 0 || waits) && ::poll(&ready, 1, -1) == 1;
    }
    ::fcntl(fd_, F_SETFL, 0);
  }
  /// More decrypted bytes; false at the end of the connection.
  bool more() {
    char buffer[16384];
    const int size = SSL_read(ssl_.get(), buffer, sizeof(buffer));
    if (size > 0) input_.append(buffer, static_cast<std::size_t>(size));
    return size > 0;
  }
  Answer receive(bool head = false) {
    while (input_.find("\r\n\r\n") == std::string::npos) {
      if (!more()) return {};
    }
    Answer out;
    const auto end = input_.find("\r\n\r\n") + 4;
    out.head = input_.substr(0, end);
    input_.erase(0, end);
    out.status = std::atoi(out.head.c_str() + 9);
    const auto at = out.head.find("Content-Length: ");
    const auto length = at == std::string::npos || head
                            ? 0
                            : std::strtoull(out.head.c_str() + at + 16, nullptr, 10);
    while (input_.size() < length) {
      if (!more()) break;
    }
    out.body = input_.substr(0, length);
    input_.erase(0, length);
    return out;
  }
  Answer get(const std::string& target, const std::string& fields = "",
             const std::string& method = "GET", const std::string& body = "") {
    send(method + " " + target + " HTTP/1.1\r\nHost: d\r\n" + fields + "\r\n" + body);
    return receive(method == "HEAD");
  }
  /// True when the server ends the connection without another byte.
  bool ends() {
    input_.clear();
    return !more();
  }
  /// Bytes that are no TLS record. False when the connection was reset before all were sent.
  bool flood(std::size_t bytes) {
    const std::string piece(65536, 'x');
    while (bytes > 0) {
      const auto sent = ::send(fd_, piece.data(), std::min(bytes, piece.size()), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes -= static_cast<std::size_t>(sent);
    }
    return true;
  }
  enum class End : std::uint8_t { kOrderly, kReset };
  /// How the TCP connection ended, once nothing more is read.
  End tcp_end() {
    char byte = 0;
    while (true) {
      const auto got = ::recv(fd_, &byte, 1, 0);
      if (got <= 0) return got == 0 ? End::kOrderly : End::kReset;
    }
  }
  /// What the server said when it broke off; empty without a word.
  [[nodiscard]] std::string alert() const { return result_.alert; }
  /// Sends no more, and still listens.
  void half_close() {
    SSL_shutdown(ssl_.get());
    ::shutdown(fd_, SHUT_WR);
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    ::close(fd_);
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
  }
  /// The certificate the server showed.
  [[nodiscard]] Sha256Digest server_certificate() const { return result_.peer->certificate; }
  [[nodiscard]] std::size_t buffered() const { return input_.size(); }

 private:
  const identity::X509Svid* shown(const identity::X509Svid* given, Certificate show) const {
    if (show == Certificate::kNone) return nullptr;
    return given == nullptr ? &own_ : given;
  }
  identity::X509Svid own_;
  identity::TrustSet trust_;
  FakeClock clock_;
  std::optional<identity::TlsContext> tls_;
  identity::HandshakeResult result_;
  identity::SslPtr ssl_;
  int fd_ = -1;
  bool connected_ = false;
  std::string input_;
};

/// One request without TLS; the connection is closed by the server's end of the answer.
inline std::string plain_get(const std::string& address, std::uint16_t port,
                             const std::string& target) {
  const bool local = address.starts_with('/');
  const int fd = ::socket(local ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  address.copy(path.sun_path, sizeof(path.sun_path) - 1);
  sockaddr_in numeric{};
  numeric.sin_family = AF_INET;
  numeric.sin_port = htons(port);
  numeric.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* where = local ? reinterpret_cast<const sockaddr*>(&path)
                            : reinterpret_cast<const sockaddr*>(&numeric);
  const auto size = local ? sizeof(path) : sizeof(numeric);
  PAWL_ASSERT(::connect(fd, where, static_cast<socklen_t>(size)) == 0);
  const auto request = "GET " + target + " HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
  PAWL_ASSERT(::send(fd, request.data(), request.size(), 0) ==
              static_cast<ssize_t>(request.size()));
  std::string out;
  char buffer[4096];
  for (ssize_t got = 1; got > 0;) {
    got = ::recv(fd, buffer, sizeof(buffer), 0);
    if (got > 0) out.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return out;
}

}  // namespace pawl::fakes
