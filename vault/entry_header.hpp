#pragma once
#include <string>

#include "base/bytes.hpp"

namespace pawl::vault {

using StoreId = FixedBytes<struct StoreIdTag, 16>;
using FileId = FixedBytes<struct FileIdTag, 16>;  // names a data file, drawn at random

inline constexpr std::size_t kMaxName = 255;
inline constexpr unsigned kMinChunkLog2 = 12;
inline constexpr unsigned kMaxChunkLog2 = 20;
inline constexpr std::uint8_t kCipherXChaCha20Poly1305 = 1;

/// The head of a data file (FORMAT 7.2). It never changes: neither epoch nor wrapped key is in it,
/// so that rotating an epoch rewrites no data. It is the associated data of every chunk.
struct EntryHeader {
  StoreId store;
  Sha256Digest device;  // of the device's name
  std::string name;     // 1 to kMaxName bytes, see check_name
  std::uint64_t version = 0;
  std::uint32_t segment = 0;  // position within the entry
  std::uint8_t cipher = kCipherXChaCha20Poly1305;
  std::uint8_t chunk_log2 = 16;

  [[nodiscard]] Bytes serialise() const;
  friend bool operator==(const EntryHeader&, const EntryHeader&) = default;
};

/// Reads a header from the start of a data file; what follows it is not looked at.
/// @return the header and how many bytes it took; kMalformed, kTooLarge
struct ParsedHeader {
  EntryHeader header;
  std::size_t size = 0;
};
[[nodiscard]] Result<ParsedHeader> parse_entry_header(ByteView file);

/// 1 to 255 characters of A-Z a-z 0-9 . _ - / @ : + ; else kUsage.
[[nodiscard]] Status check_name(std::string_view name);

}  // namespace pawl::vault
