#pragma once
#include <cstdint>
#include <optional>

#include "base/disk.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "payload/decode.hpp"
#include "payload/index.hpp"
#include "payload/stream.hpp"

namespace pawl::payload {

/// A verified index and where its container's frames come from. Both outlive it.
struct Payload {
  const Index& index;
  FrameSource& frames;
};

enum class TargetSize : std::uint8_t {
  kFixed,  // a slot: must be as large as the image before anything is written
  kGrows,  // a file: may be shorter or empty
};

struct InstallJob {
  Payload payload;                // the best one for this device
  Source* base = nullptr;         // the running slot; needed when payload.index names a base image
  std::optional<Payload> repair;  // a full payload of the same image, for windows base cannot give
  TargetSize target_size = TargetSize::kFixed;
};

/// What an install did, in windows, and the bytes it fetched.
struct InstallReport {
  std::size_t present = 0;   // were right already
  std::size_t written = 0;   // decoded, verified, written (repaired ones included)
  std::size_t repaired = 0;  // base was not what the payload expects there; taken from `repair`
  std::optional<std::size_t> first_repaired;  // window number, for the log
  std::uint64_t fetched = 0;                  // bytes of frames
};

/// Makes `target` hold the image: each window that is right already is left alone; each other one
/// is fetched, verified, decoded, verified again, and only then written. So a second call after
/// any interruption resumes at the first window that is not there yet, and a call on a finished
/// target writes nothing. Neither syncs nor reads back: do target.sync(), target.drop_cache() and
/// verify_image() after it (ARCHITECTURE).
///
/// Memory: 4 windows, whatever the payload says. Offsets asked of a FrameSource only rise.
/// @param progress  stage "install", bytes of the image
/// @return kNoSpace: a fixed target is smaller than the image. kHashMismatch: a frame is not the
/// one
///         in the index, or a window cannot be made from this base and there is no `repair`.
///         kMalformed: a frame breaks FORMAT 4.4. kUsage: base missing, or `repair` is a delta or
///         of another image. Or the error of target, base or frames. On error the target holds the
///         windows written so far and the others as they were.
[[nodiscard]] Result<InstallReport> install(const InstallJob& job, File& target,
                                            Progress& progress);

/// Reads the whole image back from `target` and compares each window with the index.
/// @param progress  stage "read back", bytes of the image
/// @return kHashMismatch naming the first window that differs, or target's error
[[nodiscard]] Status verify_image(const Index& index, File& target, Progress& progress);

}  // namespace pawl::payload
