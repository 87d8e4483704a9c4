#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace pawl {

/// Bytes of the well-formed UTF-8 character `text` starts with (Unicode table 3-7), or 0.
[[nodiscard]] std::size_t utf8_length(std::string_view text);
/// Appends one scalar value (not a surrogate, at most 0x10ffff).
void append_utf8(std::string& out, std::uint32_t code);

}  // namespace pawl
