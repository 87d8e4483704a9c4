#include "signer/bundle.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/bundle_file.hpp"
#include "manifest/path.hpp"
#include "manifest/release_proof.hpp"
#include "manifest/updater.hpp"
#include "signer/publication.hpp"
#include "signer/verify.hpp"

namespace pawl::signer {
namespace {

using manifest::BundlePart;
const manifest::Limits kLimits = manifest::limits_of(manifest::Profile::kStrict);

std::string below(const std::string& folder, const std::string& path) {
  return path.substr(folder.size() + 1);
}

/// One of the repository's files, by its path there.
Status add_file(Disk& disk, const Repository& repository, const std::string& path,
                BundlePlan& out) {
  PAWL_TRY(auto bytes, read_file(disk, repository.directory + "/" + path, kLimits.targets));
  const bool metadata = path.starts_with("metadata/");
  out.parts.push_back({metadata ? BundlePart::kMetadata : BundlePart::kTarget,
                       below(metadata ? "metadata" : "targets", path),
                       std::move(bytes),
                       {}});
  return Ok{};
}

Status add_metadata(Disk& disk, const Repository& repository, const std::string& role,
                    BundlePlan& out) {
  const auto add = [&](const std::string& path) { return add_file(disk, repository, path, out); };
  for (std::uint64_t v = 1; v <= repository.root.header.version.get(); ++v) {
    PAWL_CHECK(add(metadata_path("root", MetadataVersion(v))));
  }
  if (repository.root.policy) PAWL_CHECK(add(policy_path(repository.root.policy->sha256)));
  PAWL_CHECK(add("metadata/timestamp.json"));
  PAWL_CHECK(add(metadata_path("snapshot", repository.snapshot.header.version)));
  PAWL_CHECK(add(metadata_path("targets", repository.targets.header.version)));
  return add(metadata_path(role, repository.roles.at(role).header.version));
}

Result<manifest::TargetInfo> choose(const manifest::Targets& role, const std::string& product,
                                    const std::string& version) {
  const manifest::TargetInfo* best = nullptr;
  ReleaseCounter highest(0);
  for (const auto& [path, info] : role.targets) {
    PAWL_TRY(const auto summary, manifest::ReleaseSummary::parse(info.custom));
    if (!version.empty() && path != manifest::release_path(product, version)) continue;
    if (best != nullptr && summary.release_counter < highest) continue;
    best = &info;
    highest = summary.release_counter;
  }
  if (best != nullptr) return *best;
  return fail(Errc::kNotForDevice, version.empty()
                                       ? "no release of " + product + " is published"
                                       : product + " " + printable(version) + " is not published")
      .with_hint("pawl-signer verify lists what is");
}

/// A device needs root, targets and the product's role alive; timestamp and snapshot too, unless
/// the release says how long it may be used offline.
UtcTime usable_until(const Repository& repository, const manifest::Targets& role,
                     const manifest::Release& release) {
  auto fresh = std::min(repository.timestamp.header.expires, repository.snapshot.header.expires);
  if (release.offline && release.offline->use == manifest::OfflineUse::kAllowed) {
    fresh = std::max(fresh, *release.offline->valid_until);
  }
  return std::min({fresh, repository.root.header.expires, repository.targets.header.expires,
                   role.header.expires});
}

void add_blob(BundlePlan& out, const manifest::BlobReference& blob) {
  const auto name = to_hex(blob.sha256);
  const auto same = [&](const auto& part) { return part.name == name; };
  if (std::any_of(out.parts.begin(), out.parts.end(), same)) return;
  out.parts.push_back({BundlePart::kBlob, name, {}, blob});
}

void add_blobs(BundlePlan& out) {
  for (const auto& component : out.release.components) {
    for (const auto& payload : component.payloads) {
      add_blob(out, payload.index);
      add_blob(out, payload.container);
    }
  }
}

Result<manifest::BundleTable> table_of(const BundlePlan& plan) {
  std::vector<manifest::BundleEntry> entries;
  for (const auto& part : plan.parts) {
    const auto size = part.part == BundlePart::kBlob ? part.blob.size : part.bytes.size();
    entries.push_back({part.part, part.name, size, 0});
  }
  return manifest::BundleTable::build(std::move(entries));
}

/// Appends to the bundle and keeps its digest.
class Output {
 public:
  explicit Output(File& file) : file_(file) {}
  Status append(ByteView bytes) {
    PAWL_CHECK(file_.write_at(bytes, size_));
    size_ += bytes.size();
    hash_.update(bytes);
    return Ok{};
  }
  WrittenBundle finish(std::size_t files) { return {size_, files, hash_.finish()}; }

