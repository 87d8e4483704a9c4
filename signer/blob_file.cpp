#include "signer/blob_file.hpp"

#include "base/digest.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {
namespace {

std::string temporary_in(const std::string& root) {
  return root + "/blobs/container.tmp";
}

}  // namespace

Result<manifest::BlobReference> write_blob(Disk& disk, const std::string& root, ByteView bytes) {
  const manifest::BlobReference blob{sha256(bytes), bytes.size()};
  PAWL_CHECK(replace_file(disk, root + "/" + blob_path(blob.sha256), bytes));
  return blob;
}

Result<ContainerFile> ContainerFile::create(Disk& disk, const std::string& root) {
  PAWL_TRY(auto file, disk.open(temporary_in(root), OpenMode::kCreate));
  return ContainerFile(disk, root, std::move(file));
}

ContainerFile::ContainerFile(Disk& disk, std::string root, std::unique_ptr<File> file)
    : disk_(disk),
      root_(std::move(root)),
      file_(std::move(file)),
      sink_(std::make_unique<payload::FileSink>(*file_)) {}

Result<manifest::BlobReference> ContainerFile::keep(const payload::Built& built) {
  const manifest::BlobReference blob{built.container_sha256, built.index.container_size()};
  const auto path = root_ + "/" + blob_path(blob.sha256);
  PAWL_CHECK(file_->sync());
  PAWL_CHECK(disk_.rename(temporary_in(root_), path));
  PAWL_CHECK(disk_.sync_directory(parent_of(path)));
  return blob;
}

Status ContainerFile::discard() {
  return disk_.remove(temporary_in(root_));
}

}  // namespace pawl::signer
