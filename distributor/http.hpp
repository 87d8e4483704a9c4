#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/disk.hpp"
#include "distributor/byte_range.hpp"
#include "identity/verifier.hpp"

/// Requests and answers as the services see them; no HTTP library is named here.
namespace pawl::distributor {

enum class Method : std::uint8_t { kGet, kHead, kPost, kOther };

struct Request {
  Method method = Method::kOther;
  std::string target;
  std::string range;
  std::string if_range;
  std::string if_none_match;
  std::string body;  // at most Limits::body bytes
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

/// What a listener serves. Called on the listener's thread only; must not block on a peer.
class Service {
 public:
  virtual ~Service() = default;
  /// Asked before every request and before every 64 KiB of a file: whether this peer may go on.
  virtual Status allow(const identity::VerifiedPeer& peer) = 0;
  virtual Response answer(const Request& request, const identity::VerifiedPeer& peer) = 0;
};

}  // namespace pawl::distributor
