#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "manifest/merkle.hpp"
#include "manifest/note.hpp"

namespace pawl::manifest {

/// Which log a release must be in, and how many witnesses must have seen it (FORMAT 2.7.3). Part
/// of policy.json, so that root decides it.
struct LogPolicy {
  NoteKey log;
  std::vector<NoteKey> witnesses;  // kCosignature
  unsigned quorum = 0;

  [[nodiscard]] static Result<LogPolicy> parse(const json::Value& value);
  [[nodiscard]] json::Object to_json() const;
  friend bool operator==(const LogPolicy&, const LogPolicy&) = default;
};

/// A tree head: c2sp.org/tlog-checkpoint.
struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  Sha256Digest root;

  /// The text of a note, signatures not looked at. @return kMalformed
  [[nodiscard]] static Result<Checkpoint> parse(std::string_view text);
  [[nodiscard]] std::string serialise() const;
};
/// A note of `policy.log` with the cosignatures of `policy.quorum` different witnesses.
/// @return kBadSignature, kMalformed
[[nodiscard]] Result<Checkpoint> verify_checkpoint(std::string_view note, const LogPolicy& policy);

/// What a release puts into the log: "pawl-release-v1\n" and the SHA-256 of its manifest.
[[nodiscard]] Bytes release_leaf(const Sha256Digest& manifest);

/// Checks a c2sp.org/tlog-proof@v1 for the release with this manifest (FORMAT 2.11).
/// @param proof the .tlog-proof file, at most 64 KiB
/// @return kBadSignature, kHashMismatch, kMalformed or kTooLarge, all of class not-logged
[[nodiscard]] Status verify_release_proof(std::string_view proof, const Sha256Digest& manifest,
                                          const LogPolicy& policy);

/// What a device does about transparency: its own configuration decides.
enum class LogMode : std::uint8_t {
  kOff,      // proofs are not looked at
  kWarn,     // a release without a good proof is installed and reported
  kRequire,  // a release without a good proof is refused
};
enum class Logged : std::uint8_t { kProved, kNotProved };

/// Applies the mode: kNotProved only with kOff and kWarn, an error only with kRequire. The caller
/// reports kNotProved of kWarn. An absent proof or an absent policy proves nothing.
[[nodiscard]] Result<Logged> judge_logged(LogMode mode, const std::optional<Bytes>& proof,
                                          const Sha256Digest& manifest,
                                          const std::optional<LogPolicy>& policy);

}  // namespace pawl::manifest
