#pragma once
#include <compare>
#include <string_view>

namespace pawl::manifest {

/// Semantic version precedence; a missing number counts as 0, build metadata after '+' not at all.
/// For people and for `requires.updater` only: no security rule depends on it.
[[nodiscard]] std::weak_ordering compare_versions(std::string_view a, std::string_view b);

}  // namespace pawl::manifest
