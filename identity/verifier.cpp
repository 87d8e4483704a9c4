#include "identity/verifier.hpp"

#include <algorithm>

#include <openssl/err.h>

#include "base/bytes.hpp"
#include "identity/svid_rules.hpp"

namespace pawl::identity {
namespace {

constexpr int kMaxSent = 8;
constexpr int kMaxIntermediates = 4;
constexpr int kAuthLevel = 2;  // 112 bits: no RSA under 2048, no SHA-1

Status prepare(X509_STORE_CTX& context, const TrustBundle& bundle, X509& leaf,
               STACK_OF(X509) * sent) {
  if (X509_STORE_CTX_init(&context, &bundle.store(), &leaf, sent) != 1) {
    return fail(Errc::kInternal, "cannot start the verification of a certificate");
  }
  return Ok{};
}

void set_rules(X509_STORE_CTX& context, UtcTime now, PeerRole role) {
  X509_STORE_CTX_set_default(&context, role == PeerRole::kClient ? "ssl_client" : "ssl_server");
  auto* rules = X509_STORE_CTX_get0_param(&context);
  // A bundle may hold authorities that others signed: each is an anchor all the same.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_depth(rules, kMaxIntermediates);
  X509_VERIFY_PARAM_set_auth_level(rules, kAuthLevel);
  X509_VERIFY_PARAM_set_time(rules, now.time_since_epoch().count());
}

Status check_path(X509_STORE_CTX& context) {
  if (X509_verify_cert(&context) == 1) return Ok{};
  const int why = X509_STORE_CTX_get_error(&context);
  ERR_clear_error();
  return fail(Errc::kPeer, X509_verify_cert_error_string(why), why);
}

Result<VerifiedPeer> describe(SpiffeId id, X509& leaf, X509_STORE_CTX& context) {
  const auto* path = X509_STORE_CTX_get0_chain(&context);
  const int length = sk_X509_num(path);
  if (length < 2) return fail(Errc::kPeer, "the certificate is its own authority");
  for (int i = 1; i < length - 1; ++i) PAWL_CHECK(check_signing(*sk_X509_value(path, i)));
  PAWL_TRY(auto end, not_after(leaf));
  for (int i = 1; i < length; ++i) {
    PAWL_TRY(const auto other, not_after(*sk_X509_value(path, i)));
    end = std::min(end, other);
  }
  return VerifiedPeer{std::move(id), end, certificate_digest(*sk_X509_value(path, length - 1)),
                      certificate_digest(leaf), public_key_digest(leaf)};
}

}  // namespace

Result<VerifiedPeer> verify_svid(X509& leaf, STACK_OF(X509) * sent, const TrustSet& trust,
                                 UtcTime now, PeerRole role) {
  if (sk_X509_num(sent) > kMaxSent) return fail(Errc::kPeer, "more than 8 certificates sent");
  PAWL_TRY(auto id, check_leaf(leaf));
  const auto* bundle = trust.find(id.trust_domain());
  if (bundle == nullptr) {
    return fail(Errc::kPeer, "no bundle for trust domain " + printable(id.trust_domain().name()),
                X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  }
  const X509StoreCtxPtr context(X509_STORE_CTX_new());
  PAWL_ASSERT(context != nullptr);
  PAWL_CHECK(prepare(*context, *bundle, leaf, sent));
  set_rules(*context, now, role);
  PAWL_CHECK(check_path(*context));
  return describe(std::move(id), leaf, *context);
}

Status recheck(const VerifiedPeer& peer, const TrustSet& trust, UtcTime now) {
  if (now >= peer.not_after) {
    return fail(Errc::kPeer, "SVID expired at " + format_utc(peer.not_after));
  }
  const auto* bundle = trust.find(peer.id.trust_domain());
  if (bundle == nullptr || !bundle->has_authority(peer.authority)) {
    return fail(Errc::kPeer, "the SVID's authority is no longer in its trust bundle");
  }
  return Ok{};
}

}  // namespace pawl::identity
