#include "signer/ceremony_publish.hpp"

#include <algorithm>
#include <map>

#include "base/digest.hpp"
#include "manifest/path.hpp"
#include "manifest/release_proof.hpp"
#include "signer/addition.hpp"

namespace pawl::signer {
namespace {

using RolesKeys = std::map<std::string, manifest::RoleKeys>;

/// Who signs the roles right below, once the ceremony is published.
RolesKeys keys_below(const Ceremony& ceremony, const CeremonyView& view) {
  RolesKeys out;
  if (ceremony.role == "root") {
    out["targets"] = manifest::select_keys(view.root.keys, view.root.targets);
    out["snapshot"] = manifest::select_keys(view.root.keys, view.root.snapshot);
    out["timestamp"] = manifest::select_keys(view.root.keys, view.root.timestamp);
  }
  if (ceremony.role != "targets" || !view.targets.delegations) return out;
  for (const auto& delegation : view.targets.delegations->roles) {
    out[delegation.name] = manifest::select_keys(view.targets.delegations->keys, delegation.role);
  }
  return out;
}

MetadataVersion version_in_force(const Repository& published, const std::string& role) {
  if (role == "targets") return published.targets.header.version;
  if (role == "snapshot") return published.snapshot.header.version;
  if (role == "timestamp") return published.timestamp.header.version;
  return published.roles.at(role).header.version;
}

Result<bool> still_verifies(Disk& disk, const Repository& published, const std::string& role,
                            const manifest::RoleKeys& keys) {
  const auto path =
      published.directory + "/" + metadata_path(role, version_in_force(published, role));
  PAWL_TRY(const auto file, read_file(disk, path, Ceremony::kMaxBytes));
  PAWL_TRY(const auto envelope, manifest::UnverifiedEnvelope::split(file, Ceremony::kMaxBytes,
                                                                    manifest::Profile::kStrict));
  return bool(envelope.verify(keys));
}

/// The proof at hand is the one the signed role names, or there is neither.
Status check_signed_proof(const manifest::TargetInfo& target, const std::optional<Bytes>& proof) {
  PAWL_TRY(const auto named, manifest::proof_of(target));
  if (named && !proof) {
    return fail(Errc::kUsage, "--proof is missing")
        .with_hint("what was signed names the release's transparency proof by its digest");
  }
  const bool same =
      named ? sha256(*proof) == named->sha256 && proof->size() == named->size : !proof.has_value();
  if (same) return Ok{};
  return fail(Errc::kHashMismatch, "the transparency proof is not the one that was signed");
}

}  // namespace

Result<Publication> ceremony_files(Disk& disk, const Ceremony& ceremony, const CeremonyView& view,
                                   const Repository& published, const BuiltRelease& built,
                                   const std::string& directory,
                                   const std::optional<Bytes>& proof) {
  const auto& wanted = ceremony.manifests;
  if (std::find(wanted.begin(), wanted.end(), built.manifest) == wanted.end()) {
    return fail(Errc::kHashMismatch, directory + " is not the release that was signed");
  }
  const auto path = manifest::release_path(built.release.product, built.release.version);
  const auto target = view.targets.targets.find(path);
  if (target == view.targets.targets.end()) {
    return fail(Errc::kHashMismatch, "the signed role does not list " + path);
  }
  PAWL_CHECK(check_signed_proof(target->second, proof));
  PAWL_TRY(auto addition, plan_addition(disk, published, built, directory, proof));
  return std::move(addition.files);
}

Status renew_below(Disk& disk, const Ceremony& ceremony, const CeremonyView& view,
                   const Repository& published, Revision& out) {
  for (const auto& [role, keys] : keys_below(ceremony, view)) {
    const bool is_new = ceremony.role == "targets" && !published.roles.contains(role);
    if (is_new) {
      out.set_role(role, {});
      continue;
    }
    PAWL_TRY(const bool good, still_verifies(disk, published, role, keys));
    if (!good) out.renew(role);
  }
  return Ok{};
}

Result<Revision> ceremony_revision(Disk& disk, const Ceremony& ceremony, const CeremonyView& view,
                                   const Repository& published, const Expiry& expiry, UtcTime now) {
  Revision out(published, expiry, now);
  PAWL_CHECK(out.adopt(ceremony.role,
                       manifest::assemble_envelope(ceremony.text, ceremony.signatures),
                       ceremony.policy));
  PAWL_CHECK(renew_below(disk, ceremony, view, published, out));
  return out;
}

}  // namespace pawl::signer
