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

/// Reads the extents of FORMAT 4.4.4 one after the other to the end of `room`.
/// @return how many bytes they are
Result<std::size_t> read_extents(Reader& reader, std::span<std::uint8_t> room, Source& base) {
  PAWL_TRY(const auto count, reader.u16_le());
  if (count == 0 || count > kMaxExtents) {
    return fail(Errc::kMalformed, "zstd frame: " + std::to_string(count) + " old extents");
  }
  PAWL_TRY(const auto table, reader.take(count * kExtentSize));
  std::size_t total = 0;
  Reader sizes(table);
  for (unsigned i = 0; i < count; ++i) {
    PAWL_CHECK(sizes.u64_le());
    PAWL_TRY(const auto length, sizes.u32_le());
    if (length == 0 || length > room.size() - total) {
      return fail(Errc::kMalformed, "zstd frame: old extents of more than two windows, or empty");
    }
    total += length;
  }
  auto free = room.last(total);
  Reader extents(table);
  for (unsigned i = 0; i < count; ++i) {
    PAWL_TRY(const auto offset, extents.u64_le());
    PAWL_TRY(const auto length, extents.u32_le());
    PAWL_CHECK(base.read_at(free.first(length), offset));
    free = free.subspan(length);
  }
  return total;
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

WindowDecoder::WindowDecoder(const Index& index)
    : window_(index.window_size()),
      old_room_(index.base_image() ? kOldWindows * window_ : 0),
      memory_(old_room_ + 2 * window_) {}

ByteView WindowDecoder::previous() const {
  return ByteView(memory_).subspan(old_room_ + window_ - previous_size_, previous_size_);
}

void WindowDecoder::set_previous(ByteView plain) {
  PAWL_ASSERT(plain.size() <= window_);
  previous_size_ = plain.size();
  std::copy(plain.begin(), plain.end(),
            memory_.begin() + static_cast<std::ptrdiff_t>(old_room_ + window_ - plain.size()));
}

Result<ByteView> WindowDecoder::decode(const Index& index, std::size_t window, ByteView frame,
                                       Source* base) {
  const auto& record = index.record(window);
  PAWL_ASSERT(index.window_size() == window_);
  PAWL_CHECK(check_frame(frame, record, window));
  const auto out = std::span(memory_).subspan(old_room_ + window_, index.length_of(window));
  if (auto expanded = expand(record, index.offset_of(window), out, frame, base); !expanded) {
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

Status WindowDecoder::expand(const Record& record, std::uint64_t image_at,
                             std::span<std::uint8_t> out, ByteView frame, Source* base) {
  if (uses_base(record.kind) && base == nullptr) {
    return fail(Errc::kUsage, "the frame needs the base image and none is open");
  }
  PAWL_ASSERT(!uses_base(record.kind) || old_room_ > 0);
  switch (record.kind) {
    case FrameKind::kZero:
      std::fill(out.begin(), out.end(), std::uint8_t{0});
      return Ok{};
    case FrameKind::kCopy:
      return expand_copy(out, frame, *base);
    case FrameKind::kZstd:
      return zstd_.decompress(out, frame, previous());
    case FrameKind::kZstdOld:
      return expand_zstd_old(out, frame, *base);
    case FrameKind::kCopyAdd:
      return expand_copy_add(image_at, out, frame, *base);
  }
  return fail(Errc::kMalformed, "unknown frame kind");
}

Status WindowDecoder::expand_zstd_old(std::span<std::uint8_t> out, ByteView frame, Source& base) {
  Reader reader(frame);
  const auto room = std::span(memory_).subspan(window_ - previous_size_, old_room_);
  PAWL_TRY(const auto old_size, read_extents(reader, room, base));
  PAWL_TRY(const auto packed, reader.take(reader.left()));
  const auto prefix = old_size + previous_size_;
  return zstd_.decompress(out, packed,
                          ByteView(memory_).subspan(old_room_ + window_ - prefix, prefix));
}

Status WindowDecoder::expand_copy_add(std::uint64_t image_at, std::span<std::uint8_t> out,
                                      ByteView frame, Source& base) {
  if (!copy_add_) copy_add_ = std::make_unique<CopyAddCodec>();
  const std::span all(memory_);
  const auto history =
      all.subspan(old_room_ + window_ - previous_size_, previous_size_ + out.size());
  return copy_add_->decode(Bytes(frame.begin(), frame.end()), {history, previous_size_, image_at},
                           base, all.first(out.size()));
}

}  // namespace pawl::payload
