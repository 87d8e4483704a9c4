#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace pawl::http {

/// `length` bytes from `first`; inside the file, never empty.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

enum class RangeVerdict : std::uint8_t { kWhole, kPart, kUnsatisfiable };

struct RangeAnswer {
  RangeVerdict verdict = RangeVerdict::kWhole;
  ByteRange range;  // for kPart
};

/// Decides what a Range header asks of a file of `size` bytes (RFC 9110 14): one range of bytes.
/// Several ranges, other units and unreadable texts are ignored, which gives the whole file.
/// @param header  empty when absent; at most 64 bytes are looked at
[[nodiscard]] RangeAnswer resolve_range(std::string_view header, std::uint64_t size);

}  // namespace pawl::http
