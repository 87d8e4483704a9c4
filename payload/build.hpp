#pragma once
#include <cstdint>

#include "base/progress.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "payload/index.hpp"
#include "payload/stream.hpp"

namespace pawl::payload {

struct BuildOptions {
  std::uint32_t window_log2 = kMaxWindowLog2;  // kMinWindowLog2 to kMaxWindowLog2
  int level = 19;                              // zstd, 1 to 22
  unsigned threads = 1;                        // 1 to 64; changes the time, never a byte
};

/// A finished payload: what the manifest names. The container went to the sink.
struct Built {
  Index index;
  Sha256Digest image_sha256;
  Sha256Digest container_sha256;
};

/// Writes the container of a full payload: for each window a frame of kind zero or zstd.
///
/// Reads `image` once, in order; holds 2 windows and their frame per thread. The same image and
/// options give the same bytes on every run with the same zstd.
/// @param progress  stage "build", bytes of the image
/// @return kUsage for options outside their range or an empty image, kTooLarge for too many
///         windows, or the error of `image` or `container`
[[nodiscard]] Result<Built> build_full(Source& image, Sink& container, const BuildOptions& options,
                                       Progress& progress);

}  // namespace pawl::payload
