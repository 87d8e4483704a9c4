#pragma once
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "vault/index.hpp"

namespace pawl::vault {

/// Keeps epoch keys: seals one into a blob that can lie on an untrusted disk, and opens it again
/// only where that is allowed (for `tpm2`: in an approved boot state of this TPM).
class KeyProtector {
 public:
  virtual ~KeyProtector() = default;
  /// "tpm2", "pkcs11", or "file (development)"; printed in every output that tells of the vault.
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual Result<Bytes> seal(const SecretBytes& key) = 0;
  virtual Result<SecretBytes> open(ByteView blob) = 0;
};

/// What the anchor holds: which index is the newest, and which epoch key is ours (FORMAT 7.4).
/// Sealing proves no origin; this does.
struct AnchorValue {
  IndexMark index;
  Sha256Digest epoch_key;  // epoch_key_hash
  friend bool operator==(const AnchorValue&, const AnchorValue&) = default;
};
inline constexpr std::size_t kAnchorSize = 72;

[[nodiscard]] Bytes serialise(const AnchorValue& value);
/// Exactly kAnchorSize bytes, else kMalformed.
[[nodiscard]] Result<AnchorValue> parse_anchor(ByteView bytes);

/// A small cell that an attacker with the disk cannot set back. Writing is one atomic operation.
class Anchor {
 public:
  virtual ~Anchor() = default;
  virtual Result<std::optional<AnchorValue>> read() = 0;
  virtual Status write(const AnchorValue& value) = 0;
};

}  // namespace pawl::vault
