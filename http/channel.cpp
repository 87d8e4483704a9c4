#include "http/channel.hpp"

#include <algorithm>
#include <cerrno>

#include <openssl/err.h>
#include <sys/socket.h>

namespace pawl::http {
namespace {

constexpr std::size_t kMostAtOnce = std::size_t{1} << 20;

Channel::Step plain_step(ssize_t moved, Channel::Next wanted) {
  if (moved > 0) return {static_cast<std::size_t>(moved), Channel::Next::kGoOn};
  const bool later = moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return {0, later ? wanted : Channel::Next::kEnded};
}

int bounded(std::size_t size) {
  return static_cast<int>(std::min(size, kMostAtOnce));
}

}  // namespace

Channel::Channel(int socket, const identity::TlsContext* tls) : socket_(socket) {
  if (tls == nullptr) return;
  ssl_ = tls->connect(handshake_);
  SSL_set_fd(ssl_.get(), socket);
}

Channel::Next Channel::next_of(int result) const {
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ) return Next::kWantRead;
  return error == SSL_ERROR_WANT_WRITE ? Next::kWantWrite : Next::kEnded;
}

Channel::Next Channel::shake() {
  if (!ssl_) return Next::kGoOn;
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  return done == 1 ? Next::kGoOn : next_of(done);
}

Channel::Step Channel::read(std::span<std::uint8_t> out) {
  if (!ssl_) return plain_step(::recv(socket_, out.data(), out.size(), 0), Next::kWantRead);
  ERR_clear_error();
  const int size = SSL_read(ssl_.get(), out.data(), bounded(out.size()));
  if (size > 0) return {static_cast<std::size_t>(size), Next::kGoOn};
  return {0, next_of(size)};
}

Channel::Step Channel::write(ByteView bytes) {
  if (!ssl_) {
    return plain_step(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), Next::kWantWrite);
  }
  ERR_clear_error();
  const int size = SSL_write(ssl_.get(), bytes.data(), bounded(bytes.size()));
  if (size > 0) return {static_cast<std::size_t>(size), Next::kGoOn};
  return {0, next_of(size)};
}

void Channel::close() {
  if (ssl_) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

std::optional<std::uint32_t> Channel::user() const {
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool known = ::getsockopt(socket_, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  if (!known || peer.uid == static_cast<uid_t>(-1)) return std::nullopt;  // not a unix socket
  return peer.uid;
}

}  // namespace pawl::http
