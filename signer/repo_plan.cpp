#include "signer/repo_plan.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/digest.hpp"
#include "manifest/path.hpp"
#include "signer/config.hpp"

namespace pawl::signer {
namespace {

template <class T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

/// Puts the keys of a role into `keys` and refuses one that serves another role already.
Status claim(const std::string& role, const RolePlan& plan, std::set<manifest::KeyId>& taken) {
  for (const auto& record : plan.keys) {
    if (taken.insert(record.id()).second) continue;
    return fail(Errc::kUsage,
                "key " + record.label + " of " + role + " serves another role already")
        .with_hint("one key never serves two roles: make one more with `pawl-signer key new`");
  }
  if (plan.threshold < 1 || plan.threshold > plan.keys.size()) {
    return fail(Errc::kUsage, role + ": threshold " + std::to_string(plan.threshold) + " of " +
                                  std::to_string(plan.keys.size()) + " keys cannot be reached");
  }
  return Ok{};
}

Status check_keys(const RepositoryPlan& plan) {
  std::set<manifest::KeyId> taken;
  PAWL_CHECK(claim("root", plan.root, taken));
  PAWL_CHECK(claim("targets", plan.targets, taken));
  PAWL_CHECK(claim("snapshot", plan.snapshot, taken));
  PAWL_CHECK(claim("timestamp", plan.timestamp, taken));
  std::set<std::string> products;
  for (const auto& product : plan.products) {
    if (!products.insert(product.product).second) {
      return fail(Errc::kUsage, "--product " + product.product + " is there twice");
    }
    PAWL_CHECK(claim("product " + product.product, product.role, taken));
  }
  for (const auto& [product, role] : plan.development) {
    PAWL_CHECK(claim("development " + product, role, taken));
    if (products.contains(product)) continue;
    return fail(Errc::kUsage, "--development " + product + ": there is no such product");
  }
  for (const auto& [product, ceiling] : plan.policy.ceilings) {
    if (products.contains(product)) continue;
    return fail(Errc::kUsage, "--ceiling " + product + ": there is no such product");
  }
  return Ok{};
}

}  // namespace

Result<KeyList> parse_key_list(std::string_view option, std::string_view text) {
  KeyList out;
  const auto colon = text.rfind(':');
  const auto names = text.substr(0, colon);
  for (std::string_view rest = names; !rest.empty();) {
    const auto comma = rest.find(',');
    const auto name = rest.substr(0, comma);
    if (!name.empty()) out.keys.emplace_back(name);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  out.threshold = static_cast<unsigned>(out.keys.size() / 2 + 1);
  const bool bad_number =
      colon != std::string_view::npos && !parse_number(text.substr(colon + 1), out.threshold);
  if (out.keys.empty() || bad_number || out.threshold < 1 || out.threshold > out.keys.size()) {
    return fail(Errc::kUsage, std::string(option) + " " + printable(text) + " is not KEY[,KEY][:N]")
        .with_hint("N is the threshold, 1 to the number of keys: alice,bob,carol:2");
  }
  return out;
}

Result<ProductKeys> parse_product(std::string_view option, std::string_view text) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  if (equals == std::string_view::npos || !is_name(name)) {
    return fail(Errc::kUsage,
                std::string(option) + " " + printable(text) + " is not NAME=KEY[,KEY][:N]");
  }
  PAWL_TRY(auto list, parse_key_list(option, text.substr(equals + 1)));
  return ProductKeys{std::string(name), std::move(list)};
}

Result<Ceiling> parse_ceiling(std::string_view text) {
  constexpr std::uint64_t kHighest = 65535;
  const auto equals = text.find('=');
  std::uint64_t value = 0;
  if (equals == std::string_view::npos || !parse_number(text.substr(equals + 1), value) ||
      value > kHighest) {
    return fail(Errc::kUsage, "--ceiling " + printable(text) + " is not PRODUCT=0..65535");
  }
  return Ceiling{std::string(text.substr(0, equals)), SecurityVersion(value)};
}

manifest::Role fill_role(const RolePlan& plan, manifest::KeyMap& keys) {
  manifest::Role role;
  role.threshold = plan.threshold;
  for (const auto& record : plan.keys) {
    role.key_ids.push_back(record.id());
    keys.emplace(record.id(), manifest::PublicKey::from_ed25519(record.public_key));
  }
  std::sort(role.key_ids.begin(), role.key_ids.end());
  return role;
}

manifest::DevelopmentKeys development_keys(const RolePlan& plan) {
  manifest::DevelopmentKeys out;
  out.role = fill_role(plan, out.keys);
  return out;
}

manifest::Delegation product_line(const std::string& product, const RolePlan& plan,
                                  manifest::KeyMap& keys) {
  manifest::Delegation out;
  out.name = manifest::release_role(product);
  out.role = fill_role(plan, keys);
  out.terminating = manifest::Terminating::kYes;
  out.paths = {manifest::release_pattern(product)};
  return out;
}

manifest::Policy policy_of(const RepositoryPlan& plan) {
  auto out = plan.policy;
  for (const auto& [product, role] : plan.development) {
    out.development.insert_or_assign(product, development_keys(role));
  }
  return out;
}

Result<Repository> first_state(const RepositoryPlan& plan, const std::string& directory) {
  PAWL_CHECK(check_keys(plan));
  Repository out;
  out.directory = directory;
  out.policy = policy_of(plan);
  out.root.root = fill_role(plan.root, out.root.keys);
  out.root.targets = fill_role(plan.targets, out.root.keys);
  out.root.snapshot = fill_role(plan.snapshot, out.root.keys);
  out.root.timestamp = fill_role(plan.timestamp, out.root.keys);
  manifest::Delegations delegations;
  for (const auto& product : plan.products) {
    auto delegation = product_line(product.product, product.role, delegations.keys);
    out.roles[delegation.name] = manifest::Targets{};
    delegations.roles.push_back(std::move(delegation));
  }
  if (!delegations.roles.empty()) out.targets.delegations = std::move(delegations);
  out.timestamp.header.version = MetadataVersion(0);
  return out;
}

}  // namespace pawl::signer
