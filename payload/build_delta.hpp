#pragma once
#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "payload/build.hpp"
#include "payload/index.hpp"
#include "payload/stream.hpp"

namespace pawl::payload {

/// What a delta is made of, for the report: windows and container bytes by frame kind.
struct DeltaReport {
  std::array<std::size_t, 5> windows{};
  std::array<std::uint64_t, 5> bytes{};
};

struct BuiltDelta {
  Built built;
  DeltaReport report;
};

/// Writes the container of a delta: for each window the smallest frame of all kinds.
///
/// Needs memory for the index over `base`, 4 times its size at most, and 16 MiB per thread, besides
/// both images. The same images and options give the same bytes whatever the number of threads.
/// @param base   the whole old image
/// @param image  the whole new image
/// @param progress  stage "delta", bytes of the image
/// @return kUsage for options outside their range or an empty image or base, kTooLarge for too many
///         windows or a base over 4 GiB, or the container's error
[[nodiscard]] Result<BuiltDelta> build_delta(const Bytes& base, const Bytes& image, Sink& container,
                                             const BuildOptions& options, Progress& progress);

}  // namespace pawl::payload
