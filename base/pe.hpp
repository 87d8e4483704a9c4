#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

/// PE/COFF images as boot firmware measures them, and unified kernel images (UKI) as the
/// systemd stub measures them. Reads bytes only; the clauses are FORMAT 6.1 and 6.2.
namespace pawl::pe {

inline constexpr std::size_t kMaxImage = std::size_t{1} << 30;  // 1 GiB
inline constexpr std::size_t kMaxSections = 96;                 // PE format, 3.3
inline constexpr std::size_t kMaxCommandLine = 4096;            // characters of `.cmdline`

/// One row of the section table; offsets and sizes are bytes of the file.
struct Section {
  std::string name;  // at most 8 characters, without padding
  std::uint32_t virtual_size = 0;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;  // raw, with padding
};

/// Where the parts of one image lie. Valid only together with the bytes it was parsed from.
struct Layout {
  std::size_t file_size = 0;
  std::size_t checksum_offset = 0;
  std::optional<std::size_t> certificate_entry;  // offset of the data directory entry
  std::size_t certificate_size = 0;  // the table at the end of the file; 0 when unsigned
  std::size_t header_size = 0;
  std::size_t sections_end = 0;  // first byte after the last section
  std::uint32_t symbol_table = 0;
  std::uint32_t symbols = 0;
  std::vector<Section> sections;  // in the order of the table
};

/// Reads headers and section table; touches no content.
///
/// @return kTooLarge above kMaxImage; kMalformed when a field points outside the file, sections
///         overlap or leave gaps (firmwares hash gaps differently), or the certificate table is
///         not the end of the file. FORMAT 6.1.
[[nodiscard]] Result<Layout> parse_layout(ByteView file);

/// SHA-256 Authenticode digest: what EDK2 and U-Boot measure into PCR 4 for this image.
/// `file` must be the bytes `layout` was parsed from. FORMAT 6.1.5.
[[nodiscard]] Sha256Digest authenticode_sha256(const Layout& layout, ByteView file);

/// Both steps at once, for an image whose sections do not matter.
[[nodiscard]] Result<Sha256Digest> authenticode_sha256(ByteView file);

/// Content of one section without padding: the first `virtual_size` bytes.
/// @return kMalformed when absent, present twice, or longer in memory than in the file.
[[nodiscard]] Result<ByteView> section_content(const Layout& layout, ByteView file,
                                               std::string_view name);

struct SectionDigest {
  std::string name;  // ".linux"
  Sha256Digest digest;
};

/// Every digest that one UKI leaves in the event log of a boot.
struct UkiDigests {
  Sha256Digest pe_uki;                  // PCR 4, the whole image
  Sha256Digest pe_kernel;               // PCR 4, the image in `.linux`
  std::vector<SectionDigest> sections;  // PCR 11, in the order the stub measures them
  Sha256Digest cmdline_utf16;           // PCR 9 and 12, with a final NUL
  Sha256Digest initrd;                  // PCR 9
  Sha256Digest pcr11;                   // after the stub, before any phase word
};

/// Digest of the event that announces a section: SHA-256 of the name and a NUL. FORMAT 6.2.3.
[[nodiscard]] Sha256Digest section_name_digest(std::string_view name);

/// Digest of a command line as the kernel's EFI stub measures it: UTF-16 little-endian with NUL.
/// @param ascii  printable ASCII; each character becomes one UTF-16 unit
[[nodiscard]] Sha256Digest cmdline_utf16_digest(std::string_view ascii);

/// Checks that an image is a UKI that every supported firmware measures alike, and measures it.
///
/// @return kMalformed for bytes after the last section other than a certificate table, a symbol
///         table, a missing or repeated section, `initrd=` or a blank or NUL at an end of the
///         command line; as parse_layout otherwise. FORMAT 6.2.
[[nodiscard]] Result<UkiDigests> measure_uki(ByteView file);

}  // namespace pawl::pe
