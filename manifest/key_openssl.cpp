#include "manifest/key_openssl.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/handle.hpp"

namespace pawl::manifest {
namespace {

using BioPtr = Handle<BIO, &BIO_free>;
using KeyPtr = Handle<EVP_PKEY, &EVP_PKEY_free>;
using DigestContextPtr = Handle<EVP_MD_CTX, &EVP_MD_CTX_free>;

KeyPtr read_pem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return nullptr;
  return KeyPtr(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
}

bool fits(OpensslScheme scheme, const EVP_PKEY* key) {
  if (scheme == OpensslScheme::kRsaPssSha256) {
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048;
  }
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256;
}

bool set_pss(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
}

}  // namespace

bool openssl_verify(OpensslScheme scheme, std::string_view pem, ByteView message,
                    ByteView signature) {
  const auto key = read_pem(pem);
  if (!key || !fits(scheme, key.get())) return false;
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* borrowed = nullptr;  // owned by `context`
  if (!context ||
      EVP_DigestVerifyInit(context.get(), &borrowed, EVP_sha256(), nullptr, key.get()) != 1) {
    return false;
  }
  if (scheme == OpensslScheme::kRsaPssSha256 && !set_pss(borrowed)) return false;
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

std::string openssl_spki(std::string_view pem) {
  const auto key = read_pem(pem);
  if (!key) return std::string(pem);
  const int size = i2d_PUBKEY(key.get(), nullptr);
  if (size <= 0) return std::string(pem);
  Bytes der(static_cast<std::size_t>(size));
  auto* end = der.data();
  (void)i2d_PUBKEY(key.get(), &end);
  return to_hex(der);
}

}  // namespace pawl::manifest
