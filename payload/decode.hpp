#pragma once
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "payload/index.hpp"
#include "payload/stream.hpp"
#include "payload/zstd_frame.hpp"

namespace pawl::payload {

/// True when `plain` is the whole window `record` describes.
[[nodiscard]] bool window_matches(ByteView plain, const Record& record);

/// Turns verified frames into verified windows in bounded memory: twice the window size plus
/// zstd's tables, whatever the frame says.
class WindowDecoder {
 public:
  /// @param window_size  Index::window_size()
  explicit WindowDecoder(std::size_t window_size);

  /// Says what the window before the next one holds; empty before the first. Call it after every
  /// window, decoded or found in place.
  /// @param plain  verified; at most window_size bytes
  void set_previous(ByteView plain);

  /// Checks the frame's digest, decodes it, checks the window's digest, in this order (FORMAT 4.4).
  /// @param window  number in `index`; set_previous() was told about the one before
  /// @param frame   exactly record(window).frame_length bytes
  /// @param base    the base image; may be null when the frame's kind does not use it
  /// @return the window, valid until the next call. kHashMismatch: the frame or the window is not
  ///         the one in the index; kMalformed: the frame breaks FORMAT 4.4; or base's error
  [[nodiscard]] Result<ByteView> decode(const Index& index, std::size_t window, ByteView frame,
                                        Source* base);

  /// The bytes of the previous window may be read here after set_previous(plain) only.
  [[nodiscard]] ByteView previous() const { return ByteView(previous_).first(previous_size_); }

 private:
  [[nodiscard]] Status expand(FrameKind kind, std::span<std::uint8_t> out, ByteView frame,
                              Source* base);
  Bytes out_;
  Bytes previous_;
  std::size_t previous_size_ = 0;
  ZstdDecoder zstd_;
};

/// kHashMismatch unless `frame` is the frame `record` describes.
[[nodiscard]] Status check_frame(ByteView frame, const Record& record, std::size_t window);

}  // namespace pawl::payload
