#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.hpp"
#include "base/time.hpp"
#include "identity/svid_files.hpp"

/// HTTPS requests to one server whose SPIFFE ID is known; no HTTP library is named here.
namespace pawl::http {

/// "https://HOST[:PORT]" with nothing after it; HOST may be "[::1]".
class Origin {
 public:
  /// @return kConfig for another scheme, a path, a user name, a blank
  static Result<Origin> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  explicit Origin(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// How patient and how large. The deadline of one exchange is `total` and a second for every
/// KiB that may come or go.
struct ClientLimits {
  Seconds connect{15};                          // until the TLS handshake is over
  Seconds stall{30};                            // at under 64 bytes a second
  Seconds total{60};                            // of one exchange
  std::size_t fields = std::size_t{16} * 1024;  // bytes of status line and header
  std::size_t problem = std::size_t{4} * 1024;  // bytes of the body of a refusal
};

/// Part of a file whose size is known.
struct ClientRange {
  std::uint64_t first = 0;
  std::uint64_t length = 1;
  std::uint64_t file_size = 1;
};

enum class ClientMethod : std::uint8_t { kGet, kPost, kPut, kDelete };

struct ClientRequest {
  ClientMethod method = ClientMethod::kGet;
  std::string path;                            // begins with "/", as it goes on the wire
  std::vector<std::string> fields = {};        // more header lines: "If-None-Match: \"x\""
  std::string body = {};                       // kPost, kPut
  File* file = nullptr;                        // instead of `body`: the whole of it
  std::optional<ClientRange> range = {};       // then nothing but exactly this part is an answer
  std::size_t limit = std::size_t{64} * 1024;  // bytes of the answer's body
};

struct ClientResponse {
  unsigned status = 0;
  std::string etag;                    // as sent, with its quotes
  std::optional<Seconds> retry_after;  // at most a week
  std::string body;                    // of another status than 2xx: what the server says
};

/// Takes the body of a 2xx answer piece by piece.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Status take(ByteView bytes) = 0;
};

/// What went over the network, for tests and logs.
struct ClientTraffic {
  std::uint64_t requests = 0;
  std::uint64_t connections = 0;
};

/// A client of one server, over one kept TLS 1.3 connection. The server must present an SVID with
/// exactly the ID named here, verified by identity's rules inside the handshake and judged again
/// before every request. Redirects, http:// and other protocols are refused. Proxies and IPv6 as
/// libcurl's (https_proxy, no_proxy). Not for two threads.
class Client {
 public:
  struct Options {
    Origin origin;
    identity::SpiffeId server;
    ClientLimits limits = {};
  };
  /// Who we are and whom we trust.
  struct Credentials {
    std::optional<identity::X509Svid> svid;  // nothing: a device that has none yet
    std::vector<identity::TrustBundle> bundles;
  };
  /// @param clock  outlives the client
  static Result<Client> create(Options options, Credentials credentials, Clock& clock);
  static Credentials credentials_of(identity::Identity identity);
  /// Another SVID or other bundles: the next request makes a new connection with them.
  [[nodiscard]] Status use(Credentials credentials);

  /// One exchange; any status is an answer. The body is in the response.
  /// @return kOffline no address or no route; kTransport connection refused or broken; kTimeout;
  ///         kPeer the server is not the one expected; kRefusedByServer it refused our certificate,
  ///         or answered with a redirect; kTooLarge more bytes than allowed; kMalformed another
  ///         part of a file than the one asked for, or not HTTP
  Result<ClientResponse> send(const ClientRequest& request);
  /// As send(), but the body of a 2xx answer goes to `sink`, whose error ends the exchange.
  Result<ClientResponse> send(const ClientRequest& request, BodySink& sink);
  [[nodiscard]] const ClientTraffic& traffic() const;
  [[nodiscard]] const Origin& origin() const;

  struct Session;
  struct SessionFree {
    void operator()(Session* session) const noexcept;
  };

 private:
  explicit Client(std::unique_ptr<Session, SessionFree> session) : session_(std::move(session)) {}
  std::unique_ptr<Session, SessionFree> session_;
};

/// The error an answer that is not 2xx stands for, with the server's reason (FORMAT 12.1.4):
/// kRefusedByServer for 4xx, kTransport for 404, 408, 429 and 5xx, where a retry may help.
/// @param what  what was asked for: "timestamp.json"
[[nodiscard]] Error answer_error(const ClientResponse& response, const std::string& what);

}  // namespace pawl::http
