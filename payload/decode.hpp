#pragma once
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "payload/copy_add.hpp"
#include "payload/index.hpp"
#include "payload/stream.hpp"
#include "payload/zstd_frame.hpp"

namespace pawl::payload {

/// True when `plain` is the whole window `record` describes.
[[nodiscard]] bool window_matches(ByteView plain, const Record& record);

/// Turns verified frames into verified windows in bounded memory: 2 windows and zstd's tables for a
/// full payload; 2 windows and 4 MiB more for a delta, whatever a frame says.
class WindowDecoder {
 public:
  /// For `index` and any other index with the same window size that is not a delta.
  explicit WindowDecoder(const Index& index);

  /// Says what the window before the next one holds; empty before the first. Call it after every
  /// window, decoded or found in place.
  /// @param plain  verified; at most a window
  void set_previous(ByteView plain);

  /// Checks the frame's digest, decodes it, checks the window's digest, in this order (FORMAT 4.4).
  /// @param window  number in `index`; set_previous() was told about the one before
  /// @param frame   exactly record(window).frame_length bytes
  /// @param base    the base image; may be null when the frame's kind does not use it
  /// @return the window, valid until the next call. kHashMismatch: the frame or the window is not
  ///         the one in the index; kMalformed: the frame breaks FORMAT 4.4; or base's error
  [[nodiscard]] Result<ByteView> decode(const Index& index, std::size_t window, ByteView frame,
                                        Source* base);

 private:
  [[nodiscard]] Status expand(const Record& record, std::uint64_t image_at,
                              std::span<std::uint8_t> out, ByteView frame, Source* base);
  [[nodiscard]] Status expand_zstd_old(std::span<std::uint8_t> out, ByteView frame, Source& base);
  [[nodiscard]] Status expand_copy_add(std::uint64_t image_at, std::span<std::uint8_t> out,
                                       ByteView frame, Source& base);
  [[nodiscard]] ByteView previous() const;
  std::size_t window_;
  std::size_t old_room_;           // bytes for what comes from the base image; 0 for a full payload
  Bytes memory_;                   // old bytes, previous window, this window: one after the other
  std::size_t previous_size_ = 0;  // bytes, at the end of its room
  ZstdDecoder zstd_;
  std::unique_ptr<CopyAddCodec> copy_add_;  // made when first needed
};

/// kHashMismatch unless `frame` is the frame `record` describes.
[[nodiscard]] Status check_frame(ByteView frame, const Record& record, std::size_t window);

}  // namespace pawl::payload
