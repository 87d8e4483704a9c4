#include "http/byte_range.hpp"

#include <algorithm>
#include <charconv>

namespace pawl::http {
namespace {

constexpr std::size_t kMaxHeader = 64;
constexpr std::string_view kUnit = "bytes=";

// Digits only, and not above 64 bits.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

RangeAnswer part(std::uint64_t first, std::uint64_t length) {
  return {RangeVerdict::kPart, {first, length}};
}

RangeAnswer suffix(std::uint64_t wanted, std::uint64_t size) {
  const auto length = std::min(wanted, size);
  if (length == 0) return {RangeVerdict::kUnsatisfiable, {}};
  return part(size - length, length);
}

}  // namespace

RangeAnswer resolve_range(std::string_view header, std::uint64_t size) {
  if (header.size() > kMaxHeader || !header.starts_with(kUnit)) return {};
  const auto spec = header.substr(kUnit.size());
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos) return {};
  const auto first = number(spec.substr(0, dash));
  const auto last = number(spec.substr(dash + 1));
  if (dash == 0) return last ? suffix(*last, size) : RangeAnswer{};
  if (!first) return {};
  if (!last && dash + 1 != spec.size()) return {};
  if (last && *last < *first) return {};
  if (*first >= size) return {RangeVerdict::kUnsatisfiable, {}};
  const auto end = last ? std::min(*last, size - 1) : size - 1;
  return part(*first, end - *first + 1);
}

}  // namespace pawl::http
