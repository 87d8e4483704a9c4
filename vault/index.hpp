#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "vault/crypto.hpp"
#include "vault/entry_header.hpp"

namespace pawl::vault {

inline constexpr std::size_t kMaxEntries = 65536;
inline constexpr std::size_t kMaxSegments = 4096;
inline constexpr std::size_t kMaxIndexBytes = std::size_t{32} * 1024 * 1024;

/// A data key encrypted under the epoch key; bound to the segment's header and the epoch.
struct Wrap {
  Nonce nonce;
  FixedBytes<struct WrapTag, kKeySize + kTagSize> sealed;
  friend bool operator==(const Wrap&, const Wrap&) = default;
};

/// One data file of an entry.
struct Segment {
  FileId file;
  std::uint64_t version = 0;  // generation of the index that brought it
  std::uint64_t size = 0;     // plain bytes
  std::uint8_t chunk_log2 = 16;
  Wrap wrap;
  friend bool operator==(const Segment&, const Segment&) = default;
};

/// What the NV anchor held when an index was written, or holds now (FORMAT 7.4).
struct IndexMark {
  std::uint64_t generation = 0;
  Sha256Digest hash;  // of the whole index file
  friend bool operator==(const IndexMark&, const IndexMark&) = default;
};

/// The list of entries: the only mutable file of a vault. Replacing it is the commit point.
struct Index {
  std::uint64_t generation = 0;  // kept in the head of the file
  IndexMark anchored;            // the anchor this state descends from
  std::uint64_t renewals = 0;    // of the protector that the epoch key in force answers
  std::map<std::string, std::vector<Segment>, std::less<>> entries;
  friend bool operator==(const Index&, const Index&) = default;
};

/// The plain form that is encrypted into the index file (FORMAT 7.3).
[[nodiscard]] Bytes serialise(const Index& index);
/// @return kMalformed or kTooLarge; bytes after the last record are malformed
[[nodiscard]] Result<Index> parse_index(ByteView plain);

}  // namespace pawl::vault
