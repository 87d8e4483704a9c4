#include <algorithm>
#include <set>

#include "base/digest.hpp"
#include "manifest/header.hpp"
#include "manifest/path.hpp"

namespace pawl::manifest {
namespace {

constexpr std::size_t kMaxPaths = 256;
constexpr std::size_t kMaxPathText = 1024;
constexpr std::size_t kMaxDelegations = 4096;
constexpr unsigned kMaxBitLength = 32;

std::string path_digest(std::string_view path) {
  return to_hex(sha256(as_bytes(path)));
}

std::string hex_number(std::uint64_t number, std::size_t digits) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out(digits, '0');
  for (std::size_t i = digits; i > 0; --i, number >>= 4U) out[i - 1] = kHex[number & 15U];
  return out;
}

Result<TargetInfo> parse_target(const std::string& path, const json::Value& value,
                                Profile profile) {
  const auto where = "target " + printable(path);
  PAWL_TRY(const auto fields, Fields::of(value, where));
  if (profile == Profile::kStrict && !safe_target_path(path)) {
    return fail(Errc::kMalformed, where + " is not a path of the strict profile");
  }
  TargetInfo out;
  out.path = path;
  PAWL_TRY(const auto length, fields.integer("length", 0, json::kMaxInteger));
  out.length = static_cast<std::uint64_t>(length);
  PAWL_TRY(const auto hashes, fields.object("hashes"));
  PAWL_TRY(out.hashes, parse_hashes(hashes.members(), hashes.where(), profile));
  if (fields.has("custom")) {
    PAWL_TRY(const auto custom, fields.object("custom"));
    out.custom = custom.members();
  }
  return out;
}

Result<std::vector<std::string>> parse_texts(const Fields& fields, std::string_view name) {
  std::vector<std::string> out;
  if (!fields.has(name)) return out;
  PAWL_TRY(const auto* items, fields.array(name, kMaxPaths));
  for (const auto& item : *items) {
    const auto* text = item.string();
    if (text == nullptr || text->size() > kMaxPathText) {
      return fields.bad(name, "holds something that is not a short string");
    }
    out.push_back(*text);
  }
  return out;
}

Result<Delegation> parse_delegation(const json::Value& value, Profile profile, const KeyMap& keys) {
  PAWL_TRY(const auto fields, Fields::of(value, "delegation"));
  Delegation out;
  PAWL_TRY(out.name, fields.text("name", kMaxPathText));
  const Fields named(fields.members(), "delegation " + printable(out.name));
  PAWL_TRY(out.role, parse_role(named.members(), named.where(), profile, keys));
  PAWL_TRY(const bool terminating, named.flag("terminating"));
  out.terminating = terminating ? Terminating::kYes : Terminating::kNo;
  PAWL_TRY(out.paths, parse_texts(named, "paths"));
  PAWL_TRY(out.path_hash_prefixes, parse_texts(named, "path_hash_prefixes"));
  if (named.has("paths") == named.has("path_hash_prefixes")) {
    return named.bad("paths", "or path_hash_prefixes must be there, not both");
  }
  if (profile == Profile::kInterop) return out;
  if (!safe_role_name(out.name)) return named.bad("name", "is not a role name");
  if (!named.has("paths")) return named.bad("paths", "is missing");
  return out;
}

Result<SuccinctRoles> parse_succinct(const Fields& fields, const KeyMap& keys) {
  SuccinctRoles out;
  PAWL_TRY(out.role, parse_role(fields.members(), fields.where(), Profile::kInterop, keys));
  PAWL_TRY(const auto bits, fields.integer("bit_length", 1, kMaxBitLength));
  out.bit_length = static_cast<unsigned>(bits);
  PAWL_TRY(out.name_prefix, fields.text("name_prefix", kMaxPathText));
  return out;
}

Result<Delegations> parse_delegations(const Fields& fields, Profile profile) {
  Delegations out;
  PAWL_TRY(const auto keys, fields.object("keys"));
  PAWL_TRY(out.keys, parse_keys(keys.members(), profile, kMaxRoleKeys));
  if (fields.has("succinct_roles") && profile == Profile::kInterop) {
    if (fields.has("roles")) return fields.bad("roles", "stands beside succinct_roles");
    PAWL_TRY(const auto succinct, fields.object("succinct_roles"));
    PAWL_TRY(out.succinct, parse_succinct(succinct, out.keys));
    return out;
  }
  PAWL_TRY(const auto* roles, fields.array("roles", kMaxDelegations));
  std::set<std::string> names;
  for (const auto& item : *roles) {
    PAWL_TRY(auto delegation, parse_delegation(item, profile, out.keys));
    if (!names.insert(delegation.name).second) {
      return fields.bad("roles", "names " + printable(delegation.name) + " twice");
    }
    constexpr std::string_view kTopLevel[] = {"root", "timestamp", "snapshot", "targets"};
    if (std::find(std::begin(kTopLevel), std::end(kTopLevel), delegation.name) !=
        std::end(kTopLevel)) {
      return fields.bad("roles", "delegates to a top-level role");
    }
    out.roles.push_back(std::move(delegation));
  }
  return out;
}

json::Array texts_to_json(const std::vector<std::string>& texts) {
  json::Array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
}

json::Object delegations_to_json(const Delegations& delegations) {
  json::Object out;
  out.set("keys", keys_to_json(delegations.keys));
  if (delegations.succinct) {
    json::Object succinct;
    role_to_json(delegations.succinct->role, succinct);
    succinct.set("bit_length", static_cast<std::int64_t>(delegations.succinct->bit_length));
    succinct.set("name_prefix", delegations.succinct->name_prefix);
    out.set("succinct_roles", std::move(succinct));
    return out;
  }
  json::Array roles;
  for (const auto& delegation : delegations.roles) {
    json::Object role;
    role_to_json(delegation.role, role);
    role.set("name", delegation.name);
    role.set("terminating", delegation.terminating == Terminating::kYes);
    if (delegation.path_hash_prefixes.empty()) {
      role.set("paths", texts_to_json(delegation.paths));
    } else {
      role.set("path_hash_prefixes", texts_to_json(delegation.path_hash_prefixes));
    }
    roles.emplace_back(std::move(role));
  }
  out.set("roles", std::move(roles));
  return out;
}

}  // namespace

