#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "base/time.hpp"
#include "distributor/http.hpp"
#include "identity/tls_context.hpp"

namespace pawl::distributor {

/// What one listener spends on its peers. Every limit has a test that goes one beyond it.
struct Limits {
  std::size_t connections = 20000;             // more are closed at once
  std::size_t header = 8192;                   // bytes of request line and fields
  std::size_t body = 65536;                    // bytes
  std::chrono::milliseconds handshake{10000};  // from accept to the end of the handshake
  std::chrono::milliseconds request{10000};    // from a request's first byte to its last
  std::chrono::milliseconds idle{300000};      // between requests
  std::chrono::milliseconds write{30000};      // for each 64 KiB the peer must take
  std::chrono::milliseconds drain{10000};      // for running answers after stop()
};

struct ServerStats {
  std::uint64_t connections = 0;  // open now
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;   // by the identity rules, in the handshake
  std::uint64_t dropped = 0;   // over the connection limit
  std::uint64_t timeouts = 0;  // a deadline passed
  std::uint64_t requests = 0;
  std::uint64_t malformed = 0;   // requests that were no HTTP of ours
  std::uint64_t cut_short = 0;   // transfers ended because the peer lost its admission
  std::uint64_t bytes_sent = 0;  // of bodies
};

/// One listener on one thread: accepts, shakes hands by the rules of `identity`, reads strict
/// HTTP/1.1 and writes what the service answers. OpenSSL works on the socket itself.
///
/// The service, the TLS context and the log must outlive the server and are used on the thread of
/// run() only.
class Server {
 public:
  struct Parts {
    identity::TlsContext& tls;
    Service& service;
    Log& log;
    Limits limits;
  };
  /// Binds. @param address  numeric, e.g. "127.0.0.1"; @param port  0 for any
  /// @return kConfig for another address, kIo when it cannot be bound.
  static Result<Server> listen(const std::string& address, std::uint16_t port, Parts parts);
  Server(Server&&) noexcept;
  Server& operator=(Server&&) = delete;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  [[nodiscard]] std::uint16_t port() const;
  /// Serves until stop(), then lets running answers end and returns.
  void run();
  /// From any thread: no new connections, idle ones closed, the others when their answer is out.
  void stop();
  /// From any thread: runs `task` on the thread of run(), for reloads and figures.
  void post(std::function<void()> task);
  /// Only on the thread of run(), or after it returned.
  [[nodiscard]] const ServerStats& stats() const;

  class Core;

 private:
  explicit Server(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace pawl::distributor
