#pragma once
#include "base/strong.hpp"
#include "base/time.hpp"
#include "identity/openssl.hpp"
#include "identity/spiffe_id.hpp"
#include "identity/trust_set.hpp"

namespace pawl::identity {

/// Which end of the connection the certificate stands for.
enum class PeerRole : std::uint8_t { kClient, kServer };

/// A peer whose SVID passed every rule; what later checks of the same connection need.
struct VerifiedPeer {
  SpiffeId id;
  UtcTime not_after;         // the earliest end of any certificate of the path
  Sha256Digest authority;    // the certificate of the bundle that the path ends in
  Sha256Digest certificate;  // the leaf
  Sha256Digest public_key;   // the leaf's SubjectPublicKeyInfo
};

/// Verifies an X.509-SVID: the leaf's own rules, then the path to the bundle of *its* trust domain
/// and no other, every signing certificate between, validity at `now`, at least 112 bits of
/// security in every key and signature, at most four intermediates out of at most eight sent.
///
/// @param sent  the other certificates the peer sent, in any order; may be null
/// @return kPeer naming the rule.
/// Source: X509-SVID 5; SPIFFE Federation 4.2 (bundles are never merged); RFC 5280 6.
[[nodiscard]] Result<VerifiedPeer> verify_svid(X509& leaf, STACK_OF(X509) * sent,
                                               const TrustSet& trust, UtcTime now, PeerRole role);

/// The part that can change while a connection lives; call on every request: the SVID has not
/// expired and its authority is still in its domain's bundle. @return kPeer.
[[nodiscard]] Status recheck(const VerifiedPeer& peer, const TrustSet& trust, UtcTime now);

}  // namespace pawl::identity
