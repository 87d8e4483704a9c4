#include "manifest/envelope.hpp"

#include <algorithm>
#include <set>

#include "base/json.hpp"
#include "manifest/attack.hpp"
#include "manifest/fields.hpp"
#include "manifest/olpc.hpp"

namespace pawl::manifest {
namespace {

constexpr std::size_t kMaxSignatures = 64;
constexpr std::size_t kMaxKeyIdText = 1024;
constexpr std::size_t kMaxSignatureBytes = 2048;

json::Limits json_limits(std::size_t bytes, Profile profile) {
  constexpr unsigned kStrictDepth = 8;
  constexpr unsigned kInteropDepth = 32;
  return {bytes, profile == Profile::kStrict ? kStrictDepth : kInteropDepth, bytes};
}

Result<Signature> parse_signature(const json::Value& item, Profile profile) {
  PAWL_TRY(const auto fields, Fields::of(item, "signature"));
  Signature out;
  PAWL_TRY(out.key_id.text, fields.text("keyid", kMaxKeyIdText));
  const auto* value = fields.members().find("sig");
  const auto* hex = value == nullptr ? nullptr : value->string();
  if (hex == nullptr) return fields.bad("sig", "is not a string");
  auto bytes = from_hex(*hex, kMaxSignatureBytes);
  if (bytes) {
    out.value = *std::move(bytes);
    if (profile == Profile::kInterop || out.value.size() == 64) return out;
  }
  if (profile == Profile::kInterop) return out;  // counts for nothing, spoils nothing
  return fields.bad("sig", "is not 64 bytes of lower-case hexadecimal");
}

Result<std::vector<Signature>> parse_signatures(std::string_view text, Profile profile) {
  PAWL_TRY(const auto list, json::parse(text, json_limits(text.size(), profile)));
  const auto* items = list.array();
  if (items == nullptr) return fail(Errc::kMalformed, "signatures is not an array");
  if (items->size() > kMaxSignatures) {
    return fail(Errc::kTooLarge, std::to_string(items->size()) + " signatures, the limit is " +
                                     std::to_string(kMaxSignatures));
  }
  std::vector<Signature> out;
  std::set<KeyId> seen;
  for (const auto& item : *items) {
    PAWL_TRY(auto signature, parse_signature(item, profile));
    if (!seen.insert(signature.key_id).second) {
      return fail(Errc::kMalformed, "key " + printable(signature.key_id.text) + " signs twice");
    }
    out.push_back(std::move(signature));
  }
  return out;
}

}  // namespace

Result<UnverifiedEnvelope> UnverifiedEnvelope::split(ByteView file, std::size_t limit,
                                                     Profile profile) {
  const auto strict = profile == Profile::kStrict;
  PAWL_TRY(const auto parts,
           json::split_object(as_text(file), json_limits(limit, profile),
                              strict ? json::Form::kCanonical : json::Form::kAny));
  const auto part = [&](std::string_view name) {
    return std::find_if(parts.begin(), parts.end(), [&](const auto& p) { return p.name == name; });
  };
  const auto signatures = part("signatures");
  const auto body = part("signed");
  if (signatures == parts.end() || body == parts.end()) {
    return fail(Errc::kMalformed, "file lacks 'signatures' or 'signed'");
  }
  if (strict && parts.size() != 2) {
    return fail(Errc::kMalformed, "file has members beside 'signatures' and 'signed'");
  }
  UnverifiedEnvelope out;
  out.signed_text_ = std::string(body->raw);
  PAWL_TRY(out.signatures_, parse_signatures(signatures->raw, profile));
  if (!strict) {
    PAWL_TRY(const auto value,
             json::parse(out.signed_text_, json_limits(out.signed_text_.size(), profile)));
    PAWL_TRY(out.covered_, olpc_canonical(value));
  }
  return out;
}

std::vector<KeyId> UnverifiedEnvelope::valid_signers(const RoleKeys& role) const {
  const auto message = as_bytes(covered_.empty() ? signed_text_ : covered_);
  std::vector<KeyId> signers;
  std::set<std::string> materials;
  for (const auto& signature : signatures_) {
    const auto key = role.keys.find(signature.key_id);
    if (key == role.keys.end() || !key->second.verify(message, signature.value)) continue;
    if (materials.insert(key->second.material()).second) signers.push_back(signature.key_id);
  }
  return signers;
}

Result<std::vector<KeyId>> UnverifiedEnvelope::verify(const RoleKeys& role) const {
  auto signers = valid_signers(role);
  if (signers.size() < role.threshold || role.threshold == 0) {
    return refuse(Attack::kArbitrary, Errc::kBadSignature,
                  std::to_string(signers.size()) + " valid signatures, the threshold is " +
                      std::to_string(role.threshold));
  }
  return signers;
}

Bytes assemble_envelope(std::string_view signed_text, std::vector<Signature> signatures) {
  std::sort(signatures.begin(), signatures.end(),
            [](const Signature& a, const Signature& b) { return a.key_id < b.key_id; });
  json::Array list;
  for (const auto& signature : signatures) {
    json::Object item;
    item.set("keyid", signature.key_id.text);
    item.set("sig", to_hex(ByteView(signature.value)));
    list.emplace_back(std::move(item));
  }
  const auto text = "{\"signatures\":" + json::write(json::Value(std::move(list))) +
                    ",\"signed\":" + std::string(signed_text) + "}";
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace pawl::manifest