bool Delegation::covers(std::string_view path) const {
  const auto digest = path_hash_prefixes.empty() ? std::string() : path_digest(path);
  return std::any_of(paths.begin(), paths.end(),
                     [&](const auto& pattern) { return path_matches(pattern, path); }) ||
         std::any_of(path_hash_prefixes.begin(), path_hash_prefixes.end(),
                     [&](const auto& prefix) { return digest.starts_with(prefix); });
}

std::string SuccinctRoles::bin_of(std::string_view path) const {
  const auto digest = sha256(as_bytes(path));
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 4; ++i) head = (head << 8U) | digest.bytes[i];
  return name_prefix + "-" + hex_number(head >> (32U - bit_length), (bit_length + 3) / 4);
}

bool SuccinctRoles::has(std::string_view role_name) const {
  const auto digits = (std::size_t{bit_length} + 3) / 4;
  if (role_name.size() != name_prefix.size() + 1 + digits) return false;
  if (!role_name.starts_with(name_prefix + "-")) return false;
  const auto number = role_name.substr(name_prefix.size() + 1);
  if (!made_of(number, "0123456789abcdef", digits)) return false;
  std::uint64_t bin = 0;
  for (const char c : number) {
    bin = (bin << 4U) | static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return bin >> bit_length == 0;
}

Result<Targets> Targets::parse(std::string_view signed_text, Profile profile) {
  PAWL_TRY(const auto value, parse_signed(signed_text, profile));
  PAWL_TRY(const auto fields, Fields::of(value, "targets"));
  Targets out;
  PAWL_TRY(out.header, parse_header(fields, "targets", profile));
  PAWL_TRY(const auto targets, fields.object("targets"));
  for (const auto& member : targets.members().members()) {
    PAWL_TRY(auto info, parse_target(member.name, member.value, profile));
    out.targets.emplace(member.name, std::move(info));
  }
  if (fields.has("delegations")) {
    PAWL_TRY(const auto delegations, fields.object("delegations"));
    PAWL_TRY(out.delegations, parse_delegations(delegations, profile));
  }
  return out;
}

std::string Targets::serialise() const {
  auto out = header_to_json(header, "targets");
  json::Object files;
  for (const auto& [path, info] : targets) {
    json::Object file;
    file.set("length", static_cast<std::int64_t>(info.length));
    file.set("hashes", hashes_to_json(info.hashes));
    if (!info.custom.empty()) file.set("custom", info.custom);
    files.set(path, std::move(file));
  }
  out.set("targets", std::move(files));
  if (delegations) out.set("delegations", delegations_to_json(*delegations));
  return json::write(out);
}

}  // namespace pawl::manifest
