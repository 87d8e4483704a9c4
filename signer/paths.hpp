#pragma once
#include <string>
#include <string_view>

namespace pawl::signer {

/// `path` as a file in `directory` names it: absolute stays, anything else is below it.
[[nodiscard]] std::string resolve_path(const std::string& directory, const std::string& path);
/// The inverse: `path` (absolute or from the working directory) as seen from `directory`.
[[nodiscard]] std::string relative_path(const std::string& directory, const std::string& path);
/// Applies one of the above to the F of a PIN source `file:F`; other sources stay.
[[nodiscard]] std::string resolve_pin(const std::string& directory, const std::string& source);
[[nodiscard]] std::string relative_pin(const std::string& directory, const std::string& source);

}  // namespace pawl::signer
