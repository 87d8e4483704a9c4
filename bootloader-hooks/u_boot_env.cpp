#include "bootloader-hooks/u_boot_env.hpp"

#include <algorithm>
#include <charconv>

namespace pawl::boot {
namespace {

constexpr std::size_t kHeader = 5;  // CRC-32 of the data, in the byte order of the CPU, and flag
constexpr std::string_view kBlanks = " \t";

/// CRC-32 as in zlib and IEEE 802.3.
std::uint32_t crc32(ByteView bytes) {
  std::uint32_t crc = ~0U;
  for (const auto byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

std::uint32_t u32_le(ByteView four) {
  return std::uint32_t{four[0]} | std::uint32_t{four[1]} << 8U | std::uint32_t{four[2]} << 16U |
         std::uint32_t{four[3]} << 24U;
}

/// The next field of a line; empty at its end.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const auto word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

Result<std::uint64_t> parse_number(std::string_view word) {
  const bool hex = word.starts_with("0x") || word.starts_with("0X");
  const auto digits = hex ? word.substr(2) : word;
  std::uint64_t value = 0;
  const auto* const end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value, hex ? 16 : 10);
  if (error == std::errc{} && at == end && !digits.empty() && value <= (1ULL << 48U)) return value;
  return fail(Errc::kBootloader, "not an offset or size: " + printable(word));
}

struct Line {
  UBootPlaces::Copy copy;
  std::uint64_t size = 0;
};

Result<Line> parse_line(std::string_view line) {
  Line out;
  out.copy.path = take_word(line);
  if (!out.copy.path.starts_with('/')) {
    return fail(Errc::kBootloader, "not an absolute path: " + printable(out.copy.path));
  }
  if (out.copy.path.starts_with("/dev/mtd")) {
    return fail(Errc::kBootloader, out.copy.path + " is raw flash, which must be erased")
        .with_hint(
            "keep the environment on a block device, in a file or in a UBI volume's block device");
  }
  PAWL_TRY(out.copy.offset, parse_number(take_word(line)));
  PAWL_TRY(out.size, parse_number(take_word(line)));
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
    PAWL_TRY(const auto ignored, parse_number(word));  // sector size and count: of raw flash
    static_cast<void>(ignored);
  }
  return out;
}

Status check_places(const std::vector<Line>& lines) {
  if (lines.size() != 2) {
    return fail(Errc::kBootloader,
                std::to_string(lines.size()) + " copies of the environment: there must be two")
        .with_hint("build U-Boot with CONFIG_SYS_REDUNDAND_ENVIRONMENT");
  }
  const auto& a = lines[0];
  const auto& b = lines[1];
  if (a.size != b.size) return fail(Errc::kBootloader, "the two copies differ in size");
  if (a.size < UBootCopy::kMinBytes || a.size > UBootCopy::kMaxBytes) {
    return fail(Errc::kBootloader, std::to_string(a.size) + " bytes for a copy: 128 to 1048576");
  }
  const auto apart =
      a.copy.offset > b.copy.offset ? a.copy.offset - b.copy.offset : b.copy.offset - a.copy.offset;
  if (a.copy.path == b.copy.path && apart < a.size) {
    return fail(Errc::kBootloader, "the two copies overlap");
  }
  return Ok{};
}

}  // namespace

Result<UBootCopy> UBootCopy::parse(ByteView copy) {
  if (copy.size() < kMinBytes) return fail(Errc::kMalformed, "environment copy is cut short");
  if (copy.size() > kMaxBytes) return fail(Errc::kTooLarge, "environment copy over 1 MiB");
  if (u32_le(copy) != crc32(copy.subspan(kHeader))) {
    return fail(Errc::kMalformed, "environment copy does not match its checksum");
  }
  UBootCopy out;
  out.flag = copy[4];
  auto text = as_text(copy.subspan(kHeader));
  for (;;) {
    const auto end = text.find('\0');
    if (end == std::string_view::npos) {
      return fail(Errc::kMalformed, "environment copy: the list has no end");
    }
    if (end == 0) return out;
    PAWL_CHECK(out.variables.append(text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
}

Result<Bytes> UBootCopy::format(std::size_t size) const {
  Bytes out(kHeader, 0);
  for (const auto& [name, value] : variables.variables()) {
    for (const auto part : {std::string_view(name), std::string_view("="), std::string_view(value)})
      out.insert(out.end(), part.begin(), part.end());
    out.push_back(0);
  }
  if (out.size() + 1 > size) {
    return fail(Errc::kBootloader,
                "U-Boot's environment is full: " + std::to_string(out.size() + 1) +
                    " bytes, the limit is " + std::to_string(size));
  }
  out.resize(size, 0);
  out[4] = flag;
  const auto crc = crc32(ByteView(out).subspan(kHeader));
  for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(crc >> (8 * i));
  return out;
}

bool is_newer(std::uint8_t flag, std::uint8_t than) {
  if (flag == 0 && than == 255) return true;
  if (flag == 255 && than == 0) return false;
  return flag > than;
}

Result<UBootPlaces> UBootPlaces::parse(std::string_view text) {
  if (text.size() > kMaxConfig) return fail(Errc::kTooLarge, "over 4096 bytes");
  std::vector<Line> lines;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    PAWL_TRY(auto parsed, parse_line(line));
    lines.push_back(std::move(parsed));
  }
  PAWL_CHECK(check_places(lines));
  return UBootPlaces{{std::move(lines[0].copy), std::move(lines[1].copy)},
                     static_cast<std::size_t>(lines[0].size)};
}

}  // namespace pawl::boot
