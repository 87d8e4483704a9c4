#include "payload/decode.hpp"

#include <algorithm>
#include <string>

#include "base/digest.hpp"
#include "base/reader.hpp"

namespace pawl::payload {
namespace {

Status expand_copy(std::span<std::uint8_t> out, ByteView frame, Source& base) {
  Reader reader(frame);
  PAWL_TRY(const auto offset, reader.u64_le());
  if (!reader.empty()) return fail(Errc::kMalformed, "copy frame: bytes after the offset");
  return base.read_at(out, offset);
}

}  // namespace

bool window_matches(ByteView plain, const Record& record) {
  return blake2b(plain) == record.plain;
}

Status check_frame(ByteView frame, const Record& record, std::size_t window) {
  if (frame.size() == record.frame_length && blake2b(frame) == record.frame) return Ok{};
  return fail(Errc::kHashMismatch,
              "window " + std::to_string(window) + ": its frame is not the one in the index");
}

WindowDecoder::WindowDecoder(std::size_t window_size) : out_(window_size), previous_(window_size) {}

void WindowDecoder::set_previous(ByteView plain) {
  PAWL_ASSERT(plain.size() <= previous_.size());
  std::copy(plain.begin(), plain.end(), previous_.begin());
  previous_size_ = plain.size();
}

Result<ByteView> WindowDecoder::decode(const Index& index, std::size_t window, ByteView frame,
                                       Source* base) {
  const auto& record = index.record(window);
  PAWL_ASSERT(index.length_of(window) <= out_.size());
  PAWL_CHECK(check_frame(frame, record, window));
  const auto out = std::span(out_).first(index.length_of(window));
  if (auto expanded = expand(record.kind, out, frame, base); !expanded) {
    auto error = std::move(expanded).error();
    error.prefix("window " + std::to_string(window));
    return error;
  }
  if (!window_matches(out, record)) {
    return fail(Errc::kHashMismatch, "window " + std::to_string(window) +
                                         ": its frame gives other bytes than the index says");
  }
  return ByteView(out);
}

Status WindowDecoder::expand(FrameKind kind, std::span<std::uint8_t> out, ByteView frame,
                             Source* base) {
  if (uses_base(kind) && base == nullptr) {
    return fail(Errc::kUsage, "the frame needs the base image and none is open");
  }
  switch (kind) {
    case FrameKind::kZero:
      std::fill(out.begin(), out.end(), std::uint8_t{0});
      return Ok{};
    case FrameKind::kCopy:
      return expand_copy(out, frame, *base);
    case FrameKind::kZstd:
      return zstd_.decompress(out, frame, previous());
    case FrameKind::kZstdOld:
    case FrameKind::kCopyAdd:
      break;
  }
  return fail(Errc::kMalformed, "frame kind has no decoder");
}

}  // namespace pawl::payload
