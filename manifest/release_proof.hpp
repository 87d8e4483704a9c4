#pragma once
#include "manifest/release.hpp"
#include "manifest/roles.hpp"

namespace pawl::manifest {

inline constexpr std::size_t kMaxProofBytes = std::size_t{64} * 1024;

/// Where the transparency proof of a release lies: member `proof` of its `custom` (FORMAT 2.6.8).
/// The manifest cannot name it, since the log holds the manifest's digest.
/// @return kMalformed for a member that names no blob of 1 byte to 64 KiB
[[nodiscard]] Result<std::optional<BlobReference>> proof_of(const TargetInfo& target);
void set_proof(TargetInfo& target, const BlobReference& proof);

}  // namespace pawl::manifest
