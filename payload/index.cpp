#include "payload/index.hpp"

#include <algorithm>
#include <string>

#include "base/reader.hpp"

namespace pawl::payload {
namespace {

Error malformed(std::size_t window, const std::string& what) {
  return fail(Errc::kMalformed, "payload index: window " + std::to_string(window) + ": " + what);
}

Result<FrameKind> parse_kind(std::uint8_t value, std::size_t window) {
  if (value > static_cast<std::uint8_t>(FrameKind::kCopyAdd)) {
    return malformed(window, "unknown frame kind " + std::to_string(value));
  }
  return static_cast<FrameKind>(value);
}

Result<Record> parse_record(Reader& reader, std::size_t window) {
  Record record;
  PAWL_CHECK(reader.into(record.plain));
  PAWL_CHECK(reader.into(record.frame));
  PAWL_TRY(record.frame_offset, reader.u64_le());
  PAWL_TRY(record.frame_length, reader.u32_le());
  PAWL_TRY(const auto kind, reader.u8());
  PAWL_TRY(record.kind, parse_kind(kind, window));
  PAWL_TRY(const auto flags, reader.u8());
  if (flags != 0) return malformed(window, "unknown flags " + std::to_string(flags));
  PAWL_TRY(const auto reserved, reader.u16_le());
  if (reserved != 0) return malformed(window, "reserved bytes are not zero");
  return record;
}

}  // namespace

bool uses_base(FrameKind kind) {
  switch (kind) {
    case FrameKind::kZero:
    case FrameKind::kZstd:
      return false;
    case FrameKind::kCopy:
    case FrameKind::kZstdOld:
    case FrameKind::kCopyAdd:
      return true;
  }
  return false;
}

Result<Index> Index::parse(ByteView in) {
  if (in.size() > kMaxIndexSize) {
    return fail(Errc::kTooLarge, "payload index: " + std::to_string(in.size()) +
                                     " bytes, the limit is " + std::to_string(kMaxIndexSize));
  }
  Reader reader(in);
  Index index;
  PAWL_TRY(const auto magic, reader.take(kIndexMagic.size()));
  if (as_text(magic) != kIndexMagic) return fail(Errc::kMalformed, "payload index: wrong magic");
  PAWL_TRY(index.window_log2_, reader.u32_le());
  PAWL_TRY(const auto count, reader.u32_le());
  PAWL_TRY(index.image_size_, reader.u64_le());
  PAWL_TRY(index.container_size_, reader.u64_le());
  Sha256Digest base;
  PAWL_CHECK(reader.into(base));
  if (base != Sha256Digest{}) index.base_image_ = base;
  PAWL_CHECK(index.check_header(count));
  if (reader.left() != count * kRecordSize) {
    return fail(Errc::kMalformed, "payload index: its length is not that of its records");
  }
  index.records_.reserve(count);
  std::uint64_t offset = 0;
  for (std::size_t window = 0; window < count; ++window) {
    PAWL_TRY(const auto record, parse_record(reader, window));
    PAWL_CHECK(index.check_record(record, window, offset));
    offset += record.frame_length;
    index.records_.push_back(record);
  }
  if (offset != index.container_size_) {
    return fail(Errc::kMalformed, "payload index: the frames do not add up to the container");
  }
  return index;
}

Result<Index> Index::create(Parts parts) {
  Index index;
  index.window_log2_ = parts.window_log2;
  index.image_size_ = parts.image_size;
  index.base_image_ = parts.base_image;
  if (parts.records.size() > kMaxWindows) {
    return fail(Errc::kTooLarge, "image has " + std::to_string(parts.records.size()) +
                                     " windows, the limit is " + std::to_string(kMaxWindows));
  }
  PAWL_CHECK(index.check_header(static_cast<std::uint32_t>(parts.records.size())));
  for (auto& record : parts.records) {
    record.frame_offset = index.container_size_;
    PAWL_CHECK(index.check_record(record, index.records_.size(), index.container_size_));
    index.container_size_ += record.frame_length;
    index.records_.push_back(record);
  }
  return index;
}

Bytes Index::serialise() const {
  Writer out;
  out.bytes(as_bytes(kIndexMagic));
  out.u32_le(window_log2_);
  out.u32_le(static_cast<std::uint32_t>(records_.size()));
  out.u64_le(image_size_);
  out.u64_le(container_size_);
  out.bytes(base_image_.value_or(Sha256Digest{}).span());
  for (const auto& record : records_) {
    out.bytes(record.plain.span());
    out.bytes(record.frame.span());
    out.u64_le(record.frame_offset);
    out.u32_le(record.frame_length);
    out.u8(static_cast<std::uint8_t>(record.kind));
    out.u8(0);
    out.u16_le(0);
  }
  return std::move(out).take();
}

std::uint64_t Index::offset_of(std::size_t window) const {
  return std::uint64_t{window} << window_log2_;
}

std::size_t Index::length_of(std::size_t window) const {
  const auto left = image_size_ - offset_of(window);
  return static_cast<std::size_t>(std::min<std::uint64_t>(left, window_size()));
}

Status Index::check_header(std::uint32_t count) const {
  if (window_log2_ < kMinWindowLog2 || window_log2_ > kMaxWindowLog2) {
    return fail(Errc::kMalformed, "payload index: window size 2^" + std::to_string(window_log2_) +
                                      " is outside 2^12 to 2^20");
  }
  // An empty image would need 2^44 windows or more here, so it is refused too.
  if (((image_size_ - 1) >> window_log2_) + 1 != count) {
    return fail(Errc::kMalformed, "payload index: " + std::to_string(count) +
                                      " windows do not cover an image of " +
                                      std::to_string(image_size_) + " bytes");
  }
  return Ok{};
}

Status Index::check_record(const Record& record, std::size_t window,
                           std::uint64_t expected_offset) const {
  if (record.frame_offset != expected_offset) {
    return malformed(window, "its frame does not follow the one before");
  }
  if ((record.kind == FrameKind::kZero) != (record.frame_length == 0)) {
    return malformed(window, "a frame is empty exactly when its kind is zero");
  }
  if (record.frame_length > length_of(window) + kFrameSlack) {
    return malformed(
        window, "frame of " + std::to_string(record.frame_length) + " bytes is over its limit");
  }
  if (uses_base(record.kind) && !base_image_) {
    return malformed(window, "frame needs a base image and none is named");
  }
  return Ok{};
}

}  // namespace pawl::payload
