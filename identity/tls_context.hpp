#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "identity/verifier.hpp"
#include "identity/x509_svid.hpp"

namespace pawl::identity {

enum class Anonymous : std::uint8_t { kRefused, kAllowed };

/// Whom to talk to. `role` is the peer's.
struct PeerRules {
  PeerRole role = PeerRole::kServer;
  /// The only IDs accepted. Empty: any SVID of a trusted domain, which only a server may say.
  std::vector<SpiffeId> exact;
  /// A client without a certificate; only for listeners that give nothing away.
  Anonymous anonymous = Anonymous::kRefused;
};

/// What the handshake of one connection found. Owned by whoever owns the SSL, tied to it with
/// connect() or apply() before the handshake; must outlive it.
struct HandshakeResult {
  std::optional<VerifiedPeer> peer;
  std::string refusal;  // the rule that failed, for the log
  std::string alert;    // what the peer said when it broke off; known with apply() only
};

/// TLS 1.3 with our rules: the peer's SVID is verified inside the handshake, by verify_svid and
/// nothing else. No tickets, no resumption, no early data, no renegotiation.
///
/// The context keeps references to the set and the clock: both must outlive it, and it must
/// outlive every connection made from it.
class TlsContext {
 public:
  /// @param own  null only for a client that has no identity yet
  /// @return kConfig for a client without pinned IDs; kInternal when OpenSSL refuses.
  static Result<TlsContext> create(const X509Svid* own, const TrustSet& trust, Clock& clock,
                                   PeerRules rules);
  /// Puts the same rules on a context that a library made (libcurl's SSL_CTX_FUNCTION), which
  /// must not outlive this one. Every connection of that context reports to `result`: the
  /// library keeps SSL_get_app_data for itself.
  [[nodiscard]] Status apply(SSL_CTX& context, const X509Svid* own, HandshakeResult& result) const;
  /// New connections present this SVID; running ones are untouched.
  [[nodiscard]] Status use_svid(const X509Svid& own);
  [[nodiscard]] SSL_CTX& get() const { return *context_; }
  /// A connection on this context that reports to `result`.
  [[nodiscard]] SslPtr connect(HandshakeResult& result) const;

  struct Policy;
  struct PolicyFree {
    void operator()(Policy* policy) const noexcept;
  };

 private:
  [[nodiscard]] Status configure(SSL_CTX& context, const X509Svid* own) const;
  TlsContext(std::unique_ptr<Policy, PolicyFree> policy, SslCtxPtr context)
      : policy_(std::move(policy)), context_(std::move(context)) {}
  std::unique_ptr<Policy, PolicyFree> policy_;  // its address is the verify callback's argument
  SslCtxPtr context_;
};

}  // namespace pawl::identity
