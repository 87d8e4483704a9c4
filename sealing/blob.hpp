#pragma once
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tpm/policy_cell.hpp"

namespace pawl::sealing {

/// A sealed object as it lies in a file (FORMAT 8.1). Not secret.
[[nodiscard]] Bytes serialise(const tpm::KeyBlob& blob);
/// @return kMalformed, kTooLarge; bytes after the object are malformed
[[nodiscard]] Result<tpm::KeyBlob> parse_blob(ByteView bytes);

inline constexpr std::size_t kMaxBlobFile = 8 + 2 * (2 + tpm::kMaxBlob);

}  // namespace pawl::sealing
