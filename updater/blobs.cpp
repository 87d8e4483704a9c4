#include "updater/blobs.hpp"

#include <cerrno>

#include "base/digest.hpp"

namespace pawl::updater {
namespace {

/// A container in a file that is kept open as long as its frames are wanted.
class FileBlob final : public payload::FrameSource {
 public:
  explicit FileBlob(std::unique_ptr<File> file) : file_(std::move(file)), frames_(*file_) {}
  Status fetch(std::span<std::uint8_t> out, std::uint64_t offset) override {
    return frames_.fetch(out, offset);
  }

 private:
  std::unique_ptr<File> file_;
  payload::FileFrames frames_;
};

}  // namespace

std::string blob_name(const manifest::BlobReference& blob) {
  constexpr std::size_t kShown = 12;
  return "blobs/" + to_hex(blob.sha256).substr(0, kShown);
}

Result<Bytes> BlobSource::read(const manifest::BlobReference& blob, std::size_t limit,
                               const std::string& what) {
  const auto name = what + " (" + blob_name(blob) + ")";
  if (blob.size > limit) {
    return fail(Errc::kTooLarge, name + " has " + std::to_string(blob.size) +
                                     " bytes, the limit is " + std::to_string(limit));
  }
  PAWL_TRY(const auto source, open(blob));
  Bytes out(static_cast<std::size_t>(blob.size));
  if (auto fetched = source->fetch(out, 0); !fetched) {
    auto error = std::move(fetched).error();
    error.prefix(name);
    return error;
  }
  if (sha256(out) != blob.sha256) {
    return fail(Errc::kHashMismatch, name + " is not the file that was signed")
        .with_hint("the repository or the way from it is damaged; fetch it again");
  }
  return out;
}

Result<std::unique_ptr<payload::FrameSource>> DirectoryBlobs::open(
    const manifest::BlobReference& blob) {
  const auto path = repository_ + "/blobs/" + to_hex(blob.sha256);
  auto file = disk_.open(path, OpenMode::kRead);
  if (!file && file.error().raw() == ENOENT) {
    return fail(Errc::kTransport, "the repository has no file " + blob_name(blob), ENOENT)
        .with_hint("the repository is incomplete: publish it again");
  }
  PAWL_TRY(auto opened, std::move(file));
  PAWL_TRY(const auto size, opened->size());
  if (size != blob.size) {
    return fail(Errc::kHashMismatch, blob_name(blob) + " has " + std::to_string(size) +
                                         " bytes, signed are " + std::to_string(blob.size));
  }
  return std::unique_ptr<payload::FrameSource>(std::make_unique<FileBlob>(std::move(opened)));
}

}  // namespace pawl::updater
