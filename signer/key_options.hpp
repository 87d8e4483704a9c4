#pragma once
#include <string>

#include "signer/repo_plan.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {

/// The records of a list of keys: each a name of signer.toml, the path of a .pub.json file or, with
/// `in_force`, `id:` and at least 8 digits of the id of a key that the repository knows.
/// @return kUsage naming the key
[[nodiscard]] Result<RolePlan> plan_role(Workbench& bench, const KeyList& list,
                                         const Repository* in_force = nullptr);

}  // namespace pawl::signer
