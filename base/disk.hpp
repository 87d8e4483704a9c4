#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pawl {

/// One open file or block device. Offsets and sizes are bytes.
class File {
 public:
  virtual ~File() = default;
  /// Fills `out` from `offset`; fewer bytes than asked only at the end of the file.
  virtual Result<std::size_t> read_at(std::span<std::uint8_t> out, std::uint64_t offset) = 0;
  /// Durable operation: writes all of `bytes`, durable after the next sync().
  virtual Status write_at(ByteView bytes, std::uint64_t offset) = 0;
  /// Durable operation: everything written so far survives a power cut.
  virtual Status sync() = 0;
  /// Asks the kernel to forget cached pages, so that the next read comes from the medium.
  virtual Status drop_cache() = 0;
  virtual Result<std::uint64_t> size() = 0;
};

/// Held until it is destroyed; see Disk::lock.
class DiskLock {
 public:
  virtual ~DiskLock() = default;
};

enum class OpenMode : std::uint8_t {
  kRead,
  kReadWrite,     // must exist; never creates, never truncates
  kCreate,        // creates or truncates; mode 0600
  kCreatePublic,  // as kCreate; mode 0644, less what the umask takes away
};

/// Who may read what is written. Keys, PINs, records and vaults are private, always; only what is
/// signed and meant for everyone, as a repository directory is, may be public.
enum class Visibility : std::uint8_t {
  kPrivate,  // files 0600, directories 0700
  kPublic,   // files 0644, directories 0755, less what the umask takes away
};

/// Every durable change the programs make goes through this seam, one call per operation that can
/// be cut by a power loss. Real: PosixDisk. In tests: tests/fakes/fake_disk.hpp counts the calls
/// and loses power before each.
class Disk {
 public:
  virtual ~Disk() = default;
  /// @return kIo with raw ENOENT when absent, kNoSpace for ENOSPC and EDQUOT.
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  /// Atomic; durable after sync_directory of the target's directory.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;  // absent is success
  /// Existing is success and keeps its mode.
  virtual Status make_directory(const std::string& path, Visibility visibility) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;  // names, sorted
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
  /// Exclusive among processes; kBusy at once when another holds it.
  virtual Result<std::unique_ptr<DiskLock>> lock(const std::string& path) = 0;
};

class PosixDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_directory(const std::string& path, Visibility visibility) override;
  Status sync_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;
  Result<std::unique_ptr<DiskLock>> lock(const std::string& path) override;
};

/// "a/b/c" -> "a/b"; "c" -> ".".
[[nodiscard]] std::string parent_of(const std::string& path);
/// The whole file, or kTooLarge above `limit` bytes.
[[nodiscard]] Result<Bytes> read_file(Disk& disk, const std::string& path, std::size_t limit);
/// As read_file, but an absent file is an empty optional.
[[nodiscard]] Result<std::optional<Bytes>> read_optional(Disk& disk, const std::string& path,
                                                         std::size_t limit);
/// Replaces or creates a file so that a power cut leaves the old or the new content, whole:
/// temporary file, sync, rename, sync of the directory (5 durable operations).
[[nodiscard]] Status replace_file(Disk& disk, const std::string& path, ByteView bytes,
                                  Visibility visibility = Visibility::kPrivate);
/// Removes a file and makes that durable. Absent is success.
[[nodiscard]] Status remove_file(Disk& disk, const std::string& path);
/// Creates a directory and all its parents, each with this visibility.
[[nodiscard]] Status make_directories(Disk& disk, const std::string& path,
                                      Visibility visibility = Visibility::kPrivate);

}  // namespace pawl
