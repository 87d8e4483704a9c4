#include "base/pe.hpp"

#include <algorithm>
#include <array>

#include "base/digest.hpp"
#include "base/reader.hpp"

namespace pawl::pe {
namespace {

constexpr std::size_t kCoffSize = 24;  // signature and COFF header
constexpr std::size_t kSectionRow = 40;
constexpr std::uint16_t kPe32 = 0x10b;
constexpr std::uint16_t kPe32Plus = 0x20b;
constexpr std::uint32_t kSecurityDirectory = 4;

struct Headers {
  std::size_t optional_header = 0;  // offset in the file
  std::uint16_t optional_size = 0;
  std::uint16_t section_count = 0;
};

Result<Reader> at(ByteView file, std::size_t offset) {
  if (offset > file.size()) return fail(Errc::kMalformed, "PE offset lies outside the file");
  return Reader(file.subspan(offset));
}

Result<Headers> read_coff(ByteView file, Layout& out) {
  if (file.size() < 64 || file[0] != 'M' || file[1] != 'Z') {
    return fail(Errc::kMalformed, "not a PE image: no MZ signature");
  }
  PAWL_TRY(auto dos, at(file, 0x3c));
  PAWL_TRY(const auto pe, dos.u32_le());
  PAWL_TRY(auto r, at(file, pe));
  PAWL_TRY(const auto signature, r.u32_le());
  if (signature != 0x00004550) return fail(Errc::kMalformed, "not a PE image: no PE signature");
  Headers h;
  h.optional_header = pe + kCoffSize;
  PAWL_CHECK(r.take(2));  // machine
  PAWL_TRY(h.section_count, r.u16_le());
  PAWL_CHECK(r.take(4));  // time stamp
  PAWL_TRY(out.symbol_table, r.u32_le());
  PAWL_TRY(out.symbols, r.u32_le());
  PAWL_TRY(h.optional_size, r.u16_le());
  if (h.section_count == 0 || h.section_count > kMaxSections) {
    return fail(Errc::kMalformed,
                "PE image has " + std::to_string(h.section_count) + " sections, 1 to 96 allowed");
  }
  return h;
}

/// The security entry holds a file offset, not an address; the table must end the file.
Status read_certificate(ByteView file, std::size_t entry, Layout& out) {
  PAWL_TRY(auto r, at(file, entry));
  PAWL_TRY(const std::uint64_t offset, r.u32_le());
  PAWL_TRY(const std::uint64_t size, r.u32_le());
  if (size != 0 && offset + size != file.size()) {
    return fail(Errc::kMalformed, "PE certificate table is not the end of the file");
  }
  out.certificate_entry = entry;
  out.certificate_size = static_cast<std::size_t>(size);
  return Ok{};
}

Status read_optional_header(ByteView file, const Headers& h, Layout& out) {
  PAWL_TRY(auto r, at(file, h.optional_header));
  PAWL_TRY(const auto magic, r.u16_le());
  if (magic != kPe32 && magic != kPe32Plus) {
    return fail(Errc::kMalformed, "unknown PE optional header " + std::to_string(magic));
  }
  PAWL_CHECK(r.take(58));
  PAWL_TRY(out.header_size, r.u32_le());
  out.checksum_offset = h.optional_header + 64;
  const std::size_t count_at = magic == kPe32 ? 92 : 108;
  if (h.optional_size < count_at + 4) {
    return fail(Errc::kMalformed, "PE optional header is too short");
  }
  PAWL_TRY(auto directories, at(file, h.optional_header + count_at));
  PAWL_TRY(const auto count, directories.u32_le());
  const std::size_t entry = count_at + 4 + std::size_t{8} * kSecurityDirectory;
  if (count <= kSecurityDirectory) return Ok{};
  if (h.optional_size < entry + 8) {
    return fail(Errc::kMalformed, "PE data directories do not fit the optional header");
  }
  return read_certificate(file, h.optional_header + entry, out);
}

Result<Section> read_section(Reader& r) {
  PAWL_TRY(const auto name, r.take(8));
  Section s;
  const auto end = std::find(name.begin(), name.end(), 0);
  s.name.assign(name.begin(), end);
  PAWL_TRY(s.virtual_size, r.u32_le());
  PAWL_CHECK(r.take(4));  // virtual address
  PAWL_TRY(s.size, r.u32_le());
  PAWL_TRY(s.offset, r.u32_le());
  PAWL_CHECK(r.take(16));
  return s;
}

/// Sections with content, in file order.
std::vector<Section> in_file_order(const Layout& layout) {
  std::vector<Section> out;
  for (const auto& s : layout.sections) {
    if (s.size != 0) out.push_back(s);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Section& a, const Section& b) { return a.offset < b.offset; });
  return out;
}

Status check_end_to_end(Layout& out) {
  std::uint64_t next = out.header_size;
  for (const auto& s : in_file_order(out)) {
    if (s.offset != next) {
      return fail(Errc::kMalformed, "PE section " + printable(s.name) + " starts at " +
                                        std::to_string(s.offset) + " instead of " +
                                        std::to_string(next) + ": sections must lie end to end");
    }
    next += s.size;
  }
  if (next + out.certificate_size > out.file_size) {
    return fail(Errc::kMalformed, "PE sections reach past the end of the file");
  }
  out.sections_end = static_cast<std::size_t>(next);
  return Ok{};
}

}  // namespace

