#include "manifest/merkle.hpp"

#include <vector>

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::manifest;

TEST_CASE("merkle: a leaf outside the tree has no proof of any length (FORMAT 2.11.1)",
          "[manifest][merkle]") {
  const auto leaf = leaf_hash({});
  for (std::uint64_t size = 0; size < 9; ++size) {
    for (std::uint64_t index = size; index < size + 9; ++index) {
      for (std::size_t hashes = 0; hashes < 6; ++hashes) {
        INFO("leaf " << index << " of " << size << " by " << hashes);
        const auto root =
            inclusion_root(index, size, leaf, std::vector<Sha256Digest>(hashes, leaf));
        REQUIRE_FALSE(root);
        CHECK(root.error().code() == Errc::kMalformed);
      }
    }
  }
}

TEST_CASE("merkle: a tree never continues in a smaller one (FORMAT 2.11.1)", "[manifest][merkle]") {
  const auto root = leaf_hash({});
  for (std::uint64_t size = 0; size < 9; ++size) {
    for (std::size_t hashes = 0; hashes < 6; ++hashes) {
      INFO("to " << size << " by " << hashes);
      const auto judged =
          check_consistency(size + 1, size, root, root, std::vector<Sha256Digest>(hashes, root));
      REQUIRE_FALSE(judged);
      CHECK(judged.error().code() == Errc::kMalformed);
    }
  }
  CHECK(check_consistency(3, 3, root, root, {}));
}
