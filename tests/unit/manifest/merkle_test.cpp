#include "manifest/merkle.hpp"

#include <vector>

#include <catch2/catch.hpp>

#include "base/digest.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

using Proof = std::vector<Sha256Digest>;
using Leaves = std::span<const Sha256Digest>;

Proof leaves(std::size_t count) {
  Proof out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(leaf_hash(as_bytes("leaf " + std::to_string(i))));
  }
  return out;
}

// The definitions of RFC 6962, 2.1, word for word.
std::size_t half(std::size_t size) {
  std::size_t out = 1;
  while (out * 2 < size) out *= 2;
  return out;
}
Sha256Digest tree(Leaves all) {
  if (all.size() == 1) return all[0];
  const auto k = half(all.size());
  return node_hash(tree(all.first(k)), tree(all.subspan(k)));
}
Proof path(std::size_t index, Leaves all) {
  if (all.size() == 1) return {};
  const auto k = half(all.size());
  auto out = index < k ? path(index, all.first(k)) : path(index - k, all.subspan(k));
  out.push_back(tree(index < k ? all.subspan(k) : all.first(k)));
  return out;
}
enum class Known { kNo, kYes };  // whether the old root is the first hash
Proof subproof(std::size_t old, Leaves all, Known known) {
  if (old == all.size()) return known == Known::kYes ? Proof{} : Proof{tree(all)};
  const auto k = half(all.size());
  auto out =
      old <= k ? subproof(old, all.first(k), known) : subproof(old - k, all.subspan(k), Known::kNo);
  out.push_back(tree(old <= k ? all.subspan(k) : all.first(k)));
  return out;
}
template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc{} : result.error().code();
}

constexpr std::size_t kMost = 17;

}  // namespace

TEST_CASE("merkle: a path of any other length than the tree's is refused (FORMAT 2.11.1)",
          "[manifest][merkle]") {
  for (std::size_t size = 1; size <= kMost; ++size) {
    const auto all = leaves(size);
    for (std::size_t index = 0; index < size; ++index) {
      INFO("leaf " << index << " of " << size);
      auto proof = path(index, all);
      REQUIRE(*inclusion_root(index, size, all[index], proof) == tree(all));
      auto shorter = proof;
      if (!shorter.empty()) {
        shorter.pop_back();
        CHECK(code_of(inclusion_root(index, size, all[index], shorter)) == Errc::kMalformed);
      }
      proof.push_back(all[0]);
      CHECK(code_of(inclusion_root(index, size, all[index], proof)) == Errc::kMalformed);
    }
  }
}

TEST_CASE("merkle: a tree continues in a larger one by exactly its proof (FORMAT 2.11.1)",
          "[manifest][merkle]") {
  for (std::size_t size = 1; size <= kMost; ++size) {
    for (std::size_t old = 1; old <= size; ++old) {
      INFO(old << " in " << size);
      const auto all = leaves(size);
      const auto before = tree(Leaves(all).first(old));
      const auto now = tree(all);
      auto proof = subproof(old, all, Known::kYes);
      const auto judged = [&](const Sha256Digest& from, const Sha256Digest& to) {
        return code_of(check_consistency(old, size, from, to, proof));
      };
      REQUIRE(judged(before, now) == Errc{});
      const auto other = leaf_hash(as_bytes("another"));
      CHECK(judged(other, now) == Errc::kHashMismatch);
      CHECK(judged(before, other) == Errc::kHashMismatch);
      proof.push_back(other);
      CHECK(judged(before, now) == Errc::kMalformed);
      proof.pop_back();
      if (proof.empty()) continue;
      proof.pop_back();
      CHECK(judged(before, now) == Errc::kMalformed);
      proof.clear();
      CHECK(judged(before, now) == Errc::kMalformed);
    }
  }
  const Proof one = leaves(1);
  CHECK(check_consistency(0, 1, one[0], one[0], {}));  // the empty tree continues in every one
  CHECK(code_of(check_consistency(0, 1, one[0], one[0], one)) == Errc::kMalformed);
}

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
