#include "distributor/publication.hpp"

#include <algorithm>

#include "manifest/directory_fetcher.hpp"

namespace pawl::distributor {
namespace {

constexpr std::string_view kTimestamp = "metadata/timestamp.json";
constexpr std::size_t kMaxTimestamp = std::size_t{64} * 1024;
constexpr std::size_t kBlock = std::size_t{1} << 20U;
constexpr unsigned kMaxDepth = 4;  // targets/releases/PRODUCT/VERSION/FILE

Result<Sha256Digest> hash_of(File& file, std::uint64_t size) {
  Sha256 hash;
  Bytes block(kBlock);
  for (std::uint64_t at = 0; at < size;) {
    PAWL_TRY(const auto got, file.read_at(block, at));
    if (got == 0) return fail(Errc::kIo, "file became shorter");
    hash.update(ByteView(block).first(got));
    at += got;
  }
  return hash.finish();
}

Result<RepositoryFile> described(Disk& disk, const std::string& folder, const std::string& path) {
  PAWL_TRY(const auto file, disk.open(folder + "/" + path, OpenMode::kRead));
  PAWL_TRY(const auto size, file->size());
  PAWL_TRY(const auto digest, hash_of(*file, size));
  return RepositoryFile{path, size, digest};
}

// Names of 11.1.1 only: the signer's lock and temporary files stay where they are.
Status walk(Disk& disk, const std::string& folder, const std::string& path, unsigned depth,
            std::vector<RepositoryFile>& out) {
  PAWL_TRY(const auto names, disk.list(folder + "/" + path));
  for (const auto& name : names) {
    auto below = path;
    below.append("/").append(name);
    if (route_of_path(below)) {
      PAWL_TRY(auto file, described(disk, folder, below));
      out.push_back(std::move(file));
    } else if (path.starts_with("targets") && depth < kMaxDepth && name.front() != '.' &&
               !name.ends_with(".json")) {
      PAWL_CHECK(walk(disk, folder, below, depth + 1, out));
    }
    if (out.size() > kMaxPublishedFiles) return fail(Errc::kTooLarge, "more than 8192 files");
  }
  return Ok{};
}

/// Reads metadata that may have expired since.
class BeforeExpiry final : public Clock {
 public:
  UtcTime now() override { return {}; }
  std::chrono::steady_clock::time_point steady() override { return {}; }
};

/// The repository as it will be: the new timestamp, everything else as it lies there.
class Upcoming final : public manifest::Fetcher {
 public:
  Upcoming(manifest::Fetcher& present, Bytes timestamp)
      : present_(present), timestamp_(std::move(timestamp)) {}
  Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) override {
    if (file == "timestamp.json") return std::optional(timestamp_);
    return present_.metadata(file, limit);
  }
  Result<std::optional<Bytes>> target(const std::string& path, std::size_t limit) override {
    return present_.target(path, limit);
  }

 private:
  manifest::Fetcher& present_;
  Bytes timestamp_;
};

}  // namespace

Result<Route> route_of_path(std::string_view path) {
  constexpr std::string_view kBlobs = "blobs/";
  if (path.starts_with(kBlobs)) return parse_route("/v1/blob/" + std::string(path.substr(6)));
  if (path.starts_with("metadata/") || path.starts_with("targets/")) {
    return parse_route("/v1/" + std::string(path));
  }
  return fail(Errc::kMalformed, "no file of a repository: " + printable(path));
}

Result<std::vector<RepositoryFile>> list_repository(Disk& disk, const std::string& folder) {
  std::vector<RepositoryFile> out;
  for (const auto* part : {"blobs", "targets", "metadata"}) {
    PAWL_TRY(const bool there, disk.exists(folder + "/" + part));
    if (there) PAWL_CHECK(walk(disk, folder, part, 0, out));
  }
  return out;
}

Result<Publication> Publication::begin(Disk& disk, Clock& clock, std::string folder,
                                       std::vector<RepositoryFile> files) {
  if (files.size() > kMaxPublishedFiles) return fail(Errc::kTooLarge, "more than 8192 files");
  const auto is_timestamp = [](const auto& file) { return file.path == kTimestamp; };
  if (std::none_of(files.begin(), files.end(), is_timestamp)) {
    return fail(Errc::kUsage, "no metadata/timestamp.json: not a published repository");
  }
  PAWL_CHECK(make_directories(disk, folder + "/.incoming"));
  PAWL_TRY(auto lock, disk.lock(folder + "/.incoming/lock"));
  Publication out(disk, clock, std::move(folder), std::move(lock));
  PAWL_CHECK(out.find_missing(files));
  return out;
}

