#pragma once
#include "base/cli/command.hpp"
#include "distributor/config.hpp"

namespace pawl::distributor {

/// Runs the device listener until SIGTERM or SIGINT, then lets running answers end. SIGHUP reads
/// the SVID files again; over the Workload API rotations arrive by themselves. A reload that fails
/// is logged and changes nothing. Prints one result line with the port once it listens.
/// @return kIo, kMalformed, kConfig, kTransport: nothing was served.
[[nodiscard]] Status serve(const Config& config, cli::Io& io);

}  // namespace pawl::distributor
