#pragma once
#include "base/cli/command.hpp"
#include "issuer/config.hpp"

namespace pawl::issuer {

/// Runs the enrolment and bundle listener until SIGTERM or SIGINT. The issuer's own SVID is made
/// from its authority at the start and again at half its life. Prints one result line with the port
/// once it listens.
/// @return kIo, kMalformed, kConfig, kExpired: nothing was served.
[[nodiscard]] Status serve(const Config& config, cli::Io& io);

}  // namespace pawl::issuer
