#include "signer/ceremony_check.hpp"

#include <algorithm>
#include <set>

#include "base/digest.hpp"

namespace pawl::signer {
namespace {

constexpr auto kProfile = manifest::Profile::kStrict;

Error malformed(const std::string& what) {
  return fail(Errc::kMalformed, "ceremony: " + what);
}

/// The signed text of a file in force, after its signatures.
Result<std::string> verified_text(ByteView file, const std::string& role,
                                  const std::vector<manifest::RoleKeys>& keys) {
  auto envelope = manifest::UnverifiedEnvelope::split(file, Ceremony::kMaxBytes, kProfile);
  if (!envelope) return malformed("the " + role + " in force: " + envelope.error().what());
  for (const auto& required : keys) {
    if (auto signers = envelope->verify(required); !signers) {
      return fail(Errc::kBadSignature,
                  "ceremony: the " + role + " in force: " + signers.error().what());
    }
  }
  return std::string(envelope->signed_text());
}

Result<std::string> root_text(ByteView file) {
  PAWL_TRY(const auto envelope,
           manifest::UnverifiedEnvelope::split(file, Ceremony::kMaxBytes, kProfile));
  return std::string(envelope.signed_text());
}

bool is_for(const manifest::Header& header, const Sha256Digest& repository,
            const std::string& role) {
  return header.origin && header.origin->role == role &&
         header.origin->repository == std::optional(repository);
}

/// Follows the chain from the first root, which names the repository, to the one in force.
Result<manifest::Root> root_in_force(const Ceremony& ceremony) {
  if (ceremony.roots.empty()) return malformed("holds no root");
  std::optional<manifest::Root> root;
  for (const auto& file : ceremony.roots) {
    PAWL_TRY(const auto text, root_text(file));
    PAWL_TRY(auto next, manifest::Root::parse(text, kProfile));
    std::vector<manifest::RoleKeys> keys{manifest::select_keys(next.keys, next.root)};
    if (!root) {
      if (manifest::Root::repository_id(text) != ceremony.repository) {
        return fail(Errc::kBadSignature, "ceremony: the first root is not that of the repository");
      }
    } else {
      keys.push_back(manifest::select_keys(root->keys, root->root));
      if (next.header.version.get() != root->header.version.get() + 1 ||
          !is_for(next.header, ceremony.repository, "root")) {
        return fail(Errc::kBadSignature, "ceremony: a root is out of order, or of another place");
      }
    }
    PAWL_CHECK(verified_text(file, "root", keys));
    root = std::move(next);
  }
  return *std::move(root);
}

Result<manifest::Targets> targets_in_force(const Ceremony& ceremony, const manifest::Root& root) {
  if (!ceremony.targets) return malformed("holds no targets");
  PAWL_TRY(const auto text, verified_text(*ceremony.targets, "targets",
                                          {manifest::select_keys(root.keys, root.targets)}));
  PAWL_TRY(auto targets, manifest::Targets::parse(text, kProfile));
  if (!is_for(targets.header, ceremony.repository, "targets")) {
    return fail(Errc::kBadSignature, "ceremony: targets is of another repository or role");
  }
  return targets;
}

/// The new version follows the one in force, for this role of this repository.
Status check_header(const Ceremony& ceremony, const manifest::Header& next,
                    MetadataVersion in_force) {
  if (!is_for(next, ceremony.repository, ceremony.role)) {
    return malformed("what is to be signed is for another repository or role");
  }
  if (next.version > in_force) return Ok{};
  return malformed("version " + std::to_string(next.version.get()) + " is not above version " +
                   std::to_string(in_force.get()) + ", which is in force");
}

/// The bytes to sign are those that what is shown was read from, and nothing else is in them.
template <class T>
Status check_rebuilt(const Ceremony& ceremony, const T& next) {
  if (next.serialise() == ceremony.text) return Ok{};
  return malformed("what is to be signed holds members that are not shown");
}

Result<manifest::Policy> policy_of(const std::optional<Bytes>& file, const manifest::Root& root,
                                   const std::string& which) {
  if (!root.policy) return manifest::Policy{};
  if (!file || sha256(*file) != root.policy->sha256 || file->size() != root.policy->length) {
    return malformed("the " + which + " policy is not the one root names");
  }
  PAWL_TRY(auto policy, manifest::Policy::parse(as_text(*file)));
  if (policy.serialise() != as_text(*file)) {
    return malformed("the " + which + " policy holds members that are not shown");
  }
  return policy;
}

/// Every key of the new root serves a role; that it serves no two of them, Root::parse has seen.
Status check_root_keys(const manifest::Root& root) {
  std::set<manifest::KeyId> used;
  for (const auto* role : {&root.root, &root.targets, &root.snapshot, &root.timestamp}) {
    used.insert(role->key_ids.begin(), role->key_ids.end());
  }
  if (used.size() == root.keys.size()) return Ok{};
  return malformed("root would list keys that serve no role");
}

Status view_root(const Ceremony& ceremony, const manifest::Root& in_force, CeremonyView& out) {
  PAWL_TRY(auto next, manifest::Root::parse(ceremony.text, kProfile));
  PAWL_CHECK(check_rebuilt(ceremony, next));
  PAWL_CHECK(check_header(ceremony, next.header, in_force.header.version));
  PAWL_CHECK(check_root_keys(next));
  PAWL_TRY(const auto before, policy_of(ceremony.old_policy, in_force, "old"));
  const bool same = next.policy == in_force.policy;
  PAWL_TRY(const auto after, policy_of(same ? ceremony.old_policy : ceremony.policy, next, "new"));
  if (same && ceremony.policy) return malformed("holds a policy that root does not name");
  out.changes = root_changes(ceremony, in_force, next);
  for (auto& change : policy_changes(before, after)) out.changes.push_back(std::move(change));
  out.keys = {manifest::select_keys(next.keys, next.root),
              manifest::select_keys(in_force.keys, in_force.root)};
  out.version = next.header.version;
  out.expires = next.header.expires;
  out.root = std::move(next);
  return Ok{};
}

/// No key of a product line serves another line or a role of root.
Status check_line_keys(const manifest::Root& root, const manifest::Targets& targets) {
  if (!targets.delegations) return Ok{};
  std::set<manifest::KeyId> used;
  for (const auto& delegation : targets.delegations->roles) {
    for (const auto& id : delegation.role.key_ids) {
      if (used.insert(id).second && !root.keys.contains(id)) continue;
      return malformed("key " + id.text + " would serve two roles");
    }
  }
  if (used.size() == targets.delegations->keys.size()) return Ok{};
  return malformed("targets would list keys that serve no role");
}

Status view_targets(const Ceremony& ceremony, const manifest::Targets& in_force,
                    CeremonyView& out) {
  PAWL_CHECK(check_line_keys(out.root, out.targets));
  out.changes = targets_changes(ceremony, in_force, out.targets);
  out.keys = {manifest::select_keys(out.root.keys, out.root.targets)};
  return check_header(ceremony, out.targets.header, in_force.header.version);
}

Status view_release(const Ceremony& ceremony, const manifest::Targets& targets, CeremonyView& out) {
  const manifest::Delegation* delegation = nullptr;
  if (targets.delegations) {
    for (const auto& candidate : targets.delegations->roles) {
      if (candidate.name == ceremony.role) delegation = &candidate;
    }
  }
  if (delegation == nullptr || !ceremony.current) {
    return malformed("the repository has no role " + printable(ceremony.role));
  }
  const auto keys = manifest::select_keys(targets.delegations->keys, delegation->role);
  PAWL_TRY(const auto text, verified_text(*ceremony.current, ceremony.role, {keys}));
  PAWL_TRY(const auto before, manifest::Targets::parse(text, kProfile));
  if (!is_for(before.header, ceremony.repository, ceremony.role)) {
    return fail(Errc::kBadSignature,
                "ceremony: " + ceremony.role + " in force is of another repository or role");
  }
  PAWL_TRY(out.changes, release_changes(ceremony, before, out.targets));
  out.keys = {keys};
  return check_header(ceremony, out.targets.header, before.header.version);
}

Status view_lower(const Ceremony& ceremony, CeremonyView& out) {
  PAWL_TRY(out.targets, manifest::Targets::parse(ceremony.text, kProfile));
  PAWL_CHECK(check_rebuilt(ceremony, out.targets));
  out.version = out.targets.header.version;
  out.expires = out.targets.header.expires;
  PAWL_TRY(const auto targets, targets_in_force(ceremony, out.root));
  if (ceremony.role == "targets") return view_targets(ceremony, targets, out);
  return view_release(ceremony, targets, out);
}

Status check_scope(const Ceremony& ceremony, const CeremonyView& view) {
  for (const auto& change : view.changes) {
    if (std::binary_search(ceremony.scope.begin(), ceremony.scope.end(), change.scope)) continue;
    return fail(Errc::kUsage, "ceremony: changes more than it declares: " + change.words);
  }
  return Ok{};
}

Status count_signatures(const Ceremony& ceremony, CeremonyView& view) {
  manifest::KeyMap all;
  for (const auto& keys : view.keys) all.insert(keys.keys.begin(), keys.keys.end());
  for (const auto& signature : ceremony.signatures) {
    const auto key = all.find(signature.key_id);
    if (key == all.end() || !key->second.verify(as_bytes(ceremony.text), signature.value)) {
      return fail(Errc::kBadSignature, "ceremony: the signature of " +
                                           ceremony.name_of(signature.key_id) +
                                           " does not verify, or is not asked for");
    }
    view.signed_by.push_back(signature.key_id);
  }
  const auto has_signed = [&](const manifest::KeyId& id) {
    return std::binary_search(view.signed_by.begin(), view.signed_by.end(), id);
  };
  for (const auto& [id, key] : all) {
    if (!has_signed(id)) view.may_sign.push_back(id);
  }
  for (const auto& keys : view.keys) {
    const auto there = static_cast<std::size_t>(
        std::count_if(keys.keys.begin(), keys.keys.end(),
                      [&](const auto& entry) { return has_signed(entry.first); }));
    view.missing.push_back(keys.threshold - std::min<std::size_t>(there, keys.threshold));
  }
  return Ok{};
}

}  // namespace

bool CeremonyView::complete() const {
  return std::all_of(missing.begin(), missing.end(), [](std::size_t n) { return n == 0; });
}

Result<CeremonyView> check_ceremony(const Ceremony& ceremony,
                                    const std::optional<Sha256Digest>& pinned) {
  if (pinned && *pinned != ceremony.repository) {
    return fail(Errc::kBadSignature, "ceremony: is of repository " +
                                         to_hex(ceremony.repository).substr(0, 16) + ", not of " +
                                         to_hex(*pinned).substr(0, 16));
  }
  CeremonyView out;
  PAWL_TRY(out.root, root_in_force(ceremony));
  if (ceremony.role == "root") {
    const auto in_force = out.root;
    PAWL_CHECK(view_root(ceremony, in_force, out));
  } else {
    PAWL_CHECK(view_lower(ceremony, out));
  }
  PAWL_CHECK(check_scope(ceremony, out));
  PAWL_CHECK(count_signatures(ceremony, out));
  return out;
}

}  // namespace pawl::signer
