#pragma once
#include "base/cli/command.hpp"

namespace pawl::signer {

/// `renew --every D`: signs the timestamp again every D, and the snapshot once half its life is
/// over, until SIGTERM or SIGINT. Every round begins from what is published then and opens its
/// tokens anew. A round that fails is logged and tried again soon; the first one may not fail for a
/// wrong configuration. `--status FILE` says after each round how it went.
/// @return kUsage when D leaves no room for a failed round, kConfig for a PIN that can be read once
[[nodiscard]] Status keep_fresh(const cli::Args& args, cli::Io& io);

}  // namespace pawl::signer
