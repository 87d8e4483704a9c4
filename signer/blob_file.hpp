#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/disk.hpp"
#include "manifest/release.hpp"
#include "payload/build.hpp"

namespace pawl::signer {

/// Writes `<root>/blobs/<sha256>`. The directory is there.
[[nodiscard]] Result<manifest::BlobReference> write_blob(Disk& disk, const std::string& root,
                                                         ByteView bytes);

/// A payload container being written into `<root>/blobs`, which gets its name once its digest is
/// known. One at a time per directory.
class ContainerFile {
 public:
  [[nodiscard]] static Result<ContainerFile> create(Disk& disk, const std::string& root);
  [[nodiscard]] payload::Sink& sink() { return *sink_; }
  /// Durable, under its name. @param built  what was written to the sink
  [[nodiscard]] Result<manifest::BlobReference> keep(const payload::Built& built);
  [[nodiscard]] Status discard();

 private:
  ContainerFile(Disk& disk, std::string root, std::unique_ptr<File> file);

  Disk& disk_;
  std::string root_;
  std::unique_ptr<File> file_;
  std::unique_ptr<payload::FileSink> sink_;
};

}  // namespace pawl::signer