Result<Layout> parse_layout(ByteView file) {
  if (file.size() > kMaxImage) return fail(Errc::kTooLarge, "PE image over 1 GiB");
  Layout out;
  out.file_size = file.size();
  PAWL_TRY(const auto headers, read_coff(file, out));
  PAWL_CHECK(read_optional_header(file, headers, out));
  const auto table = headers.optional_header + headers.optional_size;
  PAWL_TRY(auto rows, at(file, table));
  for (unsigned i = 0; i < headers.section_count; ++i) {
    PAWL_TRY(auto section, read_section(rows));
    out.sections.push_back(std::move(section));
  }
  if (out.header_size > file.size() ||
      out.header_size < table + kSectionRow * headers.section_count) {
    return fail(Errc::kMalformed, "PE header size does not cover the section table");
  }
  PAWL_CHECK(check_end_to_end(out));
  return out;
}

Sha256Digest authenticode_sha256(const Layout& layout, ByteView file) {
  PAWL_ASSERT(file.size() == layout.file_size);
  Sha256 hash;
  std::size_t next = 0;
  const auto skip = [&](std::size_t offset, std::size_t size) {
    hash.update(file.subspan(next, offset - next));
    next = offset + size;
  };
  skip(layout.checksum_offset, 4);
  if (layout.certificate_entry) skip(*layout.certificate_entry, 8);
  // Sections lie end to end from the headers on, so one run covers them and any tail.
  skip(file.size() - layout.certificate_size, 0);
  return hash.finish();
}

Result<Sha256Digest> authenticode_sha256(ByteView file) {
  PAWL_TRY(const auto layout, parse_layout(file));
  return authenticode_sha256(layout, file);
}

Result<ByteView> section_content(const Layout& layout, ByteView file, std::string_view name) {
  PAWL_ASSERT(file.size() == layout.file_size);
  const auto is_it = [&](const Section& s) { return s.name == name; };
  const auto found = std::find_if(layout.sections.begin(), layout.sections.end(), is_it);
  if (found == layout.sections.end()) {
    return fail(Errc::kMalformed, "PE image has no section " + std::string(name));
  }
  if (std::count_if(layout.sections.begin(), layout.sections.end(), is_it) > 1) {
    return fail(Errc::kMalformed, "PE image has section " + std::string(name) + " twice");
  }
  if (found->virtual_size > found->size) {
    return fail(Errc::kMalformed,
                "PE section " + std::string(name) + " is longer in memory than in the file");
  }
  return file.subspan(found->offset, found->virtual_size);
}

}  // namespace pawl::pe
