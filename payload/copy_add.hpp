#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "payload/bit_coder.hpp"
#include "payload/sites.hpp"
#include "payload/stream.hpp"

namespace pawl::payload {

/// One copy of a window: `length` bytes from `old_at` of the base image, with differences, go to
/// `new_at` of the window. Bytes between copies are literals.
struct CopyOp {
  std::size_t new_at = 0;
  std::size_t length = 0;
  std::uint64_t old_at = 0;
  Isa isa = Isa::kNone;
};

/// Where a window lies: in memory behind the window before it, and in the image.
struct WindowPlace {
  std::span<std::uint8_t> history;  // previous window, then this one
  std::size_t start = 0;            // where this one starts in `history`
  std::uint64_t image_at = 0;       // where this one starts in the image
};

/// Frames of kind 4 (FORMAT 4.7): copies with differences, and literals, through adaptive binary
/// models. One class for both directions, so that they cannot drift apart. About 4 MiB of tables.
class CopyAddCodec {
 public:
  CopyAddCodec();
  ~CopyAddCodec();
  CopyAddCodec(const CopyAddCodec&) = delete;
  CopyAddCodec& operator=(const CopyAddCodec&) = delete;
  CopyAddCodec(CopyAddCodec&&) = delete;
  CopyAddCodec& operator=(CopyAddCodec&&) = delete;

  /// Fills the window from `frame`.
  /// @param old  room for the longest copy: as large as the window
  /// @return kMalformed: the frame does not give exactly this window; or base's error
  [[nodiscard]] Status decode(Bytes frame, const WindowPlace& place, Source& base,
                              std::span<std::uint8_t> old);
  /// @param ops  in rising order of new_at, not overlapping, inside window and base
  /// @return the frame of the window in `place`
  [[nodiscard]] Result<Bytes> encode(std::span<const CopyOp> ops, const WindowPlace& place,
                                     Source& base, std::span<std::uint8_t> old);

 private:
  struct Models;
  class Run;
  std::unique_ptr<Models> models_;
};

}  // namespace pawl::payload
