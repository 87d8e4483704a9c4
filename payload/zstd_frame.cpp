#include "payload/zstd_frame.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include <zstd_errors.h>

namespace pawl::payload {
namespace {

// RFC 8878 3.1.1; older formats that libzstd may still read, and skippable frames, are refused.
constexpr std::size_t kMagicSize = 4;
constexpr std::uint32_t kMagic = ZSTD_MAGICNUMBER;

bool has_magic(ByteView frame) {
  if (frame.size() < kMagicSize) return false;
  std::uint32_t value = 0;
  for (std::size_t i = kMagicSize; i > 0; --i) value = (value << 8U) | frame[i - 1];
  return value == kMagic;
}

Error bad_frame(const std::string& what) {
  return fail(Errc::kMalformed, "zstd frame: " + what);
}

Status check_frame(ByteView frame, std::size_t expected) {
  if (!has_magic(frame)) return bad_frame("wrong magic");
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return bad_frame("not one whole frame");
  }
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != expected) {
    return bad_frame("its content is not " + std::to_string(expected) + " bytes");
  }
  return Ok{};
}

}  // namespace

ZstdEncoder::ZstdEncoder(int level)
    : context_(ZSTD_createCCtx()), level_(std::clamp(level, 1, kMaxLevel)) {
  PAWL_ASSERT(context_ != nullptr);
}

Result<Bytes> ZstdEncoder::compress(ByteView plain, ByteView prefix) {
  auto* const context = context_.get();
  const auto total = plain.size() + prefix.size();
  const int window_log = std::clamp(static_cast<int>(std::bit_width(total)), 17, 23);
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level_);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  if (!prefix.empty()) ZSTD_CCtx_refPrefix(context, prefix.data(), prefix.size());
  Bytes out(ZSTD_compressBound(plain.size()));
  const auto size = ZSTD_compress2(context, out.data(), out.size(), plain.data(), plain.size());
  if (ZSTD_isError(size) != 0U) {
    return fail(Errc::kInternal, std::string("zstd: ") + ZSTD_getErrorName(size),
                static_cast<std::int64_t>(ZSTD_getErrorCode(size)));
  }
  out.resize(size);
  return out;
}

ZstdDecoder::ZstdDecoder() : context_(ZSTD_createDCtx()) {
  PAWL_ASSERT(context_ != nullptr);
}

Status ZstdDecoder::decompress(std::span<std::uint8_t> out, ByteView frame, ByteView prefix) {
  PAWL_CHECK(check_frame(frame, out.size()));
  auto* const context = context_.get();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
  if (!prefix.empty()) ZSTD_DCtx_refPrefix(context, prefix.data(), prefix.size());
  const auto size =
      ZSTD_decompressDCtx(context, out.data(), out.size(), frame.data(), frame.size());
  if (size != out.size()) return bad_frame(ZSTD_getErrorName(size));
  return Ok{};
}

}  // namespace pawl::payload
