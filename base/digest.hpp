#pragma once
#include <memory>

#include "base/bytes.hpp"
#include "base/strong.hpp"

namespace pawl {

/// SHA-256 names files and images everywhere; BLAKE2b-256 occurs only inside the payload index.
[[nodiscard]] Sha256Digest sha256(ByteView bytes);
[[nodiscard]] Blake2bDigest blake2b(ByteView bytes);

/// SHA-256 over a stream. `finish` ends it; further use is a programming error.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(ByteView bytes);
  [[nodiscard]] Sha256Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Ed25519 by libsodium only (it refuses small-order and non-canonical points).
[[nodiscard]] bool ed25519_verify(const Ed25519Signature& signature, ByteView message,
                                  const Ed25519PublicKey& key);

}  // namespace pawl