Status Publication::find_missing(const std::vector<RepositoryFile>& files) {
  for (const auto& file : files) {
    PAWL_CHECK(route_of_path(file.path));
    if (file.size > kMaxPublishedSize) return fail(Errc::kTooLarge, file.path + " over 1 TiB");
    PAWL_TRY(const bool there, is_there(file));
    if (!there) missing_.push_back(file);
  }
  return Ok{};
}

Result<bool> Publication::is_there(const RepositoryFile& file) {
  const auto path = folder_ + "/" + file.path;
  PAWL_TRY(const bool there, disk_->exists(path));
  if (!there) return false;
  PAWL_TRY(const auto open, disk_->open(path, OpenMode::kRead));
  PAWL_TRY(const auto size, open->size());
  if (size == file.size) {
    PAWL_TRY(const auto digest, hash_of(*open, size));
    if (digest == file.sha256) return true;
  }
  const bool may_change = file.path == kTimestamp || file.path.starts_with("blobs/");
  if (may_change) return false;  // a blob with another digest is damaged: it is sent again
  return fail(Errc::kHashMismatch, file.path + " was published with other content");
}

std::string Publication::incoming_path(const Sha256Digest& file) const {
  return folder_ + "/.incoming/" + to_hex(file);
}

Status Publication::start(const Sha256Digest& digest) {
  const auto wanted = std::find_if(missing_.begin(), missing_.end(),
                                   [&](const auto& file) { return file.sha256 == digest; });
  if (wanted == missing_.end()) return fail(Errc::kUsage, "this file is not missing");
  PAWL_TRY(auto open, disk_->open(incoming_path(digest), OpenMode::kCreatePublic));
  incoming_.emplace(Incoming{*wanted, std::move(open), 0, Sha256()});
  return Ok{};
}

Status Publication::append(const Sha256Digest& file, std::uint64_t offset, ByteView bytes) {
  if (offset == 0) PAWL_CHECK(start(file));
  if (!incoming_ || incoming_->file.sha256 != file || incoming_->size != offset) {
    return fail(Errc::kUsage, "not the next bytes of this file");
  }
  if (bytes.size() > incoming_->file.size - offset) {
    return fail(Errc::kTooLarge, "more bytes than the file was said to have");
  }
  PAWL_CHECK(incoming_->open->write_at(bytes, offset));
  incoming_->hash.update(bytes);
  incoming_->size += bytes.size();
  return incoming_->size == incoming_->file.size ? complete() : Status(Ok{});
}

Status Publication::complete() {
  auto done = *std::exchange(incoming_, std::nullopt);
  if (done.hash.finish() != done.file.sha256) {
    return fail(Errc::kHashMismatch, done.file.path + " is not what its digest says");
  }
  PAWL_CHECK(done.open->sync());
  if (done.file.path == kTimestamp) {
    timestamp_ = done.file.sha256;
  } else {
    const auto target = folder_ + "/" + done.file.path;
    PAWL_CHECK(make_directories(*disk_, parent_of(target), Visibility::kPublic));
    PAWL_CHECK(disk_->rename(incoming_path(done.file.sha256), target));
    PAWL_CHECK(disk_->sync_directory(parent_of(target)));
  }
  std::erase_if(missing_, [&](const auto& file) { return file.path == done.file.path; });
  return Ok{};
}

Result<Catalog> Publication::finish() {
  if (!missing_.empty()) {
    return fail(Errc::kIncomplete, std::to_string(missing_.size()) + " files are missing, first " +
                                       printable(missing_.front().path));
  }
  manifest::DirectoryFetcher present(*disk_, folder_);
  if (!timestamp_) return read_catalog(present, *clock_);
  const auto path = incoming_path(*timestamp_);
  PAWL_TRY(auto bytes, read_file(*disk_, path, kMaxTimestamp));
  PAWL_TRY(const auto before, meta_of(present));
  Upcoming upcoming(present, std::move(bytes));
  PAWL_TRY(auto after, read_catalog(upcoming, *clock_));
  if (!before.empty()) {
    BeforeExpiry early;
    const auto current = read_catalog(present, early);
    if (current && after.timestamp < current->timestamp) {
      return fail(Errc::kRollback, "timestamp version " + std::to_string(after.timestamp.get()) +
                                       " is below " + std::to_string(current->timestamp.get()) +
                                       ", which is published");
    }
  }
  PAWL_CHECK(disk_->rename(path, folder_ + "/" + std::string(kTimestamp)));
  PAWL_CHECK(disk_->sync_directory(folder_ + "/metadata"));
  timestamp_.reset();
  return after;
}

}  // namespace pawl::distributor
