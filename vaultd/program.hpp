#pragma once
#include "base/cli/command.hpp"

namespace pawl::vaultd {

/// The verbs of pawl-vault for cli::run.
[[nodiscard]] const cli::Program& program();

}  // namespace pawl::vaultd
