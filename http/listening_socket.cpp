#include "http/listening_socket.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.hpp"

namespace pawl::http {
namespace {

constexpr int kBacklog = 4096;

/// Closes the descriptor unless it was taken.
class Socket {
 public:
  explicit Socket(int family) : fd_(::socket(family, kKind, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&&) = delete;
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int take() { return std::exchange(fd_, -1); }

 private:
  static constexpr int kKind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  int fd_;
};

union Address {
  sockaddr any;
  sockaddr_in four;
  sockaddr_in6 six;
  sockaddr_un local;
};

Error bind_error(const std::string& address) {
  const int raw = errno;
  return fail(
      Errc::kIo,
      "cannot listen on " + printable(address) + ": " + std::generic_category().message(raw), raw);
}

Result<std::pair<Address, socklen_t>> address_of(const std::string& text, std::uint16_t port) {
  Address out{};
  if (::inet_pton(AF_INET, text.c_str(), &out.four.sin_addr) == 1) {
    out.four.sin_family = AF_INET;
    out.four.sin_port = htons(port);
    return std::pair(out, socklen_t{sizeof(out.four)});
  }
  if (::inet_pton(AF_INET6, text.c_str(), &out.six.sin6_addr) == 1) {
    out.six.sin6_family = AF_INET6;
    out.six.sin6_port = htons(port);
    return std::pair(out, socklen_t{sizeof(out.six)});
  }
  if (text.empty() || text.front() != '/' || text.size() >= sizeof(out.local.sun_path)) {
    return fail(Errc::kConfig, "not a numeric address or short path: " + printable(text));
  }
  out.local.sun_family = AF_UNIX;
  std::memcpy(out.local.sun_path, text.data(), text.size());
  return std::pair(out, socklen_t{sizeof(out.local)});
}

// A socket file that nobody listens on is what a killed process left behind.
Status remove_stale(const Address& address, socklen_t size, const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return Ok{};
  if (!S_ISSOCK(found.st_mode)) {
    return fail(Errc::kConfig, "not a socket: " + printable(path));
  }
  const Socket probe(AF_UNIX);
  if (probe.fd() < 0) return bind_error(path);
  if (::connect(probe.fd(), &address.any, size) == 0 || errno != ECONNREFUSED) {
    return fail(Errc::kBusy, "another process listens on " + printable(path));
  }
  if (::unlink(path.c_str()) != 0) return bind_error(path);
  return Ok{};
}

}  // namespace

Result<int> listening_socket(const std::string& address, std::uint16_t port) {
  PAWL_TRY(const auto where, address_of(address, port));
  const auto family = where.first.any.sa_family;
  if (family == AF_UNIX) PAWL_CHECK(remove_stale(where.first, where.second, address));
  Socket socket(family);
  if (socket.fd() < 0) return bind_error(address);
  const int on = 1;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(socket.fd(), &where.first.any, where.second) != 0) return bind_error(address);
  // Before listen(): nobody can have connected yet.
  if (family == AF_UNIX && ::chmod(address.c_str(), S_IRUSR | S_IWUSR) != 0) {
    return bind_error(address);
  }
  if (::listen(socket.fd(), kBacklog) != 0) return bind_error(address);
  return socket.take();
}

std::uint16_t bound_port(int socket) {
  Address bound{};
  socklen_t size = sizeof(bound);
  if (::getsockname(socket, &bound.any, &size) != 0) return 0;
  if (bound.any.sa_family == AF_INET) return ntohs(bound.four.sin_port);
  return bound.any.sa_family == AF_INET6 ? ntohs(bound.six.sin6_port) : std::uint16_t{0};
}

bool is_local(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with('/');
}

}  // namespace pawl::http
