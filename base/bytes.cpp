#include "base/bytes.hpp"

#include <algorithm>

namespace pawl {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto b : bytes) {
    out.push_back(kDigits[b >> 4U]);
    out.push_back(kDigits[b & 15U]);
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text, std::size_t limit) {
  if (text.size() > limit * 2) {
    return fail(Errc::kMalformed, "over " + std::to_string(limit) + " bytes of hexadecimal");
  }
  if (text.size() % 2 != 0) return fail(Errc::kMalformed, "odd number of hexadecimal digits");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = kDigits.find(text[i]);
    const auto low = kDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return fail(Errc::kMalformed, "not lower-case hexadecimal");
    }
    out.push_back(static_cast<std::uint8_t>((high << 4U) | low));
  }
  return out;
}

std::string printable(std::string_view untrusted) {
  constexpr std::size_t kLimit = 64;
  std::string out = "'";
  for (const char c : untrusted.substr(0, kLimit)) {
    out.push_back(c >= 0x20 && c < 0x7f && c != '\'' ? c : '?');
  }
  out += untrusted.size() > kLimit ? "...'" : "'";
  return out;
}

}  // namespace pawl
