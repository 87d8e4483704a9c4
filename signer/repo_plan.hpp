#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/policy.hpp"
#include "signer/key_record.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {

/// "alice,bob,carol:2": who may sign a role and how many must. Without a number, more than half.
struct KeyList {
  std::vector<std::string> keys;  // names of signer.toml or paths of .pub.json files
  unsigned threshold = 1;
};
/// @return kUsage
[[nodiscard]] Result<KeyList> parse_key_list(std::string_view option, std::string_view text);

/// "gw3=rel-a,rel-b:2".
struct ProductKeys {
  std::string product;
  KeyList list;
};
[[nodiscard]] Result<ProductKeys> parse_product(std::string_view option, std::string_view text);

/// "gw3=12".
struct Ceiling {
  std::string product;
  SecurityVersion highest{0};
};
[[nodiscard]] Result<Ceiling> parse_ceiling(std::string_view text);

/// A role's keys with their records.
struct RolePlan {
  std::vector<KeyRecord> keys;
  unsigned threshold = 1;
};
/// The role with its key ids in order; adds the keys to `keys`.
[[nodiscard]] manifest::Role fill_role(const RolePlan& plan, manifest::KeyMap& keys);
/// A delegation for the releases of one product (FORMAT 11.1.4).
[[nodiscard]] manifest::Delegation product_line(const std::string& product, const RolePlan& plan,
                                                manifest::KeyMap& keys);
/// The same keys as signers of override tickets.
[[nodiscard]] manifest::DevelopmentKeys development_keys(const RolePlan& plan);
struct ProductPlan {
  std::string product;
  RolePlan role;
};

/// What `repo init` was asked for.
struct RepositoryPlan {
  RolePlan root, targets, snapshot, timestamp;
  std::vector<ProductPlan> products;
  manifest::Policy policy;
  std::map<std::string, RolePlan> development;  // by product: who signs override tickets
};
/// The policy with its development keys.
[[nodiscard]] manifest::Policy policy_of(const RepositoryPlan& plan);

/// The first state of a repository, unsigned: root with policy, targets with one terminating
/// delegation for `releases/<product>/*/*` per product, empty product roles (FORMAT 11.1).
/// @return kUsage when a key is to serve two roles, a role has a key twice or a threshold it cannot
///         reach, or a ceiling names a product that is not there
[[nodiscard]] Result<Repository> first_state(const RepositoryPlan& plan,
                                             const std::string& directory);

}  // namespace pawl::signer
