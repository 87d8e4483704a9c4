#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "http/http.hpp"
#include "identity/tls_context.hpp"

namespace pawl::http {

/// What one listener spends on its peers. Every limit has a test that goes one beyond it.
struct Limits {
  std::size_t connections = 20000;             // more are closed at once
  std::size_t header = 8192;                   // bytes of request line and fields
  std::size_t body = 65536;                    // bytes
  std::chrono::milliseconds handshake{10000};  // from accept to the end of the handshake
  std::chrono::milliseconds request{10000};    // from a request's first byte to its last
  std::chrono::milliseconds idle{300000};      // between requests
  std::chrono::milliseconds write{30000};      // for each 64 KiB the peer must take
  std::chrono::milliseconds linger{2000};      // for the peer to hear the last word and close
  std::chrono::milliseconds drain{10000};      // for running answers after stop()
};

struct ServerStats {
  std::uint64_t connections = 0;  // open now
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;   // by the identity rules, in the handshake
  std::uint64_t dropped = 0;   // over the connection limit
  std::uint64_t starved = 0;   // accepts that failed: no file descriptor or no memory was left
  std::uint64_t timeouts = 0;  // a deadline passed
  std::uint64_t requests = 0;
  std::uint64_t malformed = 0;   // requests that were no HTTP of ours
  std::uint64_t cut_short = 0;   // transfers ended because the peer lost its admission
  std::uint64_t bytes_sent = 0;  // of bodies
};

/// One door of a server: where, by which TLS rules, and who answers. What is named here outlives
/// the server and is used on its thread only.
struct Listener {
  std::string address;                        // numeric, or the path of a unix socket
  std::uint16_t port = 0;                     // 0 for any
  const identity::TlsContext* tls = nullptr;  // null: plain, on a unix socket or loopback only
  Service* service = nullptr;
  Limits limits;
};

/// Listeners on one thread: accept, shake hands by the rules of `identity`, read strict HTTP/1.1
/// and write what the services answer. OpenSSL works on the socket itself.
class Server {
 public:
  /// @param log  outlives the server
  explicit Server(Log& log);
  Server(Server&&) noexcept;
  Server& operator=(Server&&) = delete;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Binds one more listener. Peers come without certificate only where the TLS context was made
  /// with Anonymous::kAllowed. @return its number from 0; errors of listening_socket, and kConfig
  /// for a plain listener that others could reach.
  Result<std::size_t> add(const Listener& listener);
  [[nodiscard]] std::uint16_t port(std::size_t listener = 0) const;
  /// Serves until stop(), then lets running answers end and returns.
  void run();
  /// From any thread: no new connections, idle ones closed, the others when their answer is out.
  void stop();
  /// From any thread: runs `task` on the thread of run(), for reloads and figures.
  void post(std::function<void()> task);
  /// Before run(): `task` is called on its thread about four times a second.
  void every_sweep(std::function<void()> task);
  /// Only on the thread of run(), or when it does not run.
  [[nodiscard]] const ServerStats& stats(std::size_t listener = 0) const;

  class Core;

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace pawl::http
