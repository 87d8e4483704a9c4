#pragma once
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "identity/openssl.hpp"
#include "identity/spiffe_id.hpp"

/// The two certificates the issuer makes (FORMAT 13.4). P-256 and SHA-256 throughout.
namespace pawl::issuer {

inline constexpr Seconds kBackdated{60};  // for clocks that are a little behind

struct Validity {
  UtcTime from;
  UtcTime until;
};

[[nodiscard]] identity::PrivateKeyPtr new_key();

/// A P-256 public key: DER SubjectPublicKeyInfo in its one canonical form.
/// @return kMalformed; kPeer for another kind of key.
[[nodiscard]] Result<identity::PrivateKeyPtr> parse_svid_key(ByteView spki);

/// A self-signed authority of one trust domain; signs leaves only (path length 0).
[[nodiscard]] Result<identity::X509Ptr> make_authority(const identity::TrustDomain& domain,
                                                       EVP_PKEY& key, const Validity& validity,
                                                       Random& random);

/// Whether an authority carries the ID of this domain, "spiffe://NAME".
[[nodiscard]] bool is_authority_of(const identity::TrustDomain& domain, X509& certificate);

struct Signer {
  X509& certificate;
  EVP_PKEY& key;
};
/// An X.509-SVID: exactly one URI name, digitalSignature, both TLS usages, no subject.
[[nodiscard]] Result<identity::X509Ptr> make_svid(const identity::SpiffeId& id, EVP_PKEY& subject,
                                                  const Validity& validity, const Signer& signer,
                                                  Random& random);

}  // namespace pawl::issuer
