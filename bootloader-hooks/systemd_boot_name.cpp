#include "bootloader-hooks/systemd_boot_name.hpp"

#include <charconv>

#include "base/bytes.hpp"

namespace pawl::boot {
namespace {

constexpr std::string_view kPrefix = "pawl_";
constexpr std::string_view kSuffix = ".conf";
constexpr unsigned kMaxCount = 9;

Error not_a_name(std::string_view name) {
  return fail(Errc::kMalformed, "not a boot entry name: " + printable(name));
}

/// A decimal number without leading zeros off the front of `text`.
std::optional<std::uint32_t> take_number(std::string_view& text, std::uint32_t most) {
  std::uint32_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || v > most || (length > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(length);
  return v;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace

Result<SystemdBootName> SystemdBootName::parse(std::string_view name) {
  auto rest = name;
  if (!rest.ends_with(kSuffix) || !take(rest, kPrefix)) return not_a_name(name);
  rest.remove_suffix(kSuffix.size());
  SystemdBootName out;
  const auto generation = take_number(rest, kMaxGeneration);
  if (!generation || !take(rest, "_") || rest.empty()) return not_a_name(name);
  out.generation = *generation;
  PAWL_TRY(out.slot, parse_slot(rest.substr(0, 1)));
  rest.remove_prefix(1);
  if (rest.empty()) return out;
  if (!take(rest, "+")) return not_a_name(name);
  const auto left = take_number(rest, kMaxCount);
  if (!left) return not_a_name(name);
  out.left = *left;
  if (rest.empty()) return out;
  if (!take(rest, "-")) return not_a_name(name);
  const auto done = take_number(rest, kMaxCount);
  if (!done || *done == 0 || !rest.empty()) return not_a_name(name);
  out.done = *done;
  return out;
}

std::string SystemdBootName::format() const {
  std::string name(kPrefix);
  name += std::to_string(generation) + "_" + std::string(letter(slot));
  if (left) name += "+" + std::to_string(*left);
  if (left && done != 0) name += "-" + std::to_string(done);
  return name + std::string(kSuffix);
}

SlotState SystemdBootName::state() const {
  if (!left) return {SlotCondition::kGood, Tries(0)};
  if (*left == 0 && done == 0) return {SlotCondition::kBad, Tries(0)};
  return {SlotCondition::kTrial, Tries(*left)};
}

}  // namespace pawl::boot
