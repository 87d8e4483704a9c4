#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/disk.hpp"
#include "base/progress.hpp"

namespace pawl::signer {

/// One change of a repository directory: new files first, `timestamp.json` last, so that a client
/// or a power cut at any moment sees the old repository or the new one, whole (FORMAT 11.1.2).
/// Publishing the same change again is harmless. Everything is written for everyone to read: a
/// repository is served by another user than the one who signs.
class Publication {
 public:
  /// A file that nobody refers to yet. `path` is relative to the repository.
  void add(std::string path, Bytes bytes);
  /// A file named by its digest, copied from `source`; skipped when it is there already.
  void copy(std::string path, std::string source, const Sha256Digest& digest, std::uint64_t size);
  /// The file whose replacement makes the change visible.
  void finish_with(std::string path, Bytes bytes);

  /// Appends another publication's new files to this one's.
  void append(const Publication& other);

  /// Adds come first in the order given, then the last file. The caller holds the lock.
  /// @return kHashMismatch when a source is not what its digest says: nothing is visible then
  [[nodiscard]] Status publish(Disk& disk, const std::string& directory, Progress& progress) const;

  /// Paths in the order they are written, for --dry-run and tests.
  [[nodiscard]] std::vector<std::string> paths() const;

 private:
  struct Item {
    std::string path;
    Bytes bytes;
    std::string source;  // empty: `bytes`
    Sha256Digest digest;
    std::uint64_t size = 0;
  };
  [[nodiscard]] static Status write(Disk& disk, const std::string& target, const Item& item,
                                    Progress& progress);
  std::vector<Item> items_;
  std::optional<Item> last_;
};

using ChunkUse = std::function<Status(ByteView chunk, std::uint64_t offset)>;
/// Calls `use` for the first `size` bytes of the file, in order and in bounded memory.
[[nodiscard]] Status for_each_chunk(File& file, std::uint64_t size, const ChunkUse& use);
/// SHA-256 of a file of any size, in bounded memory.
[[nodiscard]] Result<Sha256Digest> hash_file(File& file, std::uint64_t size);

}  // namespace pawl::signer
