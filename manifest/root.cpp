#include <set>

#include "base/digest.hpp"
#include "manifest/header.hpp"

namespace pawl::manifest {
namespace {

struct NamedRole {
  const char* name;
  Role Root::*role;
};
constexpr NamedRole kRoles[] = {{"root", &Root::root},
                                {"timestamp", &Root::timestamp},
                                {"snapshot", &Root::snapshot},
                                {"targets", &Root::targets}};

/// FORMAT 2.5.2: one key never serves two role types.
Status check_separate_keys(const Root& root) {
  std::set<std::string> seen;
  for (const auto& named : kRoles) {
    for (const auto& id : (root.*named.role).key_ids) {
      const auto key = root.keys.find(id);
      if (key == root.keys.end()) continue;
      if (!seen.insert(key->second.material()).second) {
        return fail(Errc::kMalformed,
                    std::string("root: a key of role ") + named.name + " also serves another role");
      }
    }
  }
  return Ok{};
}

Result<FileReference> parse_policy(const Fields& origin) {
  constexpr std::int64_t kMaxPolicy = 16 * 1024;
  PAWL_TRY(const auto policy, origin.object("policy"));
  FileReference out;
  PAWL_TRY(out.sha256, policy.sha256("sha256"));
  PAWL_TRY(const auto length, policy.integer("length", 1, kMaxPolicy));
  out.length = static_cast<std::uint64_t>(length);
  return out;
}

}  // namespace

Result<Root> Root::parse(std::string_view signed_text, Profile profile) {
  PAWL_TRY(const auto value, parse_signed(signed_text, profile));
  PAWL_TRY(const auto fields, Fields::of(value, "root"));
  Root out;
  PAWL_TRY(out.header, parse_header(fields, "root", profile));
  if (fields.has("consistent_snapshot")) {
    PAWL_TRY(out.consistent_snapshot, fields.flag("consistent_snapshot"));
  } else {
    out.consistent_snapshot = false;
  }
  PAWL_TRY(const auto keys, fields.object("keys"));
  PAWL_TRY(out.keys, parse_keys(keys.members(), profile, kMaxRoleKeys));
  PAWL_TRY(const auto roles, fields.object("roles"));
  for (const auto& named : kRoles) {
    PAWL_TRY(const auto role, roles.object(named.name));
    PAWL_TRY(out.*named.role, parse_role(role.members(), role.where(), profile, out.keys));
  }
  if (profile == Profile::kInterop) return out;
  if (!out.consistent_snapshot) return fields.bad("consistent_snapshot", "is not true");
  PAWL_CHECK(check_separate_keys(out));
  PAWL_TRY(const auto origin, fields.object("x-pawl"));
  if (origin.has("policy")) {
    PAWL_TRY(out.policy, parse_policy(origin));
  }
  return out;
}

std::string Root::serialise() const {
  auto out = header_to_json(header, "root");
  out.set("consistent_snapshot", consistent_snapshot);
  out.set("keys", keys_to_json(keys));
  json::Object roles;
  for (const auto& named : kRoles) {
    json::Object role;
    role_to_json(this->*named.role, role);
    roles.set(named.name, std::move(role));
  }
  out.set("roles", std::move(roles));
  if (policy) {
    json::Object reference;
    reference.set("sha256", to_hex(policy->sha256));
    reference.set("length", static_cast<std::int64_t>(policy->length));
    if (auto* origin = out.find("x-pawl")) origin->object()->set("policy", std::move(reference));
  }
  return json::write(out);
}

Sha256Digest Root::repository_id(std::string_view root_v1_signed_text) {
  return sha256(as_bytes(root_v1_signed_text));
}

}  // namespace pawl::manifest
