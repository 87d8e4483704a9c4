#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "manifest/profile.hpp"

namespace pawl::manifest {

/// Names a key inside one file. Strict: lower-case hex SHA-256 of the canonical key object.
struct KeyId {
  std::string text;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 misreads the defaulted operator
  friend auto operator<=>(const KeyId&, const KeyId&) = default;
};

enum class KeyType : std::uint8_t {
  kEd25519,
  kEcdsaP256,  // interop only
  kRsaPss,     // interop only
  kUnknown,    // interop: may be listed, never verifies
};

/// A public key as a TUF key object (FORMAT 2.2).
class PublicKey {
 public:
  [[nodiscard]] static PublicKey from_ed25519(const Ed25519PublicKey& key);
  /// Strict: exactly `keytype`, `scheme`, `keyval.public`, Ed25519. Interop: any object with these.
  [[nodiscard]] static Result<PublicKey> parse(const json::Value& value, Profile profile);

  [[nodiscard]] KeyType type() const { return type_; }
  /// SHA-256 of the canonical key object (FORMAT 2.2.2).
  [[nodiscard]] KeyId id() const;
  [[nodiscard]] const json::Object& to_json() const { return object_; }
  /// False for every malformed signature or key; never an error. Ed25519 by libsodium only.
  [[nodiscard]] bool verify(ByteView message, ByteView signature) const;
  /// Equal for two objects that hold the same key under different ids or spellings: thresholds
  /// count these (FORMAT 2.3.3).
  [[nodiscard]] std::string material() const;

 private:
  PublicKey() = default;
  json::Object object_;
  KeyType type_ = KeyType::kUnknown;
  std::string public_text_;  // keyval.public as written
  Bytes raw_;                // Ed25519: 32 bytes
};

using KeyMap = std::map<KeyId, PublicKey>;

/// Who may sign a role, and how many of them must (FORMAT 2.3).
struct Role {
  std::vector<KeyId> key_ids;  // as listed, each once in strict
  unsigned threshold = 1;
  friend bool operator==(const Role&, const Role&) = default;
};

/// A role with its keys at hand.
struct RoleKeys {
  KeyMap keys;
  unsigned threshold = 1;
};
/// The listed keys of `role` that `keys` holds.
[[nodiscard]] RoleKeys select_keys(const KeyMap& keys, const Role& role);

/// `keys` member of root and of delegations: {keyid: key}. At most `limit` keys.
[[nodiscard]] Result<KeyMap> parse_keys(const json::Object& object, Profile profile,
                                        std::size_t limit);
[[nodiscard]] json::Object keys_to_json(const KeyMap& keys);
[[nodiscard]] Result<Role> parse_role(const json::Object& object, const std::string& where,
                                      Profile profile, const KeyMap& keys);
void role_to_json(const Role& role, json::Object& out);

}  // namespace pawl::manifest
