#include <algorithm>

#include "base/digest.hpp"
#include "manifest/path.hpp"
#include "manifest/release_proof.hpp"
#include "signer/ceremony_check.hpp"

namespace pawl::signer {
namespace {

using Weight = Change::Weight;

std::string number(SecurityVersion version) {
  return std::to_string(version.get());
}

bool lists(const manifest::Role& role, const manifest::KeyId& id) {
  return std::find(role.key_ids.begin(), role.key_ids.end(), id) != role.key_ids.end();
}

void role_changes(const Ceremony& names, const std::string& name, const manifest::Role& from,
                  const manifest::Role& to, std::vector<Change>& out) {
  const auto scope = "keys " + name;
  for (const auto& id : to.key_ids) {
    if (lists(from, id)) continue;
    out.push_back({scope, name + ": " + names.name_of(id) + " may sign from now on"});
  }
  for (const auto& id : from.key_ids) {
    if (lists(to, id)) continue;
    out.push_back({scope, name + ": " + names.name_of(id) + " may no longer sign"});
  }
  if (from.threshold == to.threshold && from.key_ids.size() == to.key_ids.size()) return;
  const auto rule = [](const manifest::Role& role) {
    return std::to_string(role.threshold) + " of " + std::to_string(role.key_ids.size());
  };
  out.push_back({scope, name + ": " + rule(from) + " -> " + rule(to) + " signatures"});
}

/// "releases/gw3/1.2.0/manifest.json" -> "1.2.0"
std::string version_of(const std::string& path) {
  const auto folder = parent_of(path);
  return folder.substr(parent_of(folder).size() + 1);
}

/// As first_state makes it: terminating, for the releases of one product (FORMAT 11.1.4).
bool is_product_line(const manifest::Delegation& delegation) {
  const auto prefix = manifest::release_role("");
  return delegation.name.starts_with(prefix) &&
         delegation.terminating == manifest::Terminating::kYes &&
         delegation.path_hash_prefixes.empty() &&
         delegation.paths == std::vector<std::string>{
                                 manifest::release_pattern(delegation.name.substr(prefix.size()))};
}

/// Whether `custom` is the release's summary and, it may be, its proof: nothing that is not shown.
bool says_only(const manifest::Release& release, const manifest::TargetInfo& target,
               const std::optional<manifest::BlobReference>& proof) {
  manifest::TargetInfo shown;
  shown.custom = manifest::ReleaseSummary::of(release).to_json();
  if (proof) manifest::set_proof(shown, *proof);
  return shown.custom == target.custom;
}

Result<Change> added_release(const Ceremony& ceremony, const manifest::TargetInfo& target) {
  const auto version = version_of(target.path);
  for (const auto& bytes : ceremony.manifests) {
    if (target.hashes.sha256 != sha256(bytes)) continue;
    PAWL_TRY(const auto release, manifest::Release::parse(as_text(bytes)));
    PAWL_TRY(const auto proof, manifest::proof_of(target));
    const bool same = manifest::release_path(release.product, release.version) == target.path &&
                      manifest::release_role(release.product) == ceremony.role &&
                      says_only(release, target, proof) && target.length == bytes.size();
    if (!same) break;
    Change out{"release " + version, "release " + release.product + " " + version + ": counter " +
                                         std::to_string(release.release_counter.get()) +
                                         ", security version " + number(release.security_version) +
                                         ", manifest " +
                                         to_hex(*target.hashes.sha256).substr(0, 16)};
    if (proof) out.words += ", transparency proof " + to_hex(proof->sha256).substr(0, 16);
    if (release.min_security_version > SecurityVersion(0)) {
      out.weight = Weight::kIrreversible;
      out.words += "; a device that commits it never again accepts anything below " +
                   number(release.min_security_version);
    }
    return out;
  }
  return fail(Errc::kMalformed, "ceremony: the manifest of " + target.path +
                                    " is not in the file, or says something else");
}

}  // namespace

std::vector<Change> root_changes(const Ceremony& names, const manifest::Root& from,
                                 const manifest::Root& to) {
  std::vector<Change> out;
  role_changes(names, "root", from.root, to.root, out);
  role_changes(names, "targets", from.targets, to.targets, out);
  role_changes(names, "snapshot", from.snapshot, to.snapshot, out);
  role_changes(names, "timestamp", from.timestamp, to.timestamp, out);
  if (from.consistent_snapshot != to.consistent_snapshot) {
    out.push_back({"consistent_snapshot", "consistent snapshots are switched"});
  }
  return out;
}

namespace {

std::string ticket_signers(const manifest::DevelopmentKeys& signers) {
  std::string out = std::to_string(signers.role.threshold) + " of";
  for (const auto& id : signers.role.key_ids) out += " " + id.text.substr(0, 8);
  return out;
}

void development_changes(const manifest::Policy& from, const manifest::Policy& to,
                         std::vector<Change>& out) {
  for (const auto& [product, signers] : to.development) {
    const auto before = from.development.find(product);
    if (before != from.development.end() && before->second == signers) continue;
    out.push_back({"development " + product,
                   "devices of " + product + " are DEVELOPMENT devices: tickets signed by " +
                       ticket_signers(signers) + " let them go back to older releases"});
  }
  for (const auto& [product, signers] : from.development) {
    if (to.development.contains(product)) continue;
    out.push_back({"development " + product,
                   "devices of " + product + " are production devices: no ticket moves them"});
  }
}

}  // namespace

std::vector<Change> policy_changes(const manifest::Policy& from, const manifest::Policy& to) {
  std::vector<Change> out;
  auto products = from.ceilings;
  products.insert(to.ceilings.begin(), to.ceilings.end());
  for (const auto& [product, unused] : products) {
    const auto before = from.ceiling(product);
    const auto after = to.ceiling(product);
    if (before == after) continue;
    Change change{"ceiling " + product,
                  "ceiling of " + product + ": " + number(before) + " -> " + number(after)};
    if (after > before) {
      change.weight = Weight::kIrreversible;
      change.words += "; whoever signs its releases may raise the floor of every device to " +
                      number(after) + ", and devices never go back";
    }
    out.push_back(std::move(change));
  }
  development_changes(from, to, out);
  if (!(from.tlog == to.tlog)) {
    out.push_back({"tlog", "the transparency log releases must be in is another"});
  }
  return out;
}

std::vector<Change> targets_changes(const Ceremony& names, const manifest::Targets& from,
                                    const manifest::Targets& to) {
  const auto roles_of = [](const manifest::Targets& targets) {
    return targets.delegations ? targets.delegations->roles : std::vector<manifest::Delegation>{};
  };
  const auto find = [](const std::vector<manifest::Delegation>& all, const std::string& name) {
    return std::find_if(all.begin(), all.end(), [&](const auto& d) { return d.name == name; });
  };
  const auto before = roles_of(from);
  const auto after = roles_of(to);
  std::vector<Change> out;
  if (!to.targets.empty()) out.push_back({"targets", "targets names files itself"});
  for (const auto& delegation : after) {
    const auto old = find(before, delegation.name);
    if (!is_product_line(delegation)) {
      out.push_back({"paths " + delegation.name, delegation.name + ": is for other paths"});
    }
    if (old != before.end()) {
      role_changes(names, delegation.name, old->role, delegation.role, out);
      continue;
    }
    out.push_back({"product " + delegation.name, delegation.name + ": a new product line"});
    role_changes(names, delegation.name, {{}, 0}, delegation.role, out);
  }
  for (const auto& delegation : before) {
    if (find(after, delegation.name) != after.end()) continue;
    out.push_back({"product " + delegation.name,
                   delegation.name + ": the product line ends, its devices get nothing more"});
  }
  return out;
}

Result<std::vector<Change>> release_changes(const Ceremony& ceremony, const manifest::Targets& from,
                                            const manifest::Targets& to) {
  std::vector<Change> out;
  if (to.delegations) out.push_back({"delegations", ceremony.role + " delegates to others"});
  for (const auto& [path, target] : to.targets) {
    const auto old = from.targets.find(path);
    if (old != from.targets.end() && old->second.hashes == target.hashes &&
        old->second.custom == target.custom && old->second.length == target.length) {
      continue;
    }
    PAWL_TRY(auto change, added_release(ceremony, target));
    out.push_back(std::move(change));
  }
  for (const auto& [path, target] : from.targets) {
    if (to.targets.contains(path)) continue;
    out.push_back(
        {"withdraw " + version_of(path), "release " + version_of(path) + " is withdrawn"});
  }
  return out;
}

}  // namespace pawl::signer
