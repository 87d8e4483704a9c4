#include "manifest/versions.hpp"

#include <algorithm>

#include "manifest/fields.hpp"

namespace pawl::manifest {
namespace {

bool all_digits(std::string_view text) {
  return made_of(text, "0123456789", text.size());
}

/// The part up to the next dot; `rest` moves behind it.
std::string_view next_part(std::string_view& rest) {
  const auto dot = rest.find('.');
  const auto part = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  return part;
}

std::string_view without_zeros(std::string_view digits) {
  const auto first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? std::string_view() : digits.substr(first);
}

std::weak_ordering compare_numbers(std::string_view a, std::string_view b) {
  const auto x = without_zeros(a);
  const auto y = without_zeros(b);
  if (x.size() != y.size()) return x.size() <=> y.size();
  return x <=> y;
}

std::weak_ordering compare_parts(std::string_view a, std::string_view b) {
  const bool x = all_digits(a);
  const bool y = all_digits(b);
  if (x && y) return compare_numbers(a, b);
  if (x != y) return x ? std::weak_ordering::less : std::weak_ordering::greater;
  return a <=> b;
}

std::weak_ordering compare_core(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const auto order = compare_numbers(next_part(a), next_part(b));
    if (order != std::weak_ordering::equivalent) return order;
  }
  return std::weak_ordering::equivalent;
}

std::weak_ordering compare_prerelease(std::string_view a, std::string_view b) {
  if (a.empty() != b.empty()) {
    return a.empty() ? std::weak_ordering::greater : std::weak_ordering::less;
  }
  while (!a.empty() && !b.empty()) {
    const auto order = compare_parts(next_part(a), next_part(b));
    if (order != std::weak_ordering::equivalent) return order;
  }
  return a.size() <=> b.size();
}

}  // namespace

std::weak_ordering compare_versions(std::string_view a, std::string_view b) {
  const auto no_build = [](std::string_view text) { return text.substr(0, text.find('+')); };
  const auto x = no_build(a);
  const auto y = no_build(b);
  const auto dash = [](std::string_view text) { return std::min(text.find('-'), text.size()); };
  const auto core = compare_core(x.substr(0, dash(x)), y.substr(0, dash(y)));
  if (core != std::weak_ordering::equivalent) return core;
  const auto tail = [&](std::string_view text) {
    return text.substr(std::min(dash(text) + 1, text.size()));
  };
  return compare_prerelease(tail(x), tail(y));
}

}  // namespace pawl::manifest
