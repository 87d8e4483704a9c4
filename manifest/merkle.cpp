#include "manifest/merkle.hpp"

#include "base/digest.hpp"
#include "manifest/attack.hpp"

namespace pawl::manifest {
namespace {

Sha256Digest prefixed(std::uint8_t prefix, ByteView a, ByteView b) {
  Sha256 hash;
  hash.update({&prefix, 1});
  hash.update(a);
  hash.update(b);
  return hash.finish();
}

Error wrong_length() {
  return refuse(Attack::kNotLogged, Errc::kMalformed, "proof has the wrong number of hashes");
}

Error other_history() {
  return refuse(Attack::kNotLogged, Errc::kHashMismatch,
                "the log's trees do not continue one another");
}

}  // namespace

Sha256Digest leaf_hash(ByteView data) {
  return prefixed(0, data, {});
}

Sha256Digest node_hash(const Sha256Digest& left, const Sha256Digest& right) {
  return prefixed(1, left.bytes, right.bytes);
}

Result<Sha256Digest> inclusion_root(std::uint64_t index, std::uint64_t size,
                                    const Sha256Digest& leaf, std::span<const Sha256Digest> proof) {
  if (index >= size) {
    return refuse(
        Attack::kNotLogged, Errc::kMalformed,
        "leaf " + std::to_string(index) + " lies outside the tree of " + std::to_string(size));
  }
  auto number = index;
  auto last = size - 1;
  auto root = leaf;
  for (const auto& hash : proof) {
    if (last == 0) return wrong_length();
    if (number % 2 == 1 || number == last) {
      root = node_hash(hash, root);
      while (number % 2 == 0 && number != 0) {
        number /= 2;
        last /= 2;
      }
    } else {
      root = node_hash(root, hash);
    }
    number /= 2;
    last /= 2;
  }
  if (last != 0) return wrong_length();
  return root;
}

Status check_consistency(std::uint64_t old_size, std::uint64_t new_size,
                         const Sha256Digest& old_root, const Sha256Digest& new_root,
                         std::span<const Sha256Digest> proof) {
  if (old_size > new_size) {
    return refuse(Attack::kNotLogged, Errc::kMalformed,
                  "tree of " + std::to_string(new_size) + " is older than the one of " +
                      std::to_string(old_size));
  }
  if (old_size == new_size || old_size == 0) {
    if (!proof.empty()) return wrong_length();
    if (old_size == new_size && old_root != new_root) return other_history();
    return Ok{};
  }
  auto number = old_size - 1;
  auto last = new_size - 1;
  while (number % 2 == 1) {
    number /= 2;
    last /= 2;
  }
  // a complete subtree is its own first hash
  std::size_t at = 0;
  auto old_hash = old_root;
  if (number != 0) {
    if (proof.empty()) return wrong_length();
    old_hash = proof[at++];
  }
  auto new_hash = old_hash;
  for (; at < proof.size(); ++at) {
    if (last == 0) return wrong_length();
    if (number % 2 == 1 || number == last) {
      old_hash = node_hash(proof[at], old_hash);
      new_hash = node_hash(proof[at], new_hash);
      while (number % 2 == 0 && number != 0) {
        number /= 2;
        last /= 2;
      }
    } else {
      new_hash = node_hash(new_hash, proof[at]);
    }
    number /= 2;
    last /= 2;
  }
  if (last != 0) return wrong_length();
  if (old_hash != old_root || new_hash != new_root) return other_history();
  return Ok{};
}

}  // namespace pawl::manifest
