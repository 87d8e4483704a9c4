#include "identity/workload_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.hpp"

namespace pawl::identity {
namespace {

using Http2Ptr = Handle<nghttp2_session, &nghttp2_session_del>;
using CallbacksPtr = Handle<nghttp2_session_callbacks, &nghttp2_session_callbacks_del>;

constexpr std::int32_t kWindow = 1 << 20;
constexpr int kInvalidArgument = 3;
constexpr int kPermissionDenied = 7;
constexpr int kUnimplemented = 12;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

Error lost(std::string_view what) {
  const int number = errno;
  return fail(Errc::kTransport,
              "Workload API: " + std::string(what) + ": " + std::generic_category().message(number),
              number);
}

Result<Socket> connect_to(int family, const sockaddr* address, socklen_t size) {
  Socket out(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (out.fd() < 0) return lost("socket");
  if (::connect(out.fd(), address, size) != 0) return lost("connect");
  if (::fcntl(out.fd(), F_SETFL, O_NONBLOCK) != 0) return lost("fcntl");
  return out;
}

Result<Socket> connect_unix(std::string_view path) {
  sockaddr_un address{};
  if (path.empty() || path.front() != '/' || path.size() >= sizeof(address.sun_path)) {
    return fail(Errc::kConfig, "Workload API endpoint: an absolute path of 1 to 107 bytes");
  }
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), std::begin(address.sun_path));
  return connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

Result<Socket> connect_tcp(std::string_view text) {
  const auto colon = text.rfind(':');
  const std::string host(text.substr(0, colon));
  const auto port_text = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (parsed.ec != std::errc() || parsed.ptr != port_text.data() + port_text.size() ||
      ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return fail(Errc::kConfig, "Workload API endpoint: tcp:// takes an IPv4 address and a port");
  }
  address.sin_port = htons(port);
  return connect_to(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

Result<Socket> connect_endpoint(std::string_view endpoint) {
  constexpr std::string_view kUnix = "unix://";
  constexpr std::string_view kTcp = "tcp://";
  if (endpoint.starts_with(kUnix)) return connect_unix(endpoint.substr(kUnix.size()));
  if (endpoint.starts_with(kTcp)) return connect_tcp(endpoint.substr(kTcp.size()));
  return fail(Errc::kConfig, "Workload API endpoint is neither unix:// nor tcp://");
}

nghttp2_nv header(std::string_view name, std::string_view value) {
  // nghttp2 copies both; its type has no const.
  return {const_cast<std::uint8_t*>(as_bytes(name).data()),   // NOLINT
          const_cast<std::uint8_t*>(as_bytes(value).data()),  // NOLINT
          name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// The empty request: an uncompressed gRPC frame of length 0.
ssize_t send_request(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t size,
                     std::uint32_t* flags, nghttp2_data_source*, void*) {
  constexpr std::size_t kEmptyFrame = 5;
  if (size < kEmptyFrame) return NGHTTP2_ERR_CALLBACK_FAILURE;
  std::fill_n(out, kEmptyFrame, std::uint8_t{0});
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(kEmptyFrame);
}

Error ended(int status, std::string_view detail) {
  const auto text = "Workload API: gRPC status " + std::to_string(status) +
                    (detail.empty() ? "" : ": " + printable(detail));
  if (status == kInvalidArgument || status == kUnimplemented) return fail(Errc::kConfig, text);
  if (status == kPermissionDenied) return fail(Errc::kRefusedByServer, text);
  return fail(Errc::kTransport, text);
}

}  // namespace

struct WorkloadStream::Session {
  explicit Session(Socket connected) : socket(std::move(connected)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session(Session&&) = delete;
  Session& operator=(Session&&) = delete;
  ~Session() {
    OPENSSL_cleanse(input.data(), input.size());  // may have carried the key
  }

  Socket socket;
  Http2Ptr http2;
  GrpcFrames frames;
  std::optional<WorkloadUpdate> update;  // the newest whole message
  std::optional<Error> broken;
  int grpc_status = -1;
  std::string grpc_message;
  bool closed = false;
  Bytes unsent;
  std::array<std::uint8_t, 16384> input{};

  Status start();
  void on_data(ByteView data);
  void on_header(std::string_view name, std::string_view value);
  Status flush();
  Status receive();
  Result<std::optional<WorkloadUpdate>> outcome();
};

void WorkloadStream::SessionFree::operator()(Session* session) const noexcept {
  delete session;  // NOLINT(cppcoreguidelines-owning-memory): the deleter of a unique_ptr
}

namespace {

WorkloadStream::Session& session_of(void* user) {
  return *static_cast<WorkloadStream::Session*>(user);
}

int header_received(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
  session_of(user).on_header(as_text({name, name_size}), as_text({value, value_size}));
  return 0;
}

int data_received(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* data,
                  std::size_t size, void* user) {
  session_of(user).on_data({data, size});
  return 0;
}

int stream_closed(nghttp2_session*, std::int32_t, std::uint32_t, void* user) {
  session_of(user).closed = true;
  return 0;
}

Http2Ptr make_client(WorkloadStream::Session& session) {
  nghttp2_session_callbacks* raw = nullptr;
  PAWL_ASSERT(nghttp2_session_callbacks_new(&raw) == 0);
  const CallbacksPtr callbacks(raw);
  nghttp2_session_callbacks_set_on_header_callback(raw, &header_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw, &data_received);
  nghttp2_session_callbacks_set_on_stream_close_callback(raw, &stream_closed);
  nghttp2_session* client = nullptr;
  PAWL_ASSERT(nghttp2_session_client_new(&client, raw, &session) == 0);
  return Http2Ptr(client);
}

}  // namespace

Status WorkloadStream::Session::start() {
  http2 = make_client(*this);
  const std::array settings{nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                            nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
                            nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 16384}};
  const std::array headers{header(":method", "POST"),
                           header(":scheme", "http"),
                           header(":path", "/SpiffeWorkloadAPI/FetchX509SVID"),
                           header(":authority", "localhost"),
                           header("content-type", "application/grpc"),
                           header("te", "trailers"),
                           header("workload.spiffe.io", "true")};
  nghttp2_data_provider request{};
  request.read_callback = &send_request;
  if (nghttp2_submit_settings(http2.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size()) !=
          0 ||
      nghttp2_submit_request(http2.get(), nullptr, headers.data(), headers.size(), &request,
                             nullptr) < 0) {
    return fail(Errc::kInternal, "cannot build the Workload API request");
  }
  return flush();
}

void WorkloadStream::Session::on_header(std::string_view name, std::string_view value) {
  if (name == "grpc-message") grpc_message = value.substr(0, 256);
  if (name != "grpc-status") return;
  grpc_status = 2;  // UNKNOWN, unless it is a number
  std::from_chars(value.data(), value.data() + value.size(), grpc_status);
}

void WorkloadStream::Session::on_data(ByteView data) {
  while (!data.empty() && !broken) {
    auto whole = frames.feed(data);
    if (whole && !*whole) return;
    if (!whole) {
      broken = std::move(whole).error();
      return;
    }
    auto parsed = parse_x509_response(frames.message());
    frames.wipe();
    if (parsed) {
      update = *std::move(parsed);
    } else {
      broken = std::move(parsed).error();
    }
  }
}

Status WorkloadStream::Session::flush() {
  while (true) {
    if (unsent.empty()) {
      const std::uint8_t* data = nullptr;
      const auto size = nghttp2_session_mem_send(http2.get(), &data);
      if (size < 0) return fail(Errc::kTransport, "Workload API: HTTP/2 failed", size);
      if (size == 0) return Ok{};
      unsent.assign(data, data + size);
    }
    const auto sent = ::send(socket.fd(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return Ok{};
    if (sent < 0) return lost("send");
    unsent.erase(unsent.begin(), unsent.begin() + sent);
  }
}

Status WorkloadStream::Session::receive() {
  while (!update && !closed && !broken) {
    const auto size = ::recv(socket.fd(), input.data(), input.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Ok{};
    if (size < 0) return lost("receive");
    if (size == 0) return fail(Errc::kTransport, "Workload API: the server closed the connection");
    const auto used =
        nghttp2_session_mem_recv(http2.get(), input.data(), static_cast<std::size_t>(size));
    if (used < 0) return fail(Errc::kTransport, "Workload API: HTTP/2 failed", used);
  }
  return Ok{};
}

Result<std::optional<WorkloadUpdate>> WorkloadStream::Session::outcome() {
  if (update) return std::exchange(update, std::nullopt);
  if (broken) return *std::exchange(broken, std::nullopt);
  if (!closed) return std::optional<WorkloadUpdate>();
  if (grpc_status < 0) return fail(Errc::kTransport, "Workload API: stream reset without status");
  return ended(grpc_status, grpc_message);
}

Result<WorkloadStream> WorkloadStream::open(std::string_view endpoint) {
  PAWL_TRY(auto socket, connect_endpoint(endpoint));
  std::unique_ptr<Session, SessionFree> session(new Session(std::move(socket)));
  PAWL_CHECK(session->start());
  return WorkloadStream(std::move(session));
}

int WorkloadStream::fd() const {
  return session_->socket.fd();
}

bool WorkloadStream::wants_write() const {
  return !session_->unsent.empty() || nghttp2_session_want_write(session_->http2.get()) != 0;
}

Result<std::optional<WorkloadUpdate>> WorkloadStream::advance() {
  PAWL_CHECK(session_->receive());
  if (!session_->closed) PAWL_CHECK(session_->flush());
  return session_->outcome();
}

Result<WorkloadUpdate> WorkloadStream::next(std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (true) {
    PAWL_TRY(auto update, advance());
    if (update) return *std::move(update);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(Errc::kTimeout, "Workload API: no answer in time");
    pollfd ready{fd(), POLLIN, 0};
    if (wants_write()) ready.events |= POLLOUT;
    if (::poll(&ready, 1, static_cast<int>(left.count())) < 0 && errno != EINTR)
      return lost("poll");
  }
}

std::chrono::milliseconds workload_backoff(unsigned failures, std::uint64_t random) {
  constexpr std::uint64_t kFirst = 1000;
  constexpr std::uint64_t kMost = 60000;
  const auto doublings = std::min(failures == 0 ? 0U : failures - 1, 6U);
  const auto most = std::min(kFirst << doublings, kMost);
  return std::chrono::milliseconds(100 + random % (most - 99));
}

}  // namespace pawl::identity
