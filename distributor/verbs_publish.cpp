#include <set>

#include "distributor/admin_channel.hpp"
#include "distributor/admin_json.hpp"
#include "distributor/config.hpp"
#include "distributor/publication.hpp"
#include "distributor/verbs.hpp"

namespace pawl::distributor {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20U;

/// Where the pieces of a publication go.
class Target {
 public:
  virtual ~Target() = default;
  /// Paths that must be sent.
  virtual Result<std::set<std::string>> plan(const std::vector<RepositoryFile>& files) = 0;
  virtual Status append(const Sha256Digest& file, std::uint64_t offset, ByteView bytes) = 0;
  virtual Status finish() = 0;
};

/// The served directory on this machine; a running distributor sees the new timestamp.
class LocalTarget final : public Target {
 public:
  LocalTarget(Disk& disk, Clock& clock, std::string folder)
      : disk_(disk), clock_(clock), folder_(std::move(folder)) {}
  Result<std::set<std::string>> plan(const std::vector<RepositoryFile>& files) override {
    PAWL_TRY(auto begun, Publication::begin(disk_, clock_, folder_, files));
    std::set<std::string> out;
    for (const auto& file : begun.missing()) out.insert(file.path);
    publication_.emplace(std::move(begun));
    return out;
  }
  Status append(const Sha256Digest& file, std::uint64_t offset, ByteView bytes) override {
    return publication_->append(file, offset, bytes);
  }
  Status finish() override {
    PAWL_CHECK(publication_->finish());
    return Ok{};
  }

 private:
  Disk& disk_;
  Clock& clock_;
  std::string folder_;
  std::optional<Publication> publication_;
};

/// Another machine's distributor.
class RemoteTarget final : public Target {
 public:
  explicit RemoteTarget(AdminChannel& channel) : channel_(channel) {}
  Result<std::set<std::string>> plan(const std::vector<RepositoryFile>& files) override {
    json::Array list;
    for (const auto& file : files) list.emplace_back(file_json(file));
    json::Object body;
    body.set("files", std::move(list));
    PAWL_TRY(const auto answer, channel_.call("/admin/v1/publish/plan", body));
    PAWL_TRY(const auto missing, optional_texts(answer, "missing"));
    if (!missing) return fail(Errc::kMalformed, "the answer names no files");
    return std::set<std::string>(missing->begin(), missing->end());
  }
  Status append(const Sha256Digest& file, std::uint64_t offset, ByteView bytes) override {
    const auto target = "/admin/v1/publish/chunk/" + to_hex(file) + "/" + std::to_string(offset);
    PAWL_CHECK(channel_.post(target, std::string(as_text(bytes))));
    return Ok{};
  }
  Status finish() override {
    PAWL_CHECK(channel_.call("/admin/v1/publish/finish", {}));
    return Ok{};
  }

 private:
  AdminChannel& channel_;
};

Status send_file(Disk& disk, const std::string& path, const RepositoryFile& file, Target& target) {
  PAWL_TRY(const auto open, disk.open(path, OpenMode::kRead));
  Bytes block(kChunk);
  std::uint64_t at = 0;
  do {
    const auto wanted = std::min<std::uint64_t>(block.size(), file.size - at);
    PAWL_TRY(const auto got, open->read_at(std::span(block).first(wanted), at));
    if (got != wanted) return fail(Errc::kIo, file.path + " became shorter");
    PAWL_CHECK(target.append(file.sha256, at, ByteView(block).first(got)));
    at += got;
  } while (at < file.size);
  return Ok{};
}

// `files` lie in the order that is safe to send: blobs, manifests, metadata.
Status publish_to(Disk& disk, const std::string& folder, Target& target, cli::Io& io) {
  PAWL_TRY(const auto files, list_repository(disk, folder));
  PAWL_TRY(const auto missing, target.plan(files));
  std::uint64_t bytes = 0;
  for (const auto& file : files) {
    if (!missing.contains(file.path)) continue;
    PAWL_CHECK(send_file(disk, folder + "/" + file.path, file, target));
    bytes += file.size;
  }
  PAWL_CHECK(target.finish());
  json::Object out;
  out.set("changed", !missing.empty());
  out.set("files", static_cast<std::int64_t>(missing.size()));
  out.set("bytes", static_cast<std::int64_t>(bytes));
  io.result(std::move(out), missing.empty() ? "already published"
                                            : "published " + std::to_string(missing.size()) +
                                                  " files, " + std::to_string(bytes) + " bytes");
  return Ok{};
}

}  // namespace

Status run_publish(const cli::Args& args, cli::Io& io) {
  PosixDisk disk;
  SystemClock clock;
  const auto& folder = args.value("DIR");
  if (args.get("--to")) {
    PAWL_TRY(const auto channel, open_channel(args, disk, clock));
    RemoteTarget target(*channel);
    return publish_to(disk, folder, target, io);
  }
  PAWL_TRY(const auto config, load_config(args, disk));
  LocalTarget target(disk, clock, config.repository);
  return publish_to(disk, folder, target, io);
}

}  // namespace pawl::distributor
