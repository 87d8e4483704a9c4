#pragma once
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pawl {

enum class Base64 { kStandard, kUrl };  // RFC 4648 section 4 with padding; section 5 without

[[nodiscard]] std::string to_base64(ByteView bytes, Base64 variant);
/// Strict: no blanks, canonical padding, at most `limit` bytes; else kMalformed or kTooLarge.
[[nodiscard]] Result<Bytes> from_base64(std::string_view text, Base64 variant, std::size_t limit);

}  // namespace pawl
