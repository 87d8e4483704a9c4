#pragma once
#include "base/cli/command.hpp"

namespace pawl::issuer {

/// The verbs of pawl-issuer for cli::run.
[[nodiscard]] const cli::Program& program();

}  // namespace pawl::issuer
