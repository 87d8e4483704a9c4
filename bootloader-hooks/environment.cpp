#include "bootloader-hooks/environment.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace pawl::boot {
namespace {

constexpr std::array<std::string_view, 4> kFields{"primary", "trial", "tries", "bad"};

std::string variable(std::string_view field) {
  return "pawl_" + std::string(field);
}

}  // namespace

std::optional<std::string_view> Environment::get(std::string_view name) const {
  const auto named = [&](const Variable& one) { return one.first == name; };
  const auto at = std::find_if(variables_.rbegin(), variables_.rend(), named);
  if (at == variables_.rend()) return std::nullopt;
  return at->second;
}

void Environment::set(std::string_view name, std::string value) {
  const auto named = [&](const Variable& one) { return one.first == name; };
  const auto at = std::find_if(variables_.begin(), variables_.end(), named);
  if (at == variables_.end()) {
    variables_.emplace_back(name, std::move(value));
    return;
  }
  at->second = std::move(value);
  variables_.erase(std::remove_if(at + 1, variables_.end(), named), variables_.end());
}

Status Environment::append(std::string_view line) {
  const auto equals = line.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    return fail(Errc::kMalformed, "not a variable: " + printable(line));
  }
  variables_.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  return Ok{};
}

Result<BootState> Environment::boot_state() const {
  std::string line;
  for (const auto field : kFields) {
    const auto value = get(variable(field));
    if (!value) return fail(Errc::kMalformed, variable(field) + " is not set");
    if (!line.empty()) line += ' ';
    line += std::string(field) + "=" + std::string(*value);
  }
  return BootState::parse(line + "\n");
}

void Environment::set_boot_state(const BootState& state) {
  const auto line = state.format();
  std::string_view rest(line);
  for (const auto field : kFields) {
    rest.remove_prefix(field.size() + 1);
    const auto end = rest.find_first_of(" \n");
    set(variable(field), std::string(rest.substr(0, end)));
    rest.remove_prefix(end + 1);
  }
}

}  // namespace pawl::boot
