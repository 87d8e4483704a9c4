#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "manifest/envelope.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {

/// One new version of one role that several people sign, in a file they carry from machine to
/// machine (FORMAT 11.8). It holds all that is needed to judge the change without the repository.
/// Nothing in it is trusted: check_ceremony looks at everything before it is shown or signed.
struct Ceremony {
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;
  static constexpr std::size_t kMaxRoots = 64;
  static constexpr std::size_t kMaxManifests = 16;
  static constexpr std::size_t kMaxScope = 64;

  Sha256Digest repository;
  std::string role;                 // root, targets or rel-<product>
  std::vector<Bytes> roots;         // files, from the first root to the one in force
  std::optional<Bytes> targets;     // file in force; for every role but root
  std::optional<Bytes> current;     // file of a product role in force
  std::optional<Bytes> old_policy;  // policy.json of the root in force; for role root
  std::optional<Bytes> policy;      // the new one, when root names another
  std::vector<Bytes> manifests;     // of the releases the new version adds
  std::vector<std::string> scope;   // sorted: what the change may touch; `Change::scope`
  std::map<manifest::KeyId, std::string> names;  // of keys, for people
  std::string text;                              // the canonical bytes to sign
  std::vector<manifest::Signature> signatures;   // by key id

  /// @return kTooLarge, kMalformed
  static Result<Ceremony> parse(std::string_view file);
  [[nodiscard]] std::string serialise() const;
  /// "alice (1a2b3c4d)".
  [[nodiscard]] std::string name_of(const manifest::KeyId& id) const;
};

/// Twelve words for the SHA-256 of what is signed: 96 bits to read aloud.
[[nodiscard]] std::string ceremony_words(std::string_view text);

}  // namespace pawl::signer
