#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"

namespace pawl {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(ByteView bytes);
/// Strict: lower case, even length, at most `limit` bytes; else kMalformed.
[[nodiscard]] Result<Bytes> from_hex(std::string_view text, std::size_t limit);

/// Exactly N bytes as lower-case hexadecimal.
template <class Fixed>
[[nodiscard]] Result<Fixed> fixed_from_hex(std::string_view text) {
  Fixed out;
  PAWL_TRY(const auto bytes, from_hex(text, out.bytes.size()));
  if (bytes.size() != out.bytes.size()) {
    return fail(Errc::kMalformed, "expected " + std::to_string(out.bytes.size()) +
                                      " bytes of hexadecimal, got " + std::to_string(bytes.size()));
  }
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}
template <class Tag, std::size_t N>
[[nodiscard]] std::string to_hex(const FixedBytes<Tag, N>& fixed) {
  return to_hex(ByteView(fixed.bytes));
}

/// Peer-controlled text for an error message: printable ASCII, at most 64 characters.
[[nodiscard]] std::string printable(std::string_view untrusted);

}  // namespace pawl
