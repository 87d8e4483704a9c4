#include "signer/verify.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "base/version.hpp"
#include "manifest/directory_fetcher.hpp"
#include "manifest/path.hpp"
#include "manifest/release_proof.hpp"
#include "manifest/verify_release.hpp"
#include "signer/publication.hpp"
#include "signer/release_build.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {
namespace {

const manifest::RoleKey kTopTargets{"root", "targets"};

struct Run {
  Disk& disk;
  const VerifyInput& input;
  Progress& progress;
  manifest::Updater& client;
};

/// A device this release is made for, at the floor it would have.
manifest::DeviceFacts device_for(const manifest::Release& release, UtcTime now) {
  manifest::DeviceFacts out;
  out.product = release.product;
  out.vendor_id = release.vendor_id;
  out.class_id = release.class_id;
  out.hardware = release.hardware.front().revision;
  out.bootloader = release.hardware.front().min_boot;
  if (release.requirements.bootloader) {
    out.bootloader = std::max(out.bootloader, *release.requirements.bootloader);
  }
  out.updater = kVersion;
  out.now = now;
  if (release.geo && !release.geo->allow.empty()) out.location = release.geo->allow.front();
  return out;
}

manifest::Floors floors_for(const manifest::Release& release) {
  manifest::Floors out;
  out.security_version = release.min_security_version;
  if (release.requirements.from) out.release_counter = *release.requirements.from;
  return out;
}

Status check_blob(const Run& run, const manifest::BlobReference& blob) {
  const auto path = run.input.directory + "/" + blob_path(blob.sha256);
  PAWL_TRY(const auto file, run.disk.open(path, OpenMode::kRead));
  PAWL_TRY(const auto size, file->size());
  if (size != blob.size) {
    return fail(Errc::kHashMismatch, path + " has " + std::to_string(size) + " bytes, signed are " +
                                         std::to_string(blob.size));
  }
  if (run.input.blobs == BlobCheck::kNone) return Ok{};
  PAWL_TRY(const auto digest, hash_file(*file, size));
  if (digest != blob.sha256) {
    return fail(Errc::kHashMismatch, path + " is not what its name says");
  }
  return Ok{};
}

/// A proof that is published has to be good: nobody keeps a bad one without a reason.
Result<manifest::Logged> check_logged(const Run& run, const manifest::TargetInfo& target) {
  PAWL_TRY(const auto proof, manifest::proof_of(target));
  const auto& policy = run.client.trusted().policy().tlog;
  if (!proof || !policy || !target.hashes.sha256) return manifest::Logged::kNotProved;
  PAWL_CHECK(check_blob(run, *proof));
  PAWL_TRY(const auto bytes,
           read_file(run.disk, run.input.directory + "/" + blob_path(proof->sha256),
                     manifest::kMaxProofBytes));
  return manifest::judge_logged(manifest::LogMode::kRequire, bytes, *target.hashes.sha256, policy);
}

Result<manifest::Logged> check_release(const Run& run, const manifest::TargetInfo& target) {
  PAWL_TRY(const auto release, judge_as_device(run.client, target));
  const auto blobs = blobs_of(release);
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    run.progress.update("verify " + release.product + " " + release.version, i, blobs.size());
    PAWL_CHECK(check_blob(run, blobs[i]));
  }
  return check_logged(run, target);
}

/// "releases/gw3/1.0.0/manifest.json" -> "1.0.0".
std::string version_of(const std::string& path) {
  return path.substr(parent_of(parent_of(path)).size() + 1,
                     parent_of(path).size() - parent_of(parent_of(path)).size() - 1);
}

Status verify_product(const Run& run, const std::string& product, VerifyReport& out) {
  PAWL_TRY(const auto offers, run.client.releases(product));
  const auto role = manifest::release_role(product);
  if (const auto* targets = run.client.trusted().targets({"targets", role}); targets != nullptr) {
    out.roles.push_back({role, targets->header.version, targets->header.expires});
  }
  for (const auto& offer : offers) {
    ReleaseState state;
    state.product = product;
    state.version = version_of(offer.target.path);
    state.counter = offer.summary.release_counter;
    state.security_version = offer.summary.security_version;
    if (offer.target.hashes.sha256) state.digest = *offer.target.hashes.sha256;
    auto accepted = check_release(run, offer.target);
    if (accepted) state.logged = *accepted;
    if (!accepted) state.refused = std::move(accepted).error();
    out.releases.push_back(std::move(state));
  }
  return Ok{};
}

std::vector<std::string> products_of(const manifest::Targets& targets) {
  std::vector<std::string> out;
  if (!targets.delegations) return out;
  const auto prefix = manifest::release_role("");
  for (const auto& delegation : targets.delegations->roles) {
    if (delegation.name.starts_with(prefix)) out.push_back(delegation.name.substr(prefix.size()));
  }
  return out;
}

}  // namespace

Result<manifest::Release> judge_as_device(manifest::Updater& client,
                                          const manifest::TargetInfo& target) {
  PAWL_TRY(const auto bytes, client.fetch(target, manifest::kMaxReleaseBytes));
  PAWL_TRY(auto release, manifest::Release::parse(as_text(bytes)));
  const auto& trusted = client.trusted();
  PAWL_CHECK(manifest::verify_release(bytes, target, device_for(release, trusted.time()),
                                      floors_for(release), trusted.policy(), trusted.freshness()));
  return release;
}

Result<VerifyReport> verify_repository(Disk& disk, const VerifyInput& input, Progress& progress) {
  manifest::DirectoryFetcher fetcher(disk, input.directory);
  MemoryStore store;
  FixedClock clock(input.at);
  manifest::UpdaterOptions options;
  options.anchor = input.root;
  manifest::Updater client(fetcher, store, clock, std::move(options));
  PAWL_TRY(const auto refreshed, client.refresh());
  const auto& trusted = client.trusted();
  VerifyReport out;
  const auto& targets = *trusted.targets(kTopTargets);
  out.roles.push_back({"root", refreshed.root, trusted.root().header.expires});
  out.roles.push_back({"timestamp", refreshed.timestamp, trusted.timestamp()->header.expires});
  out.roles.push_back({"snapshot", refreshed.snapshot, trusted.snapshot()->header.expires});
  out.roles.push_back({"targets", refreshed.targets, targets.header.expires});
  const auto all = products_of(targets);
  for (const auto& product : input.products) {
    if (std::find(all.begin(), all.end(), product) != all.end()) continue;
    return fail(Errc::kNotForDevice,
                "this repository signs nothing for product " + printable(product));
  }
  const Run run{disk, input, progress, client};
  for (const auto& product : input.products.empty() ? all : input.products) {
    PAWL_CHECK(verify_product(run, product, out));
  }
  progress.finish();
  return out;
}

}  // namespace pawl::signer
