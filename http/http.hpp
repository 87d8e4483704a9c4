#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/disk.hpp"
#include "http/byte_range.hpp"
#include "identity/verifier.hpp"

/// Requests and answers as the services see them; no HTTP library is named here.
namespace pawl::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kOther };

struct Request {
  Method method = Method::kOther;
  std::string target;
  std::string range;
  std::string if_range;
  std::string if_none_match;
  std::string body;                   // at most Limits::body bytes
  std::optional<std::uint32_t> user;  // who is at the other end of a unix socket
};

/// A whole text, or part of an open file.
struct Response {
  unsigned status = 200;
  std::string fields;  // more header lines, each with its CR LF
  std::string body;
  std::unique_ptr<File> file;
  ByteRange part;  // of `file`
};

/// {"code":N,"reason":"..."}; N is the Errc (FORMAT 12.1.4).
[[nodiscard]] Response refusal(unsigned status, const Error& why);
/// 200 with a JSON body.
[[nodiscard]] Response json_answer(std::string body);

/// Whoever waits for an answer. `deliver` may be called from any thread, once.
class Waiter {
 public:
  virtual void deliver(Response response) = 0;

 protected:
  ~Waiter() = default;
};

/// The way back to one request's peer: used once, at once or later, on any thread. A reply that
/// is dropped answers 500.
class Reply {
 public:
  explicit Reply(Waiter& waiter) : waiter_(&waiter) {}
  Reply(Reply&& other) noexcept : waiter_(std::exchange(other.waiter_, nullptr)) {}
  Reply& operator=(Reply&&) = delete;
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply();
  void send(Response response);

 private:
  Waiter* waiter_;  // lives until it was answered
};

/// Empty for a peer without certificate, where the listener lets such peers in.
using Peer = std::optional<identity::VerifiedPeer>;

/// What a listener serves. Called on the server's thread only; must not block.
class Service {
 public:
  virtual ~Service() = default;
  /// Asked before every request and before every 64 KiB of a file: whether this peer may go on.
  virtual Status allow(const Peer& peer) = 0;
  /// Every request is answered through `reply`, before this returns or later.
  virtual void answer(const Request& request, const Peer& peer, Reply reply) = 0;
};

}  // namespace pawl::http
