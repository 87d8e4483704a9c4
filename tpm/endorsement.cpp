#include "tpm/endorsement.hpp"

#include <algorithm>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/digest.hpp"
#include "base/handle.hpp"

namespace pawl::tpm {
namespace {

constexpr const char* kEkCertificate = "2.23.133.8.1";  // tcg-kp-EKCertificate

using X509Ptr = Handle<X509, &X509_free>;
using Store = Handle<X509_STORE, &X509_STORE_free>;
using StoreContext = Handle<X509_STORE_CTX, &X509_STORE_CTX_free>;
using KeyUsage = Handle<EXTENDED_KEY_USAGE, &EXTENDED_KEY_USAGE_free>;
using Object = Handle<ASN1_OBJECT, &ASN1_OBJECT_free>;

void pop_free(STACK_OF(X509) * stack) {
  sk_X509_pop_free(stack, X509_free);
}
using Stack = Handle<STACK_OF(X509), &pop_free>;

Result<X509Ptr> parse_certificate(ByteView der) {
  if (der.size() > kMaxCertificate) return fail(Errc::kTooLarge, "EK certificate over 8 KiB");
  const auto* p = der.data();
  X509Ptr cert(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
  if (!cert) return fail(Errc::kMalformed, "EK certificate is not DER");
  const auto used = static_cast<std::size_t>(p - der.data());
  const auto rest = der.subspan(used);
  const auto padding = rest.empty() ? std::uint8_t{0} : rest[0];
  if ((padding != 0 && padding != 0xff) ||
      !std::all_of(rest.begin(), rest.end(), [&](std::uint8_t b) { return b == padding; })) {
    return fail(Errc::kMalformed, "bytes after the EK certificate");
  }
  return cert;
}

Result<Store> trusted_store(std::span<const Bytes> roots, UtcTime now) {
  Store store(X509_STORE_new());
  PAWL_ASSERT(store != nullptr);
  for (const auto& root : roots) {
    PAWL_TRY(const auto cert, parse_certificate(root));
    if (X509_STORE_add_cert(store.get(), cert.get()) != 1) {
      return fail(Errc::kInternal, "cannot use a trusted EK root");
    }
  }
  X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()),
                             static_cast<time_t>(now.time_since_epoch().count()));
  X509_VERIFY_PARAM_set_depth(X509_STORE_get0_param(store.get()), kMaxChain);
  return store;
}

Result<Stack> stack_of(std::span<const Bytes> certificates) {
  if (certificates.size() > kMaxChain) return fail(Errc::kTooLarge, "over 8 EK intermediates");
  Stack stack(sk_X509_new_null());
  PAWL_ASSERT(stack != nullptr);
  for (const auto& der : certificates) {
    PAWL_TRY(auto cert, parse_certificate(der));
    PAWL_ASSERT(sk_X509_push(stack.get(), cert.get()) > 0);
    (void)cert.release();  // owned by the stack now
  }
  return stack;
}

Status check_chain(X509* leaf, X509_STORE* store, STACK_OF(X509) * intermediates) {
  const StoreContext context(X509_STORE_CTX_new());
  PAWL_ASSERT(context != nullptr);
  PAWL_ASSERT(X509_STORE_CTX_init(context.get(), store, leaf, intermediates) == 1);
  if (X509_verify_cert(context.get()) == 1) return Ok{};
  const int why = X509_STORE_CTX_get_error(context.get());
  const bool dates = why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID;
  return fail(dates ? Errc::kExpired : Errc::kPeer,
              std::string("EK certificate: ") + X509_verify_cert_error_string(why), why);
}

Status check_purpose(X509* leaf) {
  const KeyUsage usage(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(leaf, NID_ext_key_usage, nullptr, nullptr)));
  const Object wanted(OBJ_txt2obj(kEkCertificate, 1));
  PAWL_ASSERT(wanted != nullptr);
  for (int i = 0; usage && i < sk_ASN1_OBJECT_num(usage.get()); ++i) {
    if (OBJ_cmp(sk_ASN1_OBJECT_value(usage.get(), i), wanted.get()) == 0) return Ok{};
  }
  return fail(Errc::kPeer, "certificate is not one for an endorsement key");
}

Result<Sha256Digest> spki_digest(X509* leaf) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
  if (size <= 0) return fail(Errc::kMalformed, "EK certificate without a key");
  const auto digest = sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return digest;
}

}  // namespace

Result<EndorsementKey> EndorsementKey::verify(ByteView leaf, std::span<const Bytes> intermediates,
                                              std::span<const Bytes> roots, UtcTime now) {
  PAWL_TRY(const auto cert, parse_certificate(leaf));
  PAWL_TRY(const auto store, trusted_store(roots, now));
  PAWL_TRY(const auto stack, stack_of(intermediates));
  PAWL_CHECK(check_chain(cert.get(), store.get(), stack.get()));
  PAWL_CHECK(check_purpose(cert.get()));
  Pkey key(X509_get_pubkey(cert.get()));
  if (!key || EVP_PKEY_is_a(key.get(), "RSA") != 1 || EVP_PKEY_get_bits(key.get()) != 2048) {
    return fail(Errc::kPeer, "endorsement key is not RSA-2048");
  }
  PAWL_TRY(const auto fingerprint, spki_digest(cert.get()));
  return EndorsementKey(std::move(key), fingerprint);
}

}  // namespace pawl::tpm
