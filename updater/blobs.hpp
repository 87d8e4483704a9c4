#pragma once
#include <memory>
#include <string>

#include "base/disk.hpp"
#include "manifest/release.hpp"
#include "payload/stream.hpp"

namespace pawl::updater {

/// The files of a repository's `blobs/`, by digest: a folder, HTTP ranges, a bundle.
class BlobSource {
 public:
  virtual ~BlobSource() = default;
  /// A whole small file. Size and digest are checked. @return kHashMismatch naming `what` and the
  /// blob, kTooLarge above `limit`, kTransport when it is absent
  [[nodiscard]] Result<Bytes> read(const manifest::BlobReference& blob, std::size_t limit,
                                   const std::string& what);
  /// A container to take frames from; each frame is checked by the installer.
  virtual Result<std::unique_ptr<payload::FrameSource>> open(
      const manifest::BlobReference& blob) = 0;
};

/// `<repository>/blobs/<sha256>` on a disk.
class DirectoryBlobs final : public BlobSource {
 public:
  DirectoryBlobs(Disk& disk, std::string repository)
      : disk_(disk), repository_(std::move(repository)) {}
  Result<std::unique_ptr<payload::FrameSource>> open(const manifest::BlobReference& blob) override;

 private:
  Disk& disk_;
  std::string repository_;
};

/// "blobs/3fa9c2d1e0b7": enough of the name to find the file.
[[nodiscard]] std::string blob_name(const manifest::BlobReference& blob);

}  // namespace pawl::updater
