#include "signer/ceremony.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/fields.hpp"
#include "signer/config.hpp"

namespace pawl::signer {
namespace {

using manifest::Fields;

constexpr std::size_t kMaxNames = 128;
constexpr std::size_t kMaxSignatures = 64;
constexpr std::size_t kMaxRole = 64;
constexpr std::size_t kMaxScopeText = 128;
constexpr json::Limits kLimits{Ceremony::kMaxBytes, 16, 65536};

Bytes bytes_of(const json::Value& value) {
  const auto text = json::write(value);
  return {text.begin(), text.end()};
}

/// The text of a canonical object embedded as it is; the other side is bytes_of.
Result<json::Value> value_of(ByteView bytes) {
  return json::parse(as_text(bytes), kLimits, json::Form::kCanonical);
}

Result<std::vector<Bytes>> read_objects(const Fields& fields, std::string_view name,
                                        std::size_t limit) {
  PAWL_TRY(const auto* const array, fields.array(name, limit));
  std::vector<Bytes> out;
  for (const auto& value : *array) {
    if (value.object() == nullptr) return fields.bad(name, "holds something else than objects");
    out.push_back(bytes_of(value));
  }
  return out;
}

Result<std::optional<Bytes>> read_object(const Fields& fields, std::string_view name) {
  const auto* const value = fields.members().find(name);
  if (value == nullptr) return std::optional<Bytes>();
  if (value->object() == nullptr) return fields.bad(name, "is not an object");
  return std::optional(bytes_of(*value));
}

Status read_names(const Fields& fields, Ceremony& out) {
  PAWL_TRY(const auto names, fields.object("names"));
  for (const auto& member : names.members().members()) {
    const auto* const name = member.value.string();
    if (name == nullptr || !is_name(*name) || out.names.size() == kMaxNames) {
      return fields.bad("names", "holds something else than key names, or too many");
    }
    out.names.emplace(manifest::KeyId{member.name}, *name);
  }
  return Ok{};
}

Status read_scope(const Fields& fields, Ceremony& out) {
  PAWL_TRY(const auto* const scope, fields.array("scope", Ceremony::kMaxScope));
  for (const auto& value : *scope) {
    const auto* const text = value.string();
    if (text == nullptr || text->empty() || text->size() > kMaxScopeText) {
      return fields.bad("scope", "holds something else than short texts");
    }
    out.scope.push_back(*text);
  }
  if (std::is_sorted(out.scope.begin(), out.scope.end())) return Ok{};
  return fields.bad("scope", "is not sorted");
}

Status read_signatures(const Fields& fields, Ceremony& out) {
  PAWL_TRY(const auto* const array, fields.array("signatures", kMaxSignatures));
  for (const auto& value : *array) {
    PAWL_TRY(const auto one, Fields::of(value, "ceremony: signatures"));
    manifest::Signature signature;
    PAWL_TRY(signature.key_id.text, one.text("keyid", kMaxRole));
    PAWL_TRY(const auto hex, one.text("sig", 128));
    PAWL_TRY(const auto bytes, fixed_from_hex<Ed25519Signature>(hex));
    signature.value.assign(bytes.bytes.begin(), bytes.bytes.end());
    const auto& all = out.signatures;
    if (!all.empty() && all.back().key_id >= signature.key_id) {
      return fields.bad("signatures", "is not in the order of key ids, each once");
    }
    out.signatures.push_back(std::move(signature));
  }
  return Ok{};
}

json::Array to_array(const std::vector<Bytes>& files) {
  json::Array out;
  for (const auto& file : files) {
    auto value = value_of(file);
    PAWL_ASSERT(value);
    out.push_back(*std::move(value));
  }
  return out;
}

void set_object(json::Object& to, std::string_view name, const std::optional<Bytes>& file) {
  if (!file) return;
  auto value = value_of(*file);
  PAWL_ASSERT(value);
  to.set(name, *std::move(value));
}

}  // namespace

Result<Ceremony> Ceremony::parse(std::string_view file) {
  if (file.ends_with('\n')) file.remove_suffix(1);
  PAWL_TRY(const auto value, json::parse(file, kLimits, json::Form::kCanonical));
  PAWL_TRY(const auto fields, Fields::of(value, "ceremony"));
  PAWL_CHECK(fields.literal("_type", "pawl.ceremony"));
  PAWL_CHECK(fields.integer("format", 1, 1));
  Ceremony out;
  PAWL_TRY(out.repository, fields.sha256("repository"));
  PAWL_TRY(out.role, fields.text("role", kMaxRole));
  PAWL_TRY(out.roots, read_objects(fields, "roots", kMaxRoots));
  PAWL_TRY(out.targets, read_object(fields, "targets"));
  PAWL_TRY(out.current, read_object(fields, "current"));
  PAWL_TRY(out.old_policy, read_object(fields, "old_policy"));
  PAWL_TRY(out.policy, read_object(fields, "policy"));
  PAWL_TRY(out.manifests, read_objects(fields, "manifests", kMaxManifests));
  PAWL_TRY(const auto text, fields.object("signed"));
  out.text = json::write(text.members());
  PAWL_CHECK(read_names(fields, out));
  PAWL_CHECK(read_scope(fields, out));
  PAWL_CHECK(read_signatures(fields, out));
  if (out.serialise() != std::string(file) + "\n") {
    return fail(Errc::kMalformed, "ceremony: holds members of another format");
  }
  return out;
}

std::string Ceremony::serialise() const {
  json::Object out;
  out.set("_type", "pawl.ceremony");
  out.set("format", 1);
  out.set("repository", to_hex(repository));
  out.set("role", role);
  out.set("roots", to_array(roots));
  set_object(out, "targets", targets);
  set_object(out, "current", current);
  set_object(out, "old_policy", old_policy);
  set_object(out, "policy", policy);
  out.set("manifests", to_array(manifests));
  set_object(out, "signed", Bytes(text.begin(), text.end()));
  json::Object people;
  for (const auto& [id, name] : names) people.set(id.text, name);
  out.set("names", std::move(people));
  json::Array words;
  for (const auto& word : scope) words.emplace_back(word);
  out.set("scope", std::move(words));
  json::Array array;
  for (const auto& signature : signatures) {
    json::Object one;
    one.set("keyid", signature.key_id.text);
    one.set("sig", to_hex(signature.value));
    array.emplace_back(std::move(one));
  }
  out.set("signatures", std::move(array));
  return json::write(out) + "\n";
}

std::string Ceremony::name_of(const manifest::KeyId& id) const {
  const auto digits = id.text.substr(0, 8);
  const auto at = names.find(id);
  return at == names.end() ? "key " + digits : at->second + " (" + digits + ")";
}

}  // namespace pawl::signer
