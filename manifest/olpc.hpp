#pragma once
#include <string>

#include "base/json.hpp"

namespace pawl::manifest {

/// OLPC canonical JSON: what signatures of the interop profile cover. Strings keep every byte, only
/// `"` and `\` are escaped; a number with a fraction or an exponent is refused. For a value within
/// the alphabet of FORMAT 1.2 the result is the canonical text itself.
[[nodiscard]] Result<std::string> olpc_canonical(const json::Value& value);

}  // namespace pawl::manifest
