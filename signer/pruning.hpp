#pragma once
#include <string>
#include <vector>

#include "manifest/roles.hpp"

namespace pawl::signer {

/// Takes every release but the `keep` with the highest release counters out of a product's role.
/// @return versions taken out, oldest first; kMalformed for an entry that is no release
[[nodiscard]] Result<std::vector<std::string>> prune_releases(manifest::Targets& role,
                                                              std::size_t keep);

}  // namespace pawl::signer
