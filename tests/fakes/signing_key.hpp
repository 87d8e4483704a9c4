#pragma once
#include <array>
#include <string_view>

#include <sodium.h>

#include "base/digest.hpp"
#include "manifest/envelope.hpp"
#include "manifest/key.hpp"

namespace pawl::fakes {

/// An Ed25519 key in memory, made from a name: the same name gives the same key in every run.
class SigningKey {
 public:
  explicit SigningKey(std::string_view name) {
    const auto seed = sha256(as_bytes(name));
    (void)crypto_sign_seed_keypair(public_.bytes.data(), secret_.data(), seed.bytes.data());
  }
  [[nodiscard]] manifest::PublicKey key() const {
    return manifest::PublicKey::from_ed25519(public_);
  }
  [[nodiscard]] manifest::KeyId id() const { return key().id(); }
  [[nodiscard]] manifest::Signature sign(std::string_view text) const {
    manifest::Signature out{id(), Bytes(crypto_sign_BYTES)};
    (void)crypto_sign_detached(out.value.data(), nullptr, as_bytes(text).data(), text.size(),
                               secret_.data());
    return out;
  }

 private:
  Ed25519PublicKey public_;
  std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret_{};
};

}  // namespace pawl::fakes
