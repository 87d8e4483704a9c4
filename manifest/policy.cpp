#include "manifest/policy.hpp"

#include "manifest/fields.hpp"

namespace pawl::manifest {
namespace {

constexpr std::int64_t kMaxSecurityVersion = 65535;
constexpr std::size_t kMaxPolicyBytes = std::size_t{16} * 1024;
constexpr std::size_t kMaxProducts = 256;
constexpr std::size_t kMaxDevelopmentKeys = 16;

Status parse_development(const Fields& fields, Policy& out) {
  if (!fields.has("development")) return Ok{};
  PAWL_TRY(const auto products, fields.object("development"));
  for (const auto& member : products.members().members()) {
    if (!made_of(member.name, kNameAlphabet, 64)) {
      return fail(Errc::kMalformed, "policy: " + printable(member.name) + " is no product name");
    }
    PAWL_TRY(const auto role, products.object(member.name));
    PAWL_TRY(const auto keys, role.object("keys"));
    DevelopmentKeys signers;
    PAWL_TRY(signers.keys, parse_keys(keys.members(), Profile::kStrict, kMaxDevelopmentKeys));
    PAWL_TRY(signers.role,
             parse_role(role.members(), role.where(), Profile::kStrict, signers.keys));
    out.development.emplace(member.name, std::move(signers));
  }
  return Ok{};
}

}  // namespace

Result<Policy> Policy::parse(std::string_view text) {
  PAWL_TRY(const auto value,
           json::parse(text, {kMaxPolicyBytes, 8, kMaxPolicyBytes}, json::Form::kCanonical));
  PAWL_TRY(const auto fields, Fields::of(value, "policy"));
  PAWL_CHECK(fields.literal("_type", "pawl.policy"));
  PAWL_TRY(const auto format, fields.integer("format", 1, 1));
  (void)format;
  PAWL_TRY(const auto ceilings, fields.object("ceilings"));
  if (ceilings.members().size() > kMaxProducts) {
    return fail(Errc::kTooLarge, "policy: over " + std::to_string(kMaxProducts) + " products");
  }
  Policy out;
  for (const auto& member : ceilings.members().members()) {
    if (!made_of(member.name, kNameAlphabet, 64)) {
      return fail(Errc::kMalformed, "policy: " + printable(member.name) + " is no product name");
    }
    PAWL_TRY(const auto ceiling, ceilings.integer(member.name, 0, kMaxSecurityVersion));
    out.ceilings.emplace(member.name, SecurityVersion(static_cast<std::uint64_t>(ceiling)));
  }
  PAWL_CHECK(parse_development(fields, out));
  if (const auto* log = fields.members().find("tlog")) {
    PAWL_TRY(out.tlog, LogPolicy::parse(*log));
  }
  return out;
}

std::string Policy::serialise() const {
  json::Object products;
  for (const auto& [product, ceiling_of] : ceilings) {
    products.set(product, static_cast<std::int64_t>(ceiling_of.get()));
  }
  json::Object out;
  out.set("_type", "pawl.policy");
  out.set("format", 1);
  out.set("ceilings", std::move(products));
  json::Object signers;
  for (const auto& [product, each] : development) {
    json::Object role;
    role_to_json(each.role, role);
    role.set("keys", keys_to_json(each.keys));
    signers.set(product, std::move(role));
  }
  if (!development.empty()) out.set("development", std::move(signers));
  if (tlog) out.set("tlog", tlog->to_json());
  return json::write(out);
}

SecurityVersion Policy::ceiling(std::string_view product) const {
  const auto found = ceilings.find(std::string(product));
  return found == ceilings.end() ? SecurityVersion(0) : found->second;
}

}  // namespace pawl::manifest
