#pragma once
#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "identity/openssl.hpp"
#include "identity/spiffe_id.hpp"

/// The rules of X509-SVID that need one certificate alone. Path rules are in identity/verifier.hpp.
namespace pawl::identity {

/// Checks everything X509-SVID sections 2 to 4 ask of a leaf: exactly one URI SAN, a SPIFFE ID with
/// a path, not a CA, key usage present, critical, with digitalSignature and without
/// keyCertSign and cRLSign, both extended usages when that extension is there.
///
/// @return the leaf's ID; kPeer naming the rule. Proves nothing about who signed it.
[[nodiscard]] Result<SpiffeId> check_leaf(X509& leaf);

/// Checks what X509-SVID asks of a certificate that signs others: a CA with critical key usage
/// keyCertSign, at most one URI SAN, and a SPIFFE ID there has no path. kPeer names the rule.
[[nodiscard]] Status check_signing(X509& certificate);

/// One certificate and nothing after it. @return kTooLarge over 16 KiB, kMalformed.
[[nodiscard]] Result<X509Ptr> parse_certificate(ByteView der);
[[nodiscard]] Bytes certificate_der(X509& certificate);
/// SHA-256 of the whole certificate.
[[nodiscard]] Sha256Digest certificate_digest(X509& certificate);
/// SHA-256 of the DER SubjectPublicKeyInfo.
[[nodiscard]] Sha256Digest public_key_digest(X509& certificate);
/// kMalformed when the time cannot be expressed.
[[nodiscard]] Result<UtcTime> not_after(X509& certificate);

}  // namespace pawl::identity
