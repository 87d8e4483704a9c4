#include "signer/publication.hpp"

#include <algorithm>

namespace pawl::signer {
namespace {

constexpr std::size_t kChunk = std::size_t{1024} * 1024;

/// True when the file at `path` has this digest.
Result<bool> is_there(Disk& disk, const std::string& path, const Sha256Digest& digest,
                      std::uint64_t size) {
  PAWL_TRY(const bool exists, disk.exists(path));
  if (!exists) return false;
  PAWL_TRY(const auto file, disk.open(path, OpenMode::kRead));
  PAWL_TRY(const auto found, file->size());
  if (found != size) return false;
  PAWL_TRY(const auto actual, hash_file(*file, size));
  return actual == digest;
}

struct CopyJob {
  const std::string& source;
  const std::string& target;
  const Sha256Digest& digest;
  std::uint64_t size;
};

Status copy_file(Disk& disk, const CopyJob& job, Progress& progress) {
  const auto temporary = job.target + ".tmp";
  PAWL_TRY(const auto from, disk.open(job.source, OpenMode::kRead));
  {
    PAWL_TRY(const auto to, disk.open(temporary, OpenMode::kCreatePublic));
    Sha256 hash;
    const auto write = [&](ByteView chunk, std::uint64_t at) {
      hash.update(chunk);
      progress.update("publish", at, job.size);
      return to->write_at(chunk, at);
    };
    PAWL_CHECK(for_each_chunk(*from, job.size, write));
    if (hash.finish() != job.digest) {
      return fail(Errc::kHashMismatch, job.source + " is not what its name says")
          .with_hint("build the release again; nothing has been published");
    }
    PAWL_CHECK(to->sync());
  }
  PAWL_CHECK(disk.rename(temporary, job.target));
  return disk.sync_directory(parent_of(job.target));
}

}  // namespace

Status for_each_chunk(File& file, std::uint64_t size, const ChunkUse& use) {
  Bytes buffer(kChunk);
  for (std::uint64_t at = 0; at < size;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, size - at));
    const std::span chunk(buffer.data(), want);
    PAWL_TRY(const auto got, file.read_at(chunk, at));
    if (got != want) return fail(Errc::kIo, "file ends early, it has changed while it was read");
    PAWL_CHECK(use(ByteView(chunk), at));
    at += want;
  }
  return Ok{};
}

Result<Sha256Digest> hash_file(File& file, std::uint64_t size) {
  Sha256 hash;
  PAWL_CHECK(for_each_chunk(file, size, [&](ByteView chunk, std::uint64_t) -> Status {
    hash.update(chunk);
    return Ok{};
  }));
  return hash.finish();
}

void Publication::add(std::string path, Bytes bytes) {
  items_.push_back({std::move(path), std::move(bytes), "", {}, 0});
}

void Publication::copy(std::string path, std::string source, const Sha256Digest& digest,
                       std::uint64_t size) {
  items_.push_back({std::move(path), {}, std::move(source), digest, size});
}

void Publication::finish_with(std::string path, Bytes bytes) {
  last_ = Item{std::move(path), std::move(bytes), "", {}, 0};
}

void Publication::append(const Publication& other) {
  PAWL_ASSERT(!other.last_ || !last_);
  items_.insert(items_.end(), other.items_.begin(), other.items_.end());
  if (other.last_) last_ = other.last_;
}

Status Publication::write(Disk& disk, const std::string& target, const Item& item,
                          Progress& progress) {
  PAWL_CHECK(make_directories(disk, parent_of(target), Visibility::kPublic));
  if (item.source.empty()) return replace_file(disk, target, item.bytes, Visibility::kPublic);
  PAWL_TRY(const bool there, is_there(disk, target, item.digest, item.size));
  if (there) return Ok{};
  return copy_file(disk, {item.source, target, item.digest, item.size}, progress);
}

Status Publication::publish(Disk& disk, const std::string& directory, Progress& progress) const {
  for (const auto& item : items_) {
    PAWL_CHECK(write(disk, directory + "/" + item.path, item, progress));
  }
  if (last_) PAWL_CHECK(write(disk, directory + "/" + last_->path, *last_, progress));
  progress.finish();
  return Ok{};
}

std::vector<std::string> Publication::paths() const {
  std::vector<std::string> out;
  for (const auto& item : items_) out.push_back(item.path);
  if (last_) out.push_back(last_->path);
  return out;
}

}  // namespace pawl::signer
