#include "signer/key_record.hpp"

#include <algorithm>
#include <array>

#include "base/json.hpp"
#include "manifest/fields.hpp"
#include "signer/config.hpp"

namespace pawl::signer {
namespace {

constexpr std::size_t kMaxUri = 1024;
constexpr std::array<std::string_view, 4> kCustodyLevels{"none", "token_private", "token_born",
                                                         "attested"};

}  // namespace

manifest::KeyId KeyRecord::id() const {
  return manifest::PublicKey::from_ed25519(public_key).id();
}

bool KeyRecord::is_development() const {
  return uri.starts_with(kSoftwareScheme);
}

bool KeyRecord::is_external() const {
  return uri.starts_with(kCommandScheme);
}

Result<KeyRecord> parse_key_record(std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, {KeyRecord::kMaxSize, 4, 64}));
  PAWL_TRY(const auto fields, manifest::Fields::of(value, "key record"));
  PAWL_CHECK(fields.literal("_type", "pawl.key"));
  PAWL_CHECK(fields.integer("format", 1, 1));
  KeyRecord record;
  PAWL_TRY(record.label, fields.text("label", 32));
  if (!is_name(record.label)) return fields.bad("label", "is not a key name");
  PAWL_TRY(const auto key, fields.text("public", 64));
  PAWL_TRY(record.public_key, fixed_from_hex<Ed25519PublicKey>(key));
  PAWL_TRY(record.uri, fields.text("uri", kMaxUri));
  if (!record.uri.starts_with(kPkcs11Scheme) && !record.is_development() && !record.is_external()) {
    return fields.bad("uri", "is none of pkcs11:, command: and software:");
  }
  PAWL_TRY(record.custody, fields.text("custody", 16));
  if (std::find(kCustodyLevels.begin(), kCustodyLevels.end(), record.custody) ==
      kCustodyLevels.end()) {
    return fields.bad("custody", "is not a custody level");
  }
  PAWL_CHECK(fields.literal("keyid", record.id().text));
  return record;
}

std::string key_record_text(const KeyRecord& record) {
  json::Object object;
  object.set("_type", "pawl.key");
  object.set("custody", record.custody);
  object.set("format", 1);
  object.set("keyid", record.id().text);
  object.set("label", record.label);
  object.set("public", to_hex(record.public_key));
  object.set("uri", record.uri);
  return json::write_pretty(object) + "\n";
}

Result<KeyRecord> load_key_record(Disk& disk, const std::string& path) {
  PAWL_TRY(const auto bytes, read_file(disk, path, KeyRecord::kMaxSize));
  auto record = parse_key_record(as_text(bytes));
  if (record) return record;
  auto error = std::move(record).error();
  error.prefix(path);
  return error;
}

}  // namespace pawl::signer