 private:
  File& file_;
  std::uint64_t size_ = 0;
  Sha256 hash_;
};

Status append_blob(Disk& disk, const std::string& path, const manifest::BlobReference& blob,
                   Output& out, Progress& progress) {
  PAWL_TRY(const auto file, disk.open(path, OpenMode::kRead));
  PAWL_TRY(const auto size, file->size());
  Sha256 hash;
  if (size == blob.size) {
    PAWL_CHECK(for_each_chunk(*file, size, [&](ByteView chunk, std::uint64_t at) {
      hash.update(chunk);
      progress.update("bundle", at, size);
      return out.append(chunk);
    }));
  }
  if (size == blob.size && hash.finish() == blob.sha256) return Ok{};
  return fail(Errc::kHashMismatch, path + " is not what its name says")
      .with_hint("fetch or build that release again; the bundle was not written");
}

Result<WrittenBundle> write_parts(Disk& disk, const Repository& repository, const BundlePlan& plan,
                                  const std::string& path, Progress& progress) {
  PAWL_TRY(const auto table, table_of(plan));
  PAWL_TRY(const auto file, disk.open(path, OpenMode::kCreate));
  Output out(*file);
  PAWL_CHECK(out.append(table.serialise()));
  for (const auto& part : plan.parts) {
    if (part.part != BundlePart::kBlob) {
      PAWL_CHECK(out.append(part.bytes));
      continue;
    }
    const auto source = repository.directory + "/" + blob_path(part.blob.sha256);
    PAWL_CHECK(append_blob(disk, source, part.blob, out, progress));
  }
  PAWL_CHECK(file->sync());
  progress.finish();
  return out.finish(plan.parts.size());
}

/// The device's own client over the finished file.
Status check_bundle(Disk& disk, const Repository& repository, const BundlePlan& plan,
                    const std::string& path, UtcTime now) {
  PAWL_TRY(auto bundle, manifest::BundleFile::open(disk, path));
  MemoryStore store;
  FixedClock clock(now);
  manifest::UpdaterOptions options;
  options.anchor = repository.first_root;
  options.limits.root_rotations = kMaxRoots;
  options.delivery = manifest::Delivery::kBundle;
  manifest::Updater client(bundle, store, clock, std::move(options));
  PAWL_CHECK(client.refresh());
  const auto target = manifest::release_path(plan.release.product, plan.release.version);
  PAWL_TRY(const auto info, client.find(target));
  if (!info) return fail(Errc::kInternal, "the bundle does not list " + target);
  PAWL_CHECK(judge_as_device(client, *info));
  return Ok{};
}

}  // namespace

Result<BundlePlan> plan_bundle(Disk& disk, const Repository& repository, const std::string& product,
                               const std::string& version) {
  const auto role = manifest::release_role(product);
  const auto listed = repository.roles.find(role);
  if (listed == repository.roles.end()) {
    return fail(Errc::kNotForDevice, "this repository has no product " + printable(product));
  }
  BundlePlan out;
  PAWL_TRY(const auto target, choose(listed->second, product, version));
  PAWL_ASSERT(target.hashes.sha256);
  out.manifest = *target.hashes.sha256;
  PAWL_CHECK(add_metadata(disk, repository, role, out));
  PAWL_CHECK(add_file(disk, repository, manifest_path(target.path, out.manifest), out));
  const auto& manifest = out.parts.back().bytes;
  PAWL_CHECK(target.hashes.check(manifest, "release manifest"));
  PAWL_TRY(out.release, manifest::Release::parse(as_text(manifest)));
  out.usable_until = usable_until(repository, listed->second, out.release);
  PAWL_TRY(const auto proof, manifest::proof_of(target));
  if (proof) out.parts.push_back({BundlePart::kBlob, to_hex(proof->sha256), {}, *proof});
  add_blobs(out);
  return out;
}

Result<WrittenBundle> write_bundle(Disk& disk, const Repository& repository, const BundlePlan& plan,
                                   const std::string& out, UtcTime now, Progress& progress) {
  const auto temporary = out + ".tmp";
  auto written = write_parts(disk, repository, plan, temporary, progress);
  auto checked = written ? check_bundle(disk, repository, plan, temporary, now) : Status(Ok{});
  if (!written || !checked) {
    PAWL_CHECK(disk.remove(temporary));
    return written ? std::move(checked).error() : std::move(written).error();
  }
  PAWL_CHECK(disk.rename(temporary, out));
  PAWL_CHECK(disk.sync_directory(parent_of(out)));
  return written;
}

}  // namespace pawl::signer
