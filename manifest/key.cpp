#include "manifest/key.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/fields.hpp"
#include "manifest/key_openssl.hpp"

namespace pawl::manifest {
namespace {

constexpr std::size_t kMaxKeyText = 8192;  // a PEM of RSA-8192 is about 1,500
constexpr std::size_t kMaxKeysPerRole = 64;
constexpr std::int64_t kMaxThreshold = 64;

KeyType type_of(std::string_view type, std::string_view scheme) {
  if (type == "ed25519" && scheme == "ed25519") return KeyType::kEd25519;
  const bool ecdsa = type == "ecdsa" || type == "ecdsa-sha2-nistp256";
  if (ecdsa && scheme == "ecdsa-sha2-nistp256") return KeyType::kEcdsaP256;
  if (type == "rsa" && scheme == "rsassa-pss-sha256") return KeyType::kRsaPss;
  return KeyType::kUnknown;
}

Status check_strict(const Fields& key, const Fields& value, KeyType type) {
  if (type != KeyType::kEd25519) {
    return fail(Errc::kMalformed, key.where() + ": only Ed25519 keys are accepted")
        .with_hint("the strict profile has one scheme: keytype and scheme 'ed25519'");
  }
  if (key.members().size() != 3 || value.members().size() != 1) {
    return fail(Errc::kMalformed, key.where() + " has members beside keytype, scheme, keyval");
  }
  return Ok{};
}

}  // namespace

PublicKey PublicKey::from_ed25519(const Ed25519PublicKey& key) {
  PublicKey out;
  out.type_ = KeyType::kEd25519;
  out.public_text_ = to_hex(key);
  out.raw_.assign(key.bytes.begin(), key.bytes.end());
  json::Object value;
  value.set("public", out.public_text_);
  out.object_.set("keytype", "ed25519");
  out.object_.set("keyval", std::move(value));
  out.object_.set("scheme", "ed25519");
  return out;
}

Result<PublicKey> PublicKey::parse(const json::Value& value, Profile profile) {
  PAWL_TRY(const auto key, Fields::of(value, "key"));
  PAWL_TRY(const auto type, key.text("keytype", 64));
  PAWL_TRY(const auto scheme, key.text("scheme", 64));
  PAWL_TRY(const auto keyval, key.object("keyval"));
  PublicKey out;
  PAWL_TRY(out.public_text_, keyval.text("public", kMaxKeyText));
  out.object_ = key.members();
  out.type_ = type_of(type, scheme);
  if (profile == Profile::kStrict) PAWL_CHECK(check_strict(key, keyval, out.type_));
  if (out.type_ != KeyType::kEd25519) return out;
  auto raw = fixed_from_hex<Ed25519PublicKey>(out.public_text_);
  if (!raw && profile == Profile::kStrict) {
    return keyval.bad("public", "is not 32 bytes of lower-case hexadecimal");
  }
  if (!raw) {
    out.type_ = KeyType::kUnknown;
  } else {
    out.raw_.assign(raw->bytes.begin(), raw->bytes.end());
  }
  return out;
}

KeyId PublicKey::id() const {
  return {to_hex(sha256(as_bytes(json::write(object_))))};
}

bool PublicKey::verify(ByteView message, ByteView signature) const {
  switch (type_) {
    case KeyType::kEd25519: {
      Ed25519Signature fixed;
      Ed25519PublicKey key;
      if (signature.size() != fixed.bytes.size()) return false;
      std::copy(signature.begin(), signature.end(), fixed.bytes.begin());
      std::copy(raw_.begin(), raw_.end(), key.bytes.begin());
      return ed25519_verify(fixed, message, key);
    }
    case KeyType::kEcdsaP256:
      return openssl_verify(OpensslScheme::kEcdsaP256Sha256, public_text_, message, signature);
    case KeyType::kRsaPss:
      return openssl_verify(OpensslScheme::kRsaPssSha256, public_text_, message, signature);
    case KeyType::kUnknown:
      return false;
  }
  return false;
}

std::string PublicKey::material() const {
  if (type_ == KeyType::kEd25519) return "ed25519:" + to_hex(raw_);
  return "spki:" + openssl_spki(public_text_);
}

RoleKeys select_keys(const KeyMap& keys, const Role& role) {
  RoleKeys out;
  out.threshold = role.threshold;
  for (const auto& id : role.key_ids) {
    const auto key = keys.find(id);
    if (key != keys.end()) out.keys.insert(*key);
  }
  return out;
}

Result<KeyMap> parse_keys(const json::Object& object, Profile profile, std::size_t limit) {
  if (object.size() > limit) {
    return fail(Errc::kTooLarge,
                std::to_string(object.size()) + " keys, the limit is " + std::to_string(limit));
  }
  KeyMap keys;
  for (const auto& member : object.members()) {
    auto key = PublicKey::parse(member.value, profile);
    if (!key) {
      auto error = std::move(key).error();
      error.prefix("key " + printable(member.name));
      return error;
    }
    if (profile == Profile::kStrict && key->id().text != member.name) {
      return fail(Errc::kMalformed,
                  "key id " + printable(member.name) + " is not the digest of its key");
    }
    keys.emplace(KeyId{member.name}, *std::move(key));
  }
  return keys;
}

json::Object keys_to_json(const KeyMap& keys) {
  json::Object out;
  for (const auto& [id, key] : keys) out.set(id.text, key.to_json());
  return out;
}

Result<Role> parse_role(const json::Object& object, const std::string& where, Profile profile,
                        const KeyMap& keys) {
  const Fields fields(object, where);
  Role role;
  PAWL_TRY(const auto threshold, fields.integer("threshold", 1, kMaxThreshold));
  role.threshold = static_cast<unsigned>(threshold);
  PAWL_TRY(const auto* ids, fields.array("keyids", kMaxKeysPerRole));
  std::set<std::string> materials;
  for (const auto& item : *ids) {
    const auto* text = item.string();
    if (text == nullptr) return fields.bad("keyids", "holds something that is not a string");
    const KeyId id{*text};
    const auto key = keys.find(id);
    const bool repeated =
        std::find(role.key_ids.begin(), role.key_ids.end(), id) != role.key_ids.end();
    if (profile == Profile::kStrict) {
      if (key == keys.end()) return fields.bad("keyids", "names a key that is not listed");
      if (repeated) return fields.bad("keyids", "names a key twice");
    }
    if (key != keys.end()) materials.insert(key->second.material());
    if (!repeated) role.key_ids.push_back(id);
  }
  if (profile == Profile::kStrict && role.threshold > materials.size()) {
    return fields.bad("threshold", "is " + std::to_string(threshold) + " of " +
                                       std::to_string(materials.size()) + " keys, never met");
  }
  return role;
}

void role_to_json(const Role& role, json::Object& out) {
  json::Array ids;
  for (const auto& id : role.key_ids) ids.emplace_back(id.text);
  out.set("keyids", std::move(ids));
  out.set("threshold", static_cast<std::int64_t>(role.threshold));
}

}  // namespace pawl::manifest
