#pragma once
#include <cstdint>
#include <span>

#include "base/bytes.hpp"

/// Merkle trees of RFC 6962 over SHA-256: what a transparency log commits to (FORMAT 2.11).
namespace pawl::manifest {

/// SHA-256(0x00 || data)
[[nodiscard]] Sha256Digest leaf_hash(ByteView data);
/// SHA-256(0x01 || left || right)
[[nodiscard]] Sha256Digest node_hash(const Sha256Digest& left, const Sha256Digest& right);

/// The root that `proof` leads to for leaf number `index` of a tree of `size` leaves (RFC 9162
/// 2.1.3.2). @return kMalformed when the proof has not exactly the hashes such a leaf needs
[[nodiscard]] Result<Sha256Digest> inclusion_root(std::uint64_t index, std::uint64_t size,
                                                  const Sha256Digest& leaf,
                                                  std::span<const Sha256Digest> proof);

/// Whether the tree of `new_size` leaves starts with the tree of `old_size` (RFC 9162 2.1.4.2).
/// @return kMalformed for a proof of the wrong length, kHashMismatch for another history
[[nodiscard]] Status check_consistency(std::uint64_t old_size, std::uint64_t new_size,
                                       const Sha256Digest& old_root, const Sha256Digest& new_root,
                                       std::span<const Sha256Digest> proof);

}  // namespace pawl::manifest
