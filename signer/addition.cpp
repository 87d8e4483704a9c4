#include "signer/addition.hpp"

#include "manifest/path.hpp"
#include "signer/release_rules.hpp"

namespace pawl::signer {
namespace {

manifest::TargetInfo target_of(const BuiltRelease& built) {
  manifest::TargetInfo out;
  out.path = manifest::release_path(built.release.product, built.release.version);
  out.length = built.manifest.size();
  out.hashes.sha256 = built.digest;
  out.custom = manifest::ReleaseSummary::of(built.release).to_json();
  return out;
}

Publication files_of(const BuiltRelease& built, const std::string& directory) {
  Publication out;
  for (const auto& blob : blobs_of(built.release)) {
    const auto path = blob_path(blob.sha256);
    out.copy(path, directory + "/" + path, blob.sha256, blob.size);
  }
  const auto target = manifest::release_path(built.release.product, built.release.version);
  out.add(manifest_path(target, built.digest), built.manifest);
  return out;
}

}  // namespace

Result<ReleaseAddition> plan_addition(Disk& disk, const Repository& repository,
                                      const BuiltRelease& built, const std::string& directory) {
  const auto& product = built.release.product;
  PAWL_TRY(const auto published, published_releases(disk, repository.directory, product));
  PAWL_CHECK(check_addition(built.release, built.digest, published, repository));
  ReleaseAddition out;
  out.role = manifest::release_role(product);
  out.targets = repository.roles.at(out.role);
  const auto target = target_of(built);
  const auto listed = out.targets.targets.find(target.path);
  out.changed = listed == out.targets.targets.end() || !(listed->second.hashes == target.hashes);
  out.targets.targets[target.path] = target;
  out.files = files_of(built, directory);
  return out;
}

}  // namespace pawl::signer
