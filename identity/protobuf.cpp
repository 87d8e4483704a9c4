#include "identity/protobuf.hpp"

namespace pawl::identity {
namespace {

constexpr std::uint64_t kMaxField = (std::uint64_t{1} << 29U) - 1;
enum WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

}  // namespace

Result<std::uint64_t> ProtoReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    PAWL_TRY(const auto byte, take(1));
    const std::uint64_t bits = byte[0] & 0x7FU;
    if (shift == 63 && bits > 1) return fail(Errc::kMalformed, "varint over 64 bits");
    value |= bits << shift;
    if ((byte[0] & 0x80U) == 0) return value;
  }
  return fail(Errc::kMalformed, "varint over ten bytes");
}

Result<ByteView> ProtoReader::take(std::uint64_t size) {
  if (size > left_.size()) return fail(Errc::kMalformed, "protobuf message ends early");
  const auto out = left_.first(static_cast<std::size_t>(size));
  left_ = left_.subspan(static_cast<std::size_t>(size));
  return out;
}

Result<std::uint64_t> ProtoReader::fixed(std::size_t width) {
  PAWL_TRY(const auto bytes, take(width));
  std::uint64_t value = 0;
  for (std::size_t i = width; i > 0; --i) value = (value << 8U) | bytes[i - 1];
  return value;
}

Result<std::optional<ProtoField>> ProtoReader::next() {
  if (left_.empty()) return std::optional<ProtoField>();
  PAWL_TRY(const auto tag, varint());
  if (tag >> 3U == 0 || tag >> 3U > kMaxField) {
    return fail(Errc::kMalformed, "protobuf field number out of range");
  }
  ProtoField field;
  field.number = static_cast<std::uint32_t>(tag >> 3U);
  switch (tag & 7U) {
    case kVarint: {
      PAWL_TRY(field.value, varint());
      break;
    }
    case kFixed64: {
      PAWL_TRY(field.value, fixed(8));
      break;
    }
    case kFixed32: {
      PAWL_TRY(field.value, fixed(4));
      break;
    }
    case kBytes: {
      PAWL_TRY(const auto size, varint());
      PAWL_TRY(field.bytes, take(size));
      field.is_bytes = true;
      break;
    }
    default:
      return fail(Errc::kMalformed, "protobuf wire type that is not used");
  }
  return std::optional(field);
}

}  // namespace pawl::identity
