#include "signer/key_ring.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "signer/paths.hpp"

namespace pawl::signer {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

/// Names the key in an error of the layers below.
template <class T>
Result<T> in_key(const KeyEntry& entry, Result<T> result) {
  if (result) return result;
  auto error = std::move(result).error();
  error.prefix("key " + entry.name);
  return error;
}

}  // namespace

Result<KeyRing> KeyRing::load(Disk& disk, const Config& config, KeyOpener& opener) {
  KeyRing ring(opener);
  for (const auto& entry : config.keys) {
    auto record = load_key_record(disk, entry.record);
    if (!record) {
      auto error = fail(Errc::kConfig, "key " + entry.name + ": " + record.error().what());
      return std::move(error).with_hint("correct `record` of this key in " + config.path);
    }
    if (entry.uri) record->uri = *entry.uri;
    if (!entry.command.empty()) {
      record->uri = std::string(kCommandScheme) + entry.command.front();
      record->custody = "none";
    }
    if (record->is_development()) {
      const auto file = record->uri.substr(kSoftwareScheme.size());
      record->uri = std::string(kSoftwareScheme) + resolve_path(parent_of(config.path), file);
    }
    ring.add(*std::move(record), entry);
  }
  return ring;
}

void KeyRing::add(KeyRecord record, KeyEntry entry) {
  held_.push_back({std::move(record), std::move(entry), nullptr});
}

const KeyRecord* KeyRing::find(std::string_view name) const {
  const auto at = std::find_if(held_.begin(), held_.end(),
                               [&](const Held& held) { return held.entry.name == name; });
  return at == held_.end() ? nullptr : &at->record;
}

const KeyRecord* KeyRing::find(const manifest::KeyId& id) const {
  const auto at = std::find_if(held_.begin(), held_.end(),
                               [&](const Held& held) { return held.record.id() == id; });
  return at == held_.end() ? nullptr : &at->record;
}

Result<std::vector<manifest::KeyId>> KeyRing::choose(std::string_view role,
                                                     const manifest::RoleKeys& keys) const {
  std::vector<manifest::KeyId> chosen;
  std::vector<std::string> here;
  for (const auto& held : held_) {
    const auto id = held.record.id();
    if (chosen.size() == keys.threshold || !keys.keys.contains(id)) continue;
    if (std::find(chosen.begin(), chosen.end(), id) != chosen.end()) continue;
    chosen.push_back(id);
    here.push_back(key_name(*this, id));
  }
  if (chosen.size() == keys.threshold) return chosen;
  std::vector<std::string> missing;
  for (const auto& [id, key] : keys.keys) {
    if (std::find(chosen.begin(), chosen.end(), id) == chosen.end()) {
      missing.push_back(key_name(*this, id));
    }
  }
  return fail(Errc::kIncomplete, std::string(role) + " needs " + std::to_string(keys.threshold) +
                                     " signatures; keys at hand: " + joined(here) +
                                     "; not at hand: " + joined(missing))
      .with_hint("name the missing keys in signer.toml ([keys.NAME] record, pin)");
}

KeyRing::Held& KeyRing::held(const manifest::KeyId& id) {
  const auto at = std::find_if(held_.begin(), held_.end(),
                               [&](const Held& candidate) { return candidate.record.id() == id; });
  PAWL_ASSERT(at != held_.end());
  return *at;
}

Status KeyRing::check_size(const manifest::KeyId& id, std::string_view role, std::size_t size) {
  const auto& key = held(id);
  PAWL_TRY(const auto limit, in_key(key.entry, opener_->message_limit(key.record, key.entry)));
  if (size <= limit) return Ok{};
  return fail(Errc::kTooLarge, std::string(role) + " has " + std::to_string(size) +
                                   " bytes to sign, the token of key " + key.entry.name +
                                   " takes " + std::to_string(limit))
      .with_hint("prune releases, use fewer keys or nest delegations; nothing was signed");
}

Result<manifest::Signature> KeyRing::sign(const manifest::KeyId& id, std::string_view text) {
  auto& key = held(id);
  if (key.open == nullptr) {
    PAWL_TRY(key.open, in_key(key.entry, opener_->open(key.record, key.entry)));
  }
  PAWL_TRY(const auto signature, in_key(key.entry, key.open->sign(as_bytes(text))));
  if (!ed25519_verify(signature, as_bytes(text), key.record.public_key)) {
    return fail(Errc::kBadSignature,
                "key " + key.entry.name +
                    ": the signature does not verify under the public key of " + key.entry.record)
        .with_hint("the token holds another key than the record says; nothing was published");
  }
  return manifest::Signature{id, Bytes(signature.bytes.begin(), signature.bytes.end())};
}

bool KeyRing::has_signed(const manifest::UnverifiedEnvelope& file) const {
  const auto& all = file.signatures();
  return std::any_of(all.begin(), all.end(), [&](const manifest::Signature& signature) {
    const auto* const record = find(signature.key_id);
    Ed25519Signature value;
    if (record == nullptr || signature.value.size() != value.bytes.size()) return false;
    std::copy(signature.value.begin(), signature.value.end(), value.bytes.begin());
    return ed25519_verify(value, as_bytes(file.signed_text()), record->public_key);
  });
}

std::vector<std::string> KeyRing::development_signers() const {
  std::vector<std::string> out;
  for (const auto& held : held_) {
    if (held.open != nullptr && held.record.is_development()) out.push_back(held.entry.name);
  }
  return out;
}

std::string key_name(const KeyRing& ring, const manifest::KeyId& id) {
  const auto digits = id.text.substr(0, 8);
  const auto* record = ring.find(id);
  return record == nullptr ? "key " + digits : record->label + " (" + digits + ")";
}

}  // namespace pawl::signer
