#pragma once
#include <string>
#include <vector>

#include "base/cli/command.hpp"
#include "signer/ceremony_check.hpp"

namespace pawl::signer {

/// "alice (1a2b3c4d), key 5e6f7a8b"
[[nodiscard]] std::string who(const Ceremony& ceremony, const std::vector<manifest::KeyId>& ids);
/// "1 more of alice (1a2b3c4d), bob (5e6f7a8b)", for each threshold that is not reached.
[[nodiscard]] std::string missing_text(const Ceremony& ceremony, const CeremonyView& view);
/// Changes in words, irreversible ones marked; who has signed and who is missing; the twelve words.
/// @param development  software keys that signed just now
void print_ceremony(const std::string& path, const Ceremony& ceremony, const CeremonyView& view,
                    cli::Io& io, const std::vector<std::string>& development = {});

}  // namespace pawl::signer
