#pragma once
#include <memory>
#include <string>

#include "base/disk.hpp"
#include "base/secret.hpp"
#include "vault/crypto.hpp"
#include "vault/entry_header.hpp"

/// Data files (FORMAT 7.2): a header, then chunks of one size, each encrypted by itself under the
/// file's own key, so that any part can be read without the rest.
namespace pawl::vault {

/// Position and end mark of a chunk, as its nonce; unique under a key that serves one file.
enum class ChunkEnd : std::uint8_t { kMore = 0, kLast = 1 };
[[nodiscard]] Nonce chunk_nonce(std::uint64_t chunk, ChunkEnd end);

/// Writes one new data file. `write` any number of times, then `finish`; a file that is not
/// finished is not in any index and is collected at the next open.
class SegmentWriter {
 public:
  static Result<SegmentWriter> create(Disk& disk, const std::string& path,
                                      const EntryHeader& header, SecretBytes key);
  Status write(ByteView plain);
  /// Writes the last chunk and makes the file durable. @return plain bytes in all
  Result<std::uint64_t> finish();
  [[nodiscard]] const SecretBytes& key() const { return key_; }

 private:
  SegmentWriter(std::unique_ptr<File> file, Bytes header, std::size_t chunk_size, SecretBytes key,
                SecretBytes buffer)
      : file_(std::move(file)),
        header_(std::move(header)),
        chunk_size_(chunk_size),
        key_(std::move(key)),
        buffer_(std::move(buffer)) {}
  Status flush(ChunkEnd end);
  std::unique_ptr<File> file_;
  Bytes header_;
  std::size_t chunk_size_;
  SecretBytes key_;
  SecretBytes buffer_;  // one chunk
  std::size_t filled_ = 0;
  std::uint64_t chunk_ = 0;
  std::uint64_t total_ = 0;
};

/// Random access to one data file.
class SegmentReader {
 public:
  /// Checks the header and the length of the file against what the index says.
  /// @return kVault when they differ: another file, a truncated one, one from another store
  static Result<SegmentReader> open(Disk& disk, const std::string& path,
                                    const EntryHeader& expected, std::uint64_t size,
                                    SecretBytes key);
  /// Fills `out` from plain byte `offset`; offset + out.size() must not pass the end.
  Status read_at(std::span<std::uint8_t> out, std::uint64_t offset);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  SegmentReader(std::unique_ptr<File> file, Bytes header, std::size_t chunk_size,
                std::uint64_t size, SecretBytes key, SecretBytes plain)
      : file_(std::move(file)),
        header_(std::move(header)),
        chunk_size_(chunk_size),
        size_(size),
        key_(std::move(key)),
        plain_(std::move(plain)) {}
  [[nodiscard]] std::size_t plain_size(std::uint64_t chunk) const;
  Status load(std::uint64_t chunk);
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::unique_ptr<File> file_;
  Bytes header_;
  std::size_t chunk_size_;
  std::uint64_t size_;
  SecretBytes key_;
  SecretBytes plain_;  // the chunk read last
  std::uint64_t loaded_ = kNone;
};

}  // namespace pawl::vault
