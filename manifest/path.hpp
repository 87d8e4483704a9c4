#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pawl::manifest {

/// TUF glob: `*` and `?` match anything but '/', case counts (TUF 4.5, PATHPATTERN).
[[nodiscard]] bool path_matches(std::string_view pattern, std::string_view path);
/// Strict target paths (FORMAT 2.6.3): relative, [A-Za-z0-9._+~-] and '/', no empty, "." or ".."
/// part, at most 256 characters.
[[nodiscard]] bool safe_target_path(std::string_view path);
/// Strict names of delegated roles (FORMAT 2.6.2): [a-z0-9] then [a-z0-9._-], at most 64; none of
/// the four top-level names, "policy", nor a number.
[[nodiscard]] bool safe_role_name(std::string_view name);
/// Role names in file names and URLs: every byte outside [A-Za-z0-9_.-] becomes %XX. With ".json"
/// behind it no name leaves its directory.
[[nodiscard]] std::string encode_role_name(std::string_view name);
/// "releases/gw3/1.0.0/manifest.json", prefix "ab.." -> "releases/gw3/1.0.0/ab...manifest.json".
[[nodiscard]] std::string consistent_target_path(std::string_view path, std::string_view prefix);

/// releases/<product>/<version>/manifest.json (FORMAT 2.6.4)
[[nodiscard]] std::string release_path(std::string_view product, std::string_view version);
/// releases/<product>/*/*
[[nodiscard]] std::string release_pattern(std::string_view product);
/// rel-<product>
[[nodiscard]] std::string release_role(std::string_view product);

}  // namespace pawl::manifest
