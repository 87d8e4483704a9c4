#include "vault/crypto.hpp"

#include <sodium.h>

namespace pawl::vault {

static_assert(kKeySize == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kNonceSize == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kTagSize == crypto_aead_xchacha20poly1305_ietf_ABYTES);

Bytes seal(const SecretBytes& key, const Nonce& nonce, ByteView plain, ByteView bound) {
  PAWL_ASSERT(key.size() == kKeySize);
  Bytes out(plain.size() + kTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, plain.data(), plain.size(),
                                             bound.data(), bound.size(), nullptr,
                                             nonce.bytes.data(), key.span().data());
  return out;
}

Status open_into(std::span<std::uint8_t> plain, const SecretBytes& key, const Nonce& nonce,
                 ByteView sealed, ByteView bound) {
  PAWL_ASSERT(key.size() == kKeySize);
  if (sealed.size() < kTagSize || plain.size() != sealed.size() - kTagSize) {
    return fail(Errc::kVault, "encrypted part of " + std::to_string(sealed.size()) +
                                  " bytes where " + std::to_string(plain.size() + kTagSize) +
                                  " were expected");
  }
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, sealed.data(),
                                                 sealed.size(), bound.data(), bound.size(),
                                                 nonce.bytes.data(), key.span().data()) != 0) {
    return fail(Errc::kVault, "encrypted part does not verify");
  }
  return Ok{};
}

Result<SecretBytes> random_key(Random& random) {
  PAWL_TRY(auto key, SecretBytes::allocate(kKeySize));
  random.fill(key.mutable_span());
  return key;
}

Nonce random_nonce(Random& random) {
  Nonce nonce;
  random.fill(nonce.bytes);
  return nonce;
}

Result<SecretBytes> derive(const SecretBytes& key, std::string_view purpose) {
  PAWL_TRY(auto out, SecretBytes::allocate(kKeySize));
  const auto name = as_bytes(purpose);
  crypto_generichash_blake2b(out.mutable_span().data(), out.size(), name.data(), name.size(),
                             key.span().data(), key.size());
  return out;
}

Blake2bDigest authenticate(const SecretBytes& key, ByteView message) {
  Blake2bDigest out;
  crypto_generichash_blake2b(out.bytes.data(), out.bytes.size(), message.data(), message.size(),
                             key.span().data(), key.size());
  return out;
}

}  // namespace pawl::vault
