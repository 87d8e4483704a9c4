#include "signer/ceremony_publish.hpp"

#include <map>

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

}  // namespace

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
