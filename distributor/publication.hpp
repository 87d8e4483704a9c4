#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/disk.hpp"
#include "base/time.hpp"
#include "distributor/catalog.hpp"
#include "distributor/route.hpp"

namespace pawl::distributor {

/// A file of a repository directory.
struct RepositoryFile {
  std::string path;  // "metadata/7.root.json", "blobs/<sha256>"
  std::uint64_t size = 0;
  Sha256Digest sha256;
};

inline constexpr std::size_t kMaxPublishedFiles = 8192;
inline constexpr std::uint64_t kMaxPublishedSize = std::uint64_t{1} << 40U;

/// The folder and the name of a file of a repository, by the names of FORMAT 12.2.1.
/// @return kMalformed for a path that is no file of a repository
[[nodiscard]] Result<Route> route_of_path(std::string_view path);

/// What a repository directory holds, ready to be published: every file of 11.1.1, hashed.
[[nodiscard]] Result<std::vector<RepositoryFile>> list_repository(Disk& disk,
                                                                  const std::string& folder);

/// Brings a repository directory up to another one, so that a client or a power cut at any moment
/// sees the old one or the new one, whole (FORMAT 11.1.2): files arrive in `.incoming/`, are
/// checked, moved to their places, and timestamp.json is replaced last. Holds the directory's lock.
class Publication {
 public:
  /// @param files  the whole of the new repository. @return kBusy when another process publishes,
  ///               kUsage without timestamp.json, kHashMismatch when a file that never changes
  ///               is there with other content, kMalformed for paths of no repository
  static Result<Publication> begin(Disk& disk, Clock& clock, std::string folder,
                                   std::vector<RepositoryFile> files);
  /// Files that must be sent.
  [[nodiscard]] const std::vector<RepositoryFile>& missing() const { return missing_; }
  /// The next bytes of a file; offset 0 starts it again. With its last byte it is checked, and
  /// moved to its place unless that would make it current. @return kUsage for a file that is not
  /// missing or another offset, kHashMismatch for other content
  Status append(const Sha256Digest& file, std::uint64_t offset, ByteView bytes);
  /// Verifies the new repository as a device would and makes it current.
  /// @return kIncomplete while files are missing, kRollback for an older timestamp, and what
  ///         read_catalog says: then the old repository stays
  Result<Catalog> finish();

 private:
  struct Incoming {
    RepositoryFile file;
    std::unique_ptr<File> open;
    std::uint64_t size = 0;
    Sha256 hash;
  };
  Publication(Disk& disk, Clock& clock, std::string folder, std::unique_ptr<DiskLock> lock)
      : disk_(&disk), clock_(&clock), folder_(std::move(folder)), lock_(std::move(lock)) {}
  Status find_missing(const std::vector<RepositoryFile>& files);
  Result<bool> is_there(const RepositoryFile& file);
  Status start(const Sha256Digest& file);
  Status complete();
  [[nodiscard]] std::string incoming_path(const Sha256Digest& file) const;

  Disk* disk_;
  Clock* clock_;
  std::string folder_;
  std::unique_ptr<DiskLock> lock_;
  std::vector<RepositoryFile> missing_;
  std::optional<Incoming> incoming_;
  std::optional<Sha256Digest> timestamp_;  // arrived, not yet current
};

}  // namespace pawl::distributor
