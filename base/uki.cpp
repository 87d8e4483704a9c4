#include <algorithm>
#include <array>

#include "base/digest.hpp"
#include "base/pe.hpp"

namespace pawl::pe {
namespace {

// The order in which the systemd 252 stub measures sections, present ones only.
constexpr std::array<std::string_view, 7> kMeasured{".linux",  ".osrel", ".cmdline", ".initrd",
                                                    ".splash", ".dtb",   ".pcrpkey"};
constexpr std::array<std::string_view, 4> kRequired{".linux", ".osrel", ".cmdline", ".initrd"};

bool has_section(const Layout& layout, std::string_view name) {
  return std::any_of(layout.sections.begin(), layout.sections.end(),
                     [&](const Section& s) { return s.name == name; });
}

Status check_shape(const Layout& layout) {
  if (layout.symbol_table != 0 || layout.symbols != 0) {
    return fail(Errc::kMalformed, "UKI has a symbol table");
  }
  if (layout.sections_end + layout.certificate_size != layout.file_size) {
    return fail(Errc::kMalformed, "UKI has bytes after its last section");
  }
  for (const auto name : kRequired) {
    if (!has_section(layout, name)) {
      return fail(Errc::kMalformed, "UKI has no section " + std::string(name));
    }
  }
  return Ok{};
}

Status check_command_line(std::string_view text) {
  if (text.size() > kMaxCommandLine) return fail(Errc::kTooLarge, "UKI command line over 4096");
  if (text.empty()) return fail(Errc::kMalformed, "UKI command line is empty");
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    return fail(Errc::kMalformed, "UKI command line is not printable ASCII");
  }
  if (text.front() == ' ' || text.back() == ' ') {
    return fail(Errc::kMalformed, "UKI command line begins or ends with a blank");
  }
  if (text.starts_with("initrd=") || text.find(" initrd=") != std::string_view::npos) {
    return fail(Errc::kMalformed, "UKI command line names an initrd, which nothing measures");
  }
  return Ok{};
}

void extend(Sha256Digest& pcr, const Sha256Digest& digest) {
  Sha256 hash;
  hash.update(pcr.span());
  hash.update(digest.span());
  pcr = hash.finish();
}

Status measure_sections(const Layout& layout, ByteView file, UkiDigests& out) {
  for (const auto name : kMeasured) {
    if (!has_section(layout, name)) continue;
    PAWL_TRY(const auto content, section_content(layout, file, name));
    const auto digest = sha256(content);
    extend(out.pcr11, section_name_digest(name));
    extend(out.pcr11, digest);
    out.sections.push_back({std::string(name), digest});
  }
  return Ok{};
}

}  // namespace

Sha256Digest section_name_digest(std::string_view name) {
  std::string text(name);
  text.push_back('\0');
  return sha256(as_bytes(text));
}

Sha256Digest cmdline_utf16_digest(std::string_view ascii) {
  Bytes units;
  units.reserve(2 * ascii.size() + 2);
  for (const char c : ascii) {
    units.push_back(static_cast<std::uint8_t>(c));
    units.push_back(0);
  }
  units.resize(units.size() + 2);
  return sha256(units);
}

Result<UkiDigests> measure_uki(ByteView file) {
  PAWL_TRY(const auto layout, parse_layout(file));
  PAWL_CHECK(check_shape(layout));
  UkiDigests out;
  PAWL_CHECK(measure_sections(layout, file, out));
  PAWL_TRY(const auto kernel, section_content(layout, file, ".linux"));
  PAWL_TRY(const auto kernel_digest, authenticode_sha256(kernel));
  PAWL_TRY(const auto cmdline, section_content(layout, file, ".cmdline"));
  PAWL_CHECK(check_command_line(as_text(cmdline)));
  PAWL_TRY(const auto initrd, section_content(layout, file, ".initrd"));
  if (initrd.empty()) return fail(Errc::kMalformed, "UKI has an empty initrd");
  out.pe_uki = authenticode_sha256(layout, file);
  out.pe_kernel = kernel_digest;
  out.cmdline_utf16 = cmdline_utf16_digest(as_text(cmdline));
  out.initrd = sha256(initrd);
  return out;
}

}  // namespace pawl::pe
