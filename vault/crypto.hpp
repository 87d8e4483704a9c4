#pragma once
#include <string_view>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"

/// The few cryptographic steps of the vault, all by libsodium (FORMAT 7.1).
namespace pawl::vault {

inline constexpr std::size_t kKeySize = 32;
inline constexpr std::size_t kNonceSize = 24;
inline constexpr std::size_t kTagSize = 16;

using Nonce = FixedBytes<struct VaultNonceTag, kNonceSize>;

/// XChaCha20-Poly1305: ciphertext followed by its tag.
[[nodiscard]] Bytes seal(const SecretBytes& key, const Nonce& nonce, ByteView plain,
                         ByteView bound);
/// Opens into `plain`, which has exactly sealed.size() - kTagSize bytes.
/// @return kVault when the tag does not verify; `plain` is then unspecified and must not be used
[[nodiscard]] Status open_into(std::span<std::uint8_t> plain, const SecretBytes& key,
                               const Nonce& nonce, ByteView sealed, ByteView bound);

[[nodiscard]] Result<SecretBytes> random_key(Random& random);
[[nodiscard]] Nonce random_nonce(Random& random);
/// A key for one purpose: keyed BLAKE2b-256 of the purpose's name.
[[nodiscard]] Result<SecretBytes> derive(const SecretBytes& key, std::string_view purpose);
/// Keyed BLAKE2b-256 of `message`, for whoever knows the key.
[[nodiscard]] Blake2bDigest authenticate(const SecretBytes& key, ByteView message);

}  // namespace pawl::vault
