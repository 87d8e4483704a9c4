#pragma once
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "base/progress.hpp"
#include "payload/build_delta.hpp"
#include "signer/release_build.hpp"

namespace pawl::signer {

/// FORMAT 3.2.5 leaves room for this many besides the full payload.
inline constexpr std::size_t kMaxDeltas = 7;

struct DeltaInput {
  std::string repository;             // holds the published releases
  std::string release;                // unsigned release directory of `release build`
  std::vector<std::string> versions;  // to come from, most wanted first; at most kMaxDeltas
  payload::BuildOptions payload;  // its window size is ignored: a delta has that of the full one
};

/// One image of the release against the same one of an older release.
struct DeltaMade {
  enum class Use : std::uint8_t {
    kAdded,
    kThere,      // an earlier run made it
    kNoSmaller,  // than the full payload: left out
    kNoBase,     // the older release has no such component
  };
  std::string component;
  std::string from;
  Use use = Use::kAdded;
  std::uint64_t bytes = 0;       // container and index; 0 for kNoBase
  std::uint64_t full_bytes = 0;  // of the full payload
  payload::DeltaReport frames;   // of kAdded and kNoSmaller
};

struct DeltaResult {
  BuiltRelease release;
  std::vector<DeltaMade> made;
  bool changed = false;  // the manifest has become another
};

/// Adds to a release that is not signed yet the payloads for devices that run an older release.
///
/// Both images come from full payloads, verified window by window. Blobs are written first and the
/// manifest last: after an interruption the release is the old one or the new one, and a second
/// run ends with the same bytes. Needs memory as
/// payload::build_delta.
/// @return kUsage for no or too many versions, for a version that was never published; kLedger when
///         this release is published already, which no longer changes; or the errors of
///         load_release and build_delta
[[nodiscard]] Result<DeltaResult> add_deltas(Disk& disk, const DeltaInput& input,
                                             Progress& progress);

}  // namespace pawl::signer
