// Load on an HTTPS server that wants a client certificate: what bench/distributor-load drives
// against pawl-distributor and nginx. One thread, blocking, TLS 1.3; the server's certificate is
// not judged, so that the load is the same whoever serves.
//   bench_distributor poll|handshake|bulk|idle PORT FOLDER COUNT [PATH BYTES]
// FOLDER holds svid.pem and key.pem. Prints what was done; idle then waits for the end of its
// input.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/handle.hpp"

namespace {

using Context = pawl::Handle<SSL_CTX, &SSL_CTX_free>;
using Ssl = pawl::Handle<SSL, &SSL_free>;

[[noreturn]] void give_up(const std::string& what) {
  (void)std::fprintf(stderr, "bench_distributor: %s\n", what.c_str());
  std::_Exit(1);
}

struct Load {
  std::string mode;
  std::uint16_t port = 0;
  std::string folder;
  unsigned long count = 0;
  std::string path = "/v1/check";
  unsigned long bytes = 0;
};

Context context_of(const Load& load) {
  Context out(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(out.get(), TLS1_3_VERSION);
  SSL_CTX_set_mode(out.get(), SSL_MODE_RELEASE_BUFFERS);
  const auto chain = load.folder + "/svid.pem";
  const auto key = load.folder + "/key.pem";
  if (SSL_CTX_use_certificate_chain_file(out.get(), chain.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(out.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    give_up("no SVID in " + load.folder);
  }
  return out;
}

/// One connection; it ends with the object.
class Connection {
 public:
  Connection(SSL_CTX& context, std::uint16_t port)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), ssl_(SSL_new(&context)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
      give_up(std::string("cannot connect: ") + std::generic_category().message(errno));
    }
    SSL_set_fd(ssl_.get(), fd_);
    if (SSL_connect(ssl_.get()) != 1) give_up("the handshake failed");
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;
  ~Connection() { ::close(fd_); }

  /// Sends a request, reads the whole answer. @return bytes of the body
  unsigned long ask(const std::string& request) {
    if (SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size())) <= 0) {
      give_up("the request was not taken");
    }
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) head += more();
    const auto status = std::strtol(head.c_str() + 9, nullptr, 10);
    if (status / 100 != 2) give_up("HTTP status " + std::to_string(status));
    const auto at = head.find("Content-Length: ");
    const auto length = at == std::string::npos ? 0 : std::strtoul(&head[at + 16], nullptr, 10);
    auto got = head.size() - head.find("\r\n\r\n") - 4;
    while (got < length) got += more().size();
    return length;
  }

 private:
  std::string more() {
    char buffer[65536];
    const int got = SSL_read(ssl_.get(), buffer, sizeof(buffer));
    if (got <= 0) give_up("the connection ended");
    return {buffer, static_cast<std::size_t>(got)};
  }
  int fd_;
  Ssl ssl_;
};

// A poll of a device that has seen everything, as pawl-updater sends it.
std::string poll_request() {
  const std::string body =
      R"({"boot_id":"0c5d1a30-0e2c-4b1e-9e0a-1f0d3a7c2b11","etag":"","release_counter":12,)"
      R"("root":1,"security_version":3,"slot":"a"})";
  return "POST /v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string part_request(const Load& load) {
  return "GET " + load.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=0-" +
         std::to_string(load.bytes - 1) + "\r\n\r\n";
}

void run(const Load& load) {
  const auto context = context_of(load);
  if (load.mode == "idle") {
    std::vector<std::unique_ptr<Connection>> all;
    for (unsigned long i = 0; i < load.count; ++i) {
      all.push_back(std::make_unique<Connection>(*context, load.port));
      all.back()->ask(poll_request());
    }
    std::puts("ready");
    (void)std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return;
  }
  if (load.mode == "handshake") {
    for (unsigned long i = 0; i < load.count; ++i) {
      Connection(*context, load.port).ask(poll_request());
    }
    return;
  }
  const auto request = load.mode == "bulk" ? part_request(load) : poll_request();
  Connection one(*context, load.port);
  unsigned long bytes = 0;
  for (unsigned long i = 0; i < load.count; ++i) bytes += one.ask(request);
  std::printf("%lu requests, %lu bytes\n", load.count, bytes);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 7) give_up("poll|handshake|bulk|idle PORT FOLDER COUNT [PATH BYTES]");
  Load load{argv[1], static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10)), argv[3],
            std::strtoul(argv[4], nullptr, 10)};
  if (argc == 7) {
    load.path = argv[5];
    load.bytes = std::strtoul(argv[6], nullptr, 10);
  }
  run(load);
  return 0;
}
