#include "conformance/http_fetcher.hpp"

#include <array>
#include <cerrno>
#include <charconv>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/handle.hpp"

namespace pawl::conformance {
namespace {

constexpr std::size_t kMaxHeader = 16 * 1024;

struct Url {
  std::string host;
  std::string port;
  std::string path;
};

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) (void)::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Error transport(const std::string& what) {
  return fail(Errc::kTransport, what, errno);
}

Result<Url> parse_url(const std::string& text) {
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return fail(Errc::kUsage, "not an http:// URL: " + text);
  const auto rest = text.substr(kScheme.size());
  const auto slash = std::min(rest.find('/'), rest.size());
  const auto colon = std::min(rest.find(':'), slash);
  Url url{rest.substr(0, colon), "80", rest.substr(slash)};
  if (colon != slash) url.port = rest.substr(colon + 1, slash - colon - 1);
  return url;
}

Result<Socket> open_socket(const Url& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found) != 0) {
    return transport("no such host: " + url.host);
  }
  const Handle<addrinfo, &::freeaddrinfo> addresses(found);
  Socket out(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (out.get() < 0 || ::connect(out.get(), found->ai_addr, found->ai_addrlen) != 0) {
    return transport("cannot connect to " + url.host + ":" + url.port);
  }
  return out;
}

Result<std::string> exchange(const Url& url, std::size_t limit) {
  PAWL_TRY(const auto socket, open_socket(url));
  const auto request = "GET " + url.path + " HTTP/1.0\r\nHost: " + url.host + "\r\n\r\n";
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return transport("cannot send the request");
  }
  std::string reply;
  std::array<char, 16384> buffer{};
  while (true) {
    const auto n = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return transport("connection broke");
    if (n == 0) return reply;
    reply.append(buffer.data(), static_cast<std::size_t>(n));
    if (reply.size() > limit + kMaxHeader) {
      return fail(Errc::kTooLarge, url.path + " is over " + std::to_string(limit) + " bytes");
    }
  }
}

Result<std::optional<Bytes>> get(const std::string& address, std::size_t limit) {
  PAWL_TRY(const auto url, parse_url(address));
  PAWL_TRY(const auto reply, exchange(url, limit));
  const auto end = reply.find("\r\n\r\n");
  if (!reply.starts_with("HTTP/1.") || end == std::string::npos || reply.size() < 12) {
    return fail(Errc::kTransport, "not an HTTP reply");
  }
  const auto status = reply.substr(9, 3);
  if (status == "404") return std::optional<Bytes>();
  if (status != "200") return fail(Errc::kTransport, address + ": HTTP status " + status);
  const auto body = as_bytes(std::string_view(reply).substr(end + 4));
  if (body.size() > limit) {
    return fail(Errc::kTooLarge, address + " is over " + std::to_string(limit) + " bytes");
  }
  return std::optional<Bytes>(Bytes(body.begin(), body.end()));
}

}  // namespace

HttpFetcher::HttpFetcher(std::string metadata_url, std::string target_url)
    : metadata_url_(std::move(metadata_url)), target_url_(std::move(target_url)) {}

Result<std::optional<Bytes>> HttpFetcher::metadata(const std::string& file, std::size_t limit) {
  return get(metadata_url_ + file, limit);
}

Result<std::optional<Bytes>> HttpFetcher::target(const std::string& path, std::size_t limit) {
  return get(target_url_ + path, limit);
}

}  // namespace pawl::conformance
