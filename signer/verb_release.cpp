#include "base/bytes.hpp"
#include "manifest/path.hpp"
#include "manifest/release_proof.hpp"
#include "signer/addition.hpp"
#include "signer/pruning.hpp"
#include "signer/verbs.hpp"
#include "signer/workbench.hpp"

namespace pawl::signer {
namespace {

json::Object result_of(const BuiltRelease& built) {
  json::Object out;
  out.set("product", built.release.product);
  out.set("version", built.release.version);
  out.set("release_counter", static_cast<std::int64_t>(built.release.release_counter.get()));
  out.set("manifest_sha256", to_hex(built.digest));
  return out;
}

Error no_such_product(const std::string& product) {
  return fail(Errc::kNotForDevice,
              "this repository signs nothing for product " + printable(product));
}

}  // namespace

Status run_release_add(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  const auto& directory = args.value("DIR");
  PAWL_TRY(const auto built, load_release(bench->disk(), directory));
  PAWL_TRY(auto locked, bench->lock_and_load());
  PAWL_TRY(const auto proof, proof_option(args, bench->disk()));
  PAWL_TRY(auto addition, plan_addition(bench->disk(), locked.repository, built, directory, proof));
  note_unproved(locked.repository, proof, io);
  const auto name = built.release.product + " " + built.release.version;
  auto result = result_of(built);
  if (!addition.changed) {
    result.set("changed", false);
    io.result(std::move(result), name + " is published already; nothing to do\n");
    return Ok{};
  }
  Revision revision(std::move(locked.repository), bench->config().expiry, bench->clock().now());
  revision.set_role(addition.role, std::move(addition.targets));
  return sign_and_publish(*bench, revision, std::move(addition.files), std::move(result),
                          "published " + name + ", release counter " +
                              std::to_string(built.release.release_counter.get()) + "\n",
                          io);
}

Status run_release_prune(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  PAWL_TRY(const auto keep, args.number("--keep", 1, 64));
  PAWL_TRY(auto locked, bench->lock_and_load());
  const auto& product = args.value("--product");
  const auto role = manifest::release_role(product);
  const auto found = locked.repository.roles.find(role);
  if (found == locked.repository.roles.end()) return no_such_product(product);
  auto targets = found->second;
  PAWL_TRY(const auto pruned, prune_releases(targets, static_cast<std::size_t>(*keep)));
  json::Array versions;
  std::string text;
  for (const auto& version : pruned) {
    versions.emplace_back(version);
    text += " " + version;
  }
  json::Object result;
  result.set("product", product);
  result.set("pruned", std::move(versions));
  if (pruned.empty() || args.flag("--dry-run")) {
    result.set("changed", false);
    io.result(std::move(result),
              pruned.empty() ? "nothing to prune\n" : "would take out" + text + "\n");
    return Ok{};
  }
  Revision revision(std::move(locked.repository), bench->config().expiry, bench->clock().now());
  revision.set_role(role, std::move(targets));
  return sign_and_publish(*bench, revision, {}, std::move(result),
                          "took out of " + product + ":" + text + "\n", io);
}

Status run_release_withdraw(const cli::Args& args, cli::Io& io) {
  PAWL_TRY(auto bench, Workbench::open(args, io));
  PAWL_CHECK(apply_expires(args.all("--expires"), bench->config().expiry));
  PAWL_TRY(auto locked, bench->lock_and_load());
  const auto& product = args.value("--product");
  const auto& version = args.value("--version");
  const auto role = manifest::release_role(product);
  if (locked.repository.delegation(role) == nullptr) {
    return no_such_product(product);
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
