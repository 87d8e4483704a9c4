#pragma once
#include "manifest/transparency.hpp"

namespace pawl::signer {

/// Largest policy file that is read.
inline constexpr std::size_t kMaxLogPolicy = std::size_t{64} * 1024;

/// A verifier key of c2sp.org/signed-note: NAME+HASH+BASE64. @return kMalformed
[[nodiscard]] Result<manifest::NoteKey> parse_verifier_key(std::string_view text);
/// A c2sp.org/tlog-policy file with one log and a quorum that is `none`, one witness, or one group
/// of witnesses: what policy.json can say (FORMAT 2.7.3). @return kMalformed naming the line,
/// kTooLarge
[[nodiscard]] Result<manifest::LogPolicy> parse_log_policy(std::string_view text);

}  // namespace pawl::signer
