#include "distributor/admin_channel.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/toml.hpp"
#include "distributor/config.hpp"

namespace pawl::distributor {
namespace {

constexpr std::size_t kMaxAnswer = std::size_t{16} * 1024 * 1024;
constexpr Seconds kPatience{600};  // a publication is hashed and verified before the answer

/// Closes the descriptor at the end.
class Socket {
 public:
  Socket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&&) = delete;
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

Error socket_error(const std::string& path, const char* doing) {
  const int raw = errno;
  return fail(Errc::kOffline,
              std::string(doing) + " " + path + ": " + std::generic_category().message(raw), raw)
      .with_hint("is `pawl-distributor serve` running, and may you use its socket?");
}

Status connect_to(const Socket& socket, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return fail(Errc::kConfig, "socket path too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  const timeval patience{kPatience.count(), 0};
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.fd(), where, sizeof(address)) != 0) return socket_error(path, "connect");
  return Ok{};
}

Status send_all(const Socket& socket, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return socket_error(path, "send to");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return Ok{};
}

// The server closes after its answer.
Result<std::string> receive_all(const Socket& socket, const std::string& path) {
  std::string out;
  char block[16384];
  while (true) {
    const auto got = ::recv(socket.fd(), block, sizeof(block), 0);
    if (got == 0) return out;
    if (got < 0) return socket_error(path, "receive from");
    out.append(block, static_cast<std::size_t>(got));
    if (out.size() > kMaxAnswer) return fail(Errc::kTooLarge, "answer over 16 MiB");
  }
}

/// What a refusal's body says, as an error of the same code.
Error refusal_of(unsigned status, const std::string& body) {
  const auto value = json::parse(body, {});
  const auto* object = value ? value->object() : nullptr;
  const auto* reason = object == nullptr ? nullptr : object->find("reason");
  std::string text = "status " + std::to_string(status);
  if (reason != nullptr && reason->string() != nullptr) text = printable(*reason->string());
  return fail(Errc::kRefusedByServer, "the distributor refused: " + text);
}

struct Answer {
  unsigned status = 0;
  std::string body;
};

Result<Answer> parse_answer(const std::string& text) {
  constexpr std::string_view kStart = "HTTP/1.1 ";
  const auto end = text.find("\r\n\r\n");
  Answer out;
  if (!text.starts_with(kStart) || end == std::string::npos) {
    return fail(Errc::kTransport, "the distributor ended the connection");
  }
  std::from_chars(text.data() + kStart.size(), text.data() + text.size(), out.status);
  out.body = text.substr(end + 4);
  return out;
}

Result<std::unique_ptr<AdminChannel>> open_remote(const cli::Args& args, Disk& disk, Clock& clock) {
  const auto id_text = args.get("--server-id");
  const auto folder = args.get("--identity");
  if (!id_text || !folder) {
    return fail(Errc::kUsage, "--to needs --server-id and --identity");
  }
  PAWL_TRY(auto id, identity::SpiffeId::parse(*id_text));
  PAWL_TRY(auto origin, http::Origin::parse(args.value("--to")));
  PAWL_TRY(auto own, identity::load_identity(disk, identity::svid_files_in(*folder)));
  http::ClientLimits limits;
  limits.total = kPatience;
  limits.stall = kPatience;  // the server thinks while it verifies
  PAWL_TRY(auto client, http::Client::create({std::move(origin), std::move(id), limits},
                                             http::Client::credentials_of(std::move(own)), clock));
  return std::unique_ptr<AdminChannel>(std::make_unique<RemoteChannel>(std::move(client)));
}

}  // namespace

Result<json::Object> AdminChannel::call(const std::string& target, const json::Object& body) {
  PAWL_TRY(const auto text, post(target, json::write(body)));
  json::Limits limits;
  limits.bytes = kMaxAnswer;
  PAWL_TRY(const auto value, json::parse(text, limits));
  if (value.object() == nullptr) return fail(Errc::kMalformed, "the answer is not an object");
  return *value.object();
}

Result<std::string> SocketChannel::post(const std::string& target, const std::string& body) {
  const Socket socket;
  if (socket.fd() < 0) return socket_error(path_, "open");
  PAWL_CHECK(connect_to(socket, path_));
  const auto head = "POST " + target + " HTTP/1.1\r\nHost: distributor\r\nConnection: close\r\n" +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  PAWL_CHECK(send_all(socket, head + body, path_));
  PAWL_TRY(const auto text, receive_all(socket, path_));
  PAWL_TRY(auto answer, parse_answer(text));
  if (answer.status != 200) return refusal_of(answer.status, answer.body);
  return std::move(answer.body);
}

Result<std::string> RemoteChannel::post(const std::string& target, const std::string& body) {
  http::ClientRequest request;
  request.method = http::ClientMethod::kPost;
  request.path = target;
  request.body = body;
  request.limit = kMaxAnswer;
  PAWL_TRY(auto answer, client_.send(request));
  if (answer.status != 200) return refusal_of(answer.status, answer.body);
  return std::move(answer.body);
}

Result<std::unique_ptr<AdminChannel>> open_channel(const cli::Args& args, Disk& disk,
                                                   Clock& clock) {
  if (args.get("--to")) return open_remote(args, disk, clock);
  if (args.get("--server-id") || args.get("--identity")) {
    return fail(Errc::kUsage, "--server-id and --identity go with --to");
  }
  PAWL_TRY(const auto config, load_config(args, disk));
  return std::unique_ptr<AdminChannel>(std::make_unique<SocketChannel>(config.socket));
}

}  // namespace pawl::distributor
