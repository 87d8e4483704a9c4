#pragma once
#include <cstdint>
#include <span>

#include <zstd.h>

#include "base/bytes.hpp"
#include "base/handle.hpp"
#include "base/result.hpp"

namespace pawl::payload {

inline constexpr int kMaxLevel = 22;

/// Compresses byte strings, each to one zstd frame that states its content size (FORMAT 4.4).
class ZstdEncoder {
 public:
  /// @param level  1 to kMaxLevel
  explicit ZstdEncoder(int level);
  /// @param prefix  bytes the decoder has; matched against, not sent. At most 4 MiB
  /// @return kInternal (raw: zstd's error code)
  Result<Bytes> compress(ByteView plain, ByteView prefix);

 private:
  Handle<ZSTD_CCtx, &ZSTD_freeCCtx> context_;
  int level_;
};

/// Decompresses what ZstdEncoder writes, from untrusted bytes, into memory the caller bounded.
class ZstdDecoder {
 public:
  ZstdDecoder();
  /// Fills all of `out` from exactly one zstd frame with the prefix the encoder used.
  /// @return kMalformed: not one whole frame of RFC 8878, or not of out.size() bytes
  Status decompress(std::span<std::uint8_t> out, ByteView frame, ByteView prefix);

 private:
  Handle<ZSTD_DCtx, &ZSTD_freeDCtx> context_;
};

}  // namespace pawl::payload
