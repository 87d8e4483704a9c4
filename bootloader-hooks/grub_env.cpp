#include "bootloader-hooks/grub_env.hpp"

#include <algorithm>
#include <charconv>

namespace pawl::boot {
namespace {

constexpr std::string_view kHead = "# GRUB Environment Block\n";
constexpr std::string_view kGeneration = "pawl_generation";
constexpr std::string_view kOurs = "pawl_";

Result<std::uint32_t> parse_generation(const Environment& variables) {
  const auto text = variables.get(kGeneration).value_or("");
  std::uint32_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  const bool whole = error == std::errc{} && at == end && !text.empty();
  if (whole && value <= GrubBlock::kMaxGeneration && (text == "0" || text[0] != '0')) return value;
  return fail(Errc::kMalformed, "pawl_generation is not a number: " + printable(text));
}

}  // namespace

Result<GrubBlock> GrubBlock::parse(std::string_view text) {
  if (text.size() != kBytes || !text.starts_with(kHead)) {
    return fail(Errc::kMalformed, "not a GRUB environment block of 1024 bytes");
  }
  GrubBlock out;
  text.remove_prefix(kHead.size());
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    const bool comment = line.starts_with('#');  // also the filling, which no newline ends
    if (!comment && line.size() == text.size()) {
      return fail(Errc::kMalformed, "a variable without end of line");
    }
    if (!comment && line.find('\\') != std::string_view::npos) {
      return fail(Errc::kMalformed, "a variable with a backslash");
    }
    if (!comment) PAWL_CHECK(out.variables.append(line));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  PAWL_TRY(out.generation, parse_generation(out.variables));
  return out;
}

Result<std::string> GrubBlock::format() const {
  auto ours = variables;
  ours.set(kGeneration, std::to_string(generation));
  std::string out(kHead);
  for (const bool first : {true, false}) {
    for (const auto& [name, value] : ours.variables()) {
      if (name.starts_with(kOurs) == first) out.append(name).append("=").append(value).append("\n");
    }
  }
  if (out.size() > kBytes) return fail(Errc::kBootloader, "GRUB's environment block is full");
  out.resize(kBytes, '#');
  return out;
}

}  // namespace pawl::boot
