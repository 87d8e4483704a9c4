#include "base/digest.hpp"

#include <sodium.h>

namespace pawl {

struct Sha256::State {
  crypto_hash_sha256_state hash;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  crypto_hash_sha256_init(&state_->hash);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(ByteView bytes) {
  crypto_hash_sha256_update(&state_->hash, bytes.data(), bytes.size());
}

Sha256Digest Sha256::finish() {
  Sha256Digest out;
  crypto_hash_sha256_final(&state_->hash, out.bytes.data());
  return out;
}

Sha256Digest sha256(ByteView bytes) {
  Sha256Digest out;
  crypto_hash_sha256(out.bytes.data(), bytes.data(), bytes.size());
  return out;
}

Blake2bDigest blake2b(ByteView bytes) {
  Blake2bDigest out;
  crypto_generichash_blake2b(out.bytes.data(), out.bytes.size(), bytes.data(), bytes.size(),
                             nullptr, 0);
  return out;
}

bool ed25519_verify(const Ed25519Signature& signature, ByteView message,
                    const Ed25519PublicKey& key) {
  return crypto_sign_verify_detached(signature.bytes.data(), message.data(), message.size(),
                                     key.bytes.data()) == 0;
}

}  // namespace pawl
