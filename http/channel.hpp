#pragma once
#include <optional>

#include "base/bytes.hpp"
#include "identity/tls_context.hpp"

namespace pawl::http {

/// Bytes to and from one socket, through TLS or plain. Never blocks.
class Channel {
 public:
  enum class Next : std::uint8_t { kGoOn, kWantRead, kWantWrite, kEnded };
  struct Step {
    std::size_t bytes = 0;  // moved; not 0 with kGoOn
    Next next = Next::kEnded;
  };

  /// @param socket  non-blocking, outlives the channel; @param tls  null: plain
  Channel(int socket, const identity::TlsContext* tls);
  Channel(const Channel&) = delete;  // the TLS state points to handshake_
  Channel& operator=(const Channel&) = delete;
  Channel(Channel&&) = delete;
  Channel& operator=(Channel&&) = delete;
  ~Channel() = default;

  /// kGoOn when the handshake is over.
  Next shake();
  Step read(std::span<std::uint8_t> out);
  Step write(ByteView bytes);
  /// Says goodbye when that costs nothing.
  void close();
  /// What the handshake found; empty on a plain channel.
  [[nodiscard]] const identity::HandshakeResult& handshake() const { return handshake_; }
  /// The user at the other end of a unix socket.
  [[nodiscard]] std::optional<std::uint32_t> user() const;

 private:
  [[nodiscard]] Next next_of(int result) const;
  int socket_;
  identity::HandshakeResult handshake_;
  identity::SslPtr ssl_;
};

}  // namespace pawl::http
