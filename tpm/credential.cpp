#include <array>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/handle.hpp"
#include "base/reader.hpp"
#include "tpm/endorsement.hpp"

namespace pawl::tpm {
namespace {

constexpr std::size_t kSeed = 32;  // digest size of the EK's nameAlg
constexpr std::string_view kIdentity("IDENTITY\0", 9);

using PkeyContext = Handle<EVP_PKEY_CTX, &EVP_PKEY_CTX_free>;
using CipherContext = Handle<EVP_CIPHER_CTX, &EVP_CIPHER_CTX_free>;

Bytes hmac(ByteView key, ByteView message) {
  Bytes out(32);
  unsigned size = 32;
  PAWL_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(),
                   message.size(), out.data(), &size) != nullptr);
  return out;
}

/// KDFa of TPM 2.0 Part 1, 11.4.10.2, for at most 256 bits: one block, no second context.
Result<SecretBytes> kdfa(ByteView key, std::string_view label, ByteView context,
                         std::uint32_t bits) {
  Writer w;
  w.u32_be(1);
  w.bytes(as_bytes(label));
  w.u8(0);
  w.bytes(context);
  w.u32_be(bits);
  auto block = hmac(key, w.view());
  auto out = SecretBytes::copy_of(ByteView(block).first(bits / 8));
  OPENSSL_cleanse(block.data(), block.size());
  return out;
}

Result<Bytes> rsa_oaep(evp_pkey_st* key, ByteView seed) {
  const PkeyContext context(EVP_PKEY_CTX_new(key, nullptr));
  auto* label = static_cast<std::uint8_t*>(OPENSSL_memdup(kIdentity.data(), kIdentity.size()));
  PAWL_ASSERT(context && label != nullptr);
  Bytes out(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
  std::size_t size = out.size();
  if (EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha256()) != 1 ||
      EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), label, static_cast<int>(kIdentity.size())) !=
          1) {
    OPENSSL_free(label);
    return fail(Errc::kInternal, "OpenSSL refuses the credential's parameters");
  }
  if (EVP_PKEY_encrypt(context.get(), out.data(), &size, seed.data(), seed.size()) != 1) {
    return fail(Errc::kInternal, "OpenSSL cannot encrypt the credential's seed");
  }
  out.resize(size);
  return out;
}

Result<Bytes> aes_cfb(ByteView key, ByteView plain) {
  const std::array<std::uint8_t, 16> iv{};
  const CipherContext context(EVP_CIPHER_CTX_new());
  PAWL_ASSERT(context != nullptr);
  Bytes out(plain.size());
  int size = 0;
  if (EVP_EncryptInit_ex(context.get(), EVP_aes_128_cfb128(), nullptr, key.data(), iv.data()) !=
          1 ||
      EVP_EncryptUpdate(context.get(), out.data(), &size, plain.data(),
                        static_cast<int>(plain.size())) != 1) {
    return fail(Errc::kInternal, "OpenSSL cannot encrypt the credential");
  }
  return out;
}

}  // namespace

Result<Credential> make_credential(const EndorsementKey& ek, const Name& ak,
                                   const SecretBytes& secret) {
  if (secret.size() == 0 || secret.size() > 32) {
    return fail(Errc::kInternal, "credential secret must have 1 to 32 bytes");
  }
  PAWL_TRY(auto seed, SecretBytes::allocate(kSeed));
  if (RAND_bytes(seed.mutable_span().data(), static_cast<int>(kSeed)) != 1) {
    return fail(Errc::kInternal, "no randomness");
  }
  PAWL_TRY(const auto storage_key, kdfa(seed.span(), "STORAGE", ak.span(), 128));
  PAWL_TRY(const auto mac_key, kdfa(seed.span(), "INTEGRITY", {}, 256));
  PAWL_TRY(auto sized, SecretBytes::allocate(secret.size() + 2));
  sized.mutable_span()[0] = 0;
  sized.mutable_span()[1] = static_cast<std::uint8_t>(secret.size());
  std::copy(secret.span().begin(), secret.span().end(), sized.mutable_span().begin() + 2);
  PAWL_TRY(const auto identity, aes_cfb(storage_key.span(), sized.span()));
  Writer covered;
  covered.bytes(identity);
  covered.bytes(ak.span());
  Writer blob;
  blob.u16_be(32);
  blob.bytes(hmac(mac_key.span(), covered.view()));
  blob.bytes(identity);
  PAWL_TRY(auto encrypted, rsa_oaep(ek.key(), seed.span()));
  return Credential{std::move(blob).take(), std::move(encrypted)};
}

}  // namespace pawl::tpm
