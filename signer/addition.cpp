#include "signer/addition.hpp"

#include "base/digest.hpp"
#include "manifest/path.hpp"
#include "manifest/release_proof.hpp"
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
    auto from = directory;
    from.append("/").append(path);
    out.copy(path, std::move(from), blob.sha256, blob.size);
  }
  const auto target = manifest::release_path(built.release.product, built.release.version);
  out.add(manifest_path(target, built.digest), built.manifest);
  return out;
}

/// A proof that devices would not accept is not published.
Status check_proof(const Bytes& proof, const BuiltRelease& built, const manifest::Policy& policy) {
  if (!policy.tlog) {
    return fail(Errc::kUsage, "policy.json of this repository names no log to prove anything for")
        .with_hint("root names it: repo init --tlog, ceremony new --tlog");
  }
  return manifest::verify_release_proof(as_text(proof), built.digest, *policy.tlog);
}

}  // namespace

Result<ReleaseAddition> plan_addition(Disk& disk, const Repository& repository,
                                      const BuiltRelease& built, const std::string& directory,
                                      const std::optional<Bytes>& proof) {
  if (proof) PAWL_CHECK(check_proof(*proof, built, repository.policy));
  const auto& product = built.release.product;
  PAWL_TRY(const auto published, published_releases(disk, repository.directory, product));
  PAWL_CHECK(check_addition(built.release, built.digest, published, repository));
  ReleaseAddition out;
  out.role = manifest::release_role(product);
  out.targets = repository.roles.at(out.role);
  auto target = target_of(built);
  if (proof) manifest::set_proof(target, {sha256(*proof), proof->size()});
  const auto listed = out.targets.targets.find(target.path);
  out.changed = listed == out.targets.targets.end() || !(listed->second.hashes == target.hashes);
  if (!out.changed && proof) {
    out.changed = json::write(listed->second.custom) != json::write(target.custom);
  }
  if (out.changed) out.targets.targets[target.path] = target;
  if (proof) out.files.add(blob_path(sha256(*proof)), *proof);
  out.files.append(files_of(built, directory));
  return out;
}

}  // namespace pawl::signer
