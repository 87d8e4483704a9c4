#include <algorithm>

#include "base/bytes.hpp"
#include "base/digest.hpp"
#include "manifest/path.hpp"
#include "signer/release_build.hpp"
#include "signer/release_rules.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

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

/// The files a release brings along: blobs first, then the manifest that names them.
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

json::Object result_of(const BuiltRelease& built) {
  json::Object out;
  out.set("product", built.release.product);
  out.set("version", built.release.version);
  out.set("release_counter", static_cast<std::int64_t>(built.release.release_counter.get()));
  out.set("manifest_sha256", to_hex(built.digest));
  return out;
}

}  // namespace

Status run_release_add(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  const auto directory = args.value("DIR");
  PAWL_TRY(const auto built, load_release(bench->disk(), directory));
  PAWL_TRY(auto locked, bench->lock_and_load());
  auto& repository = locked.repository;
  const auto& product = built.release.product;
  PAWL_TRY(const auto published, published_releases(bench->disk(), repository.directory, product));
  PAWL_CHECK(check_addition(built.release, built.digest, published, repository));
  const auto role = manifest::release_role(product);
  auto targets = repository.roles[role];
  const auto target = target_of(built);
  const auto name = product + " " + built.release.version;
  auto result = result_of(built);
  if (const auto at = targets.targets.find(target.path);
      at != targets.targets.end() && at->second.hashes == target.hashes) {
    result.set("changed", false);
    io.result(std::move(result), name + " is published already; nothing to do\n");
    return Ok{};
  }
  targets.targets[target.path] = target;
  Revision revision(std::move(repository), bench->config().expiry, bench->clock().now());
  revision.set_role(role, std::move(targets));
  return sign_and_publish(*bench, revision, files_of(built, directory), std::move(result),
                          "published " + name + ", release counter " +
                              std::to_string(built.release.release_counter.get()) + "\n",
                          io);
}

Status run_release_withdraw(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  PAWL_TRY(auto locked, bench->lock_and_load());
  const auto& product = args.value("--product");
  const auto& version = args.value("--version");
  const auto role = manifest::release_role(product);
  if (locked.repository.delegation(role) == nullptr) {
    return fail(Errc::kNotForDevice,
                "this repository signs nothing for product " + printable(product));
  }
  auto targets = locked.repository.roles[role];
  if (targets.targets.erase(manifest::release_path(product, version)) == 0) {
    return fail(Errc::kUsage, product + " " + printable(version) + " is not published")
        .with_hint("pawl-signer verify lists what is");
  }
  json::Object result;
  result.set("product", product);
  result.set("version", version);
  Revision revision(std::move(locked.repository), bench->config().expiry, bench->clock().now());
  revision.set_role(role, std::move(targets));
  return sign_and_publish(
      *bench, revision, {}, std::move(result),
      "withdrew " + product + " " + version +
          "; devices that have it keep it, its counter and version are never used again\n",
      io);
}

}  // namespace pawl::signer
