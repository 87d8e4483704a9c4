#include "signer/revision.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/envelope.hpp"

namespace pawl::signer {
namespace {

constexpr auto kProfile = manifest::Profile::kStrict;

/// The order in which roles are signed and written; everything else is a delegated role.
int rank(const std::string& role) {
  if (role == "root") return 0;
  if (role == "targets") return 1;
  if (role == "snapshot") return 3;
  return role == "timestamp" ? 4 : 2;
}

std::size_t limit_for(const std::string& role) {
  const auto limits = manifest::limits_of(kProfile);
  if (role == "root") return limits.root;
  if (role == "snapshot") return limits.snapshot;
  return role == "timestamp" ? limits.timestamp : limits.targets;
}

}  // namespace

Revision::Revision(Repository base, const Expiry& expiry, UtcTime now)
    : base_(std::move(base)), next_(base_), expiry_(expiry), now_(now) {}

void Revision::renew(const std::string& role) {
  changed_.insert(role);
  if (role == "root" || role == "timestamp") return;
  changed_.insert("timestamp");
  changed_.insert("snapshot");
}

void Revision::set_root(manifest::Root root) {
  next_.root = std::move(root);
  renew("root");
}

void Revision::set_policy(const manifest::Policy& policy) {
  next_.policy = policy;
  const auto text = policy.serialise();
  policy_file_ = Bytes(text.begin(), text.end());
  next_.root.policy = manifest::FileReference{sha256(*policy_file_), policy_file_->size()};
  renew("root");
}

void Revision::set_targets(manifest::Targets targets) {
  next_.targets = std::move(targets);
  renew("targets");
}

void Revision::set_role(const std::string& role, manifest::Targets targets) {
  next_.roles[role] = std::move(targets);
  renew(role);
}

Status Revision::adopt(const std::string& role, Bytes file, std::optional<Bytes> policy) {
  PAWL_TRY(const auto envelope,
           manifest::UnverifiedEnvelope::split(file, limit_for(role), kProfile));
  const auto version = [&](const manifest::Header& header) -> Status {
    if (header.version >= base_.next_version(role)) return Ok{};
    return fail(Errc::kLedger, role + " " + std::to_string(header.version.get()) +
                                   " is on disk already: a version is never signed twice")
        .with_hint("begin the ceremony again from what is published now");
  };
  if (role == "root") {
    PAWL_TRY(auto root, manifest::Root::parse(envelope.signed_text(), kProfile));
    PAWL_CHECK(version(root.header));
    next_.root = std::move(root);
    if (policy) {
      PAWL_TRY(next_.policy, manifest::Policy::parse(as_text(*policy)));
    }
    policy_file_ = std::move(policy);
  } else {
    PAWL_TRY(auto targets, manifest::Targets::parse(envelope.signed_text(), kProfile));
    PAWL_CHECK(version(targets.header));
    (role == "targets" ? next_.targets : next_.roles[role]) = std::move(targets);
  }
  adopted_[role] = std::move(file);
  renew(role);
  return Ok{};
}

std::string Revision::draft(const std::string& role) const {
  auto rehearsal = *this;
  return rehearsal.text_for(role);
}

Revision::Decisions Revision::decisions() const {
  auto rehearsal = *this;
  std::vector<std::string> roles;
  for (const auto& role : changed_) {
    const bool says_what_is_there = role == "snapshot" || role == "timestamp";
    if (!says_what_is_there && !adopted_.contains(role)) roles.push_back(role);
  }
  std::stable_sort(roles.begin(), roles.end(), [](const std::string& a, const std::string& b) {
    return rank(a) < rank(b);  // the first root says which repository the others are of
  });
  Decisions out;
  for (const auto& role : roles) {
    auto text = rehearsal.text_for(role);
    out.roles.push_back({role, header_for(role).version, std::move(text)});
  }
  out.repository = rehearsal.next_.id;
  return out;
}

void Revision::start_above(const std::string& role, MetadataVersion version) {
  const auto [entry, added] = base_.versions.try_emplace(role, version);
  if (!added) entry->second = std::max(entry->second, version);
}

Status Revision::check_ready(KeyRing& ring) const {
  PAWL_CHECK(plan(ring));
  return Ok{};
}

std::vector<manifest::RoleKeys> Revision::keys_for(const std::string& role) const {
  std::vector<manifest::RoleKeys> out{next_.keys_of(role)};
  const bool is_rotation = role == "root" && base_.versions.contains("root");
  if (is_rotation) out.push_back(base_.keys_of("root"));
  return out;
}

manifest::Header Revision::header_for(const std::string& role) const {
  if (adopted_.contains(role)) {
    if (role == "root") return next_.root.header;
    return role == "targets" ? next_.targets.header : next_.roles.at(role).header;
  }
  manifest::Header header;
  header.version = base_.next_version(role);
  header.expires = now_ + expiry_.of(role);
  manifest::Origin origin;
  origin.role = role;
  const bool is_first_root = role == "root" && header.version == MetadataVersion(1);
  if (!is_first_root) origin.repository = next_.id;
  if (role == "snapshot" || role == "timestamp") origin.issued = now_;
  header.origin = std::move(origin);
  return header;
}

/// Fills in the header and what follows from the roles signed before; returns the bytes to sign.
std::string Revision::text_for(const std::string& role) {
  const auto header = header_for(role);
  next_.versions.insert_or_assign(role, header.version);
  if (role == "root") {
    next_.root.header = header;
    auto text = next_.root.serialise();
    if (header.version == MetadataVersion(1)) next_.id = manifest::Root::repository_id(text);
    return text;
  }
  if (role == "snapshot") {
    next_.snapshot.header = header;
    return next_.snapshot.serialise();
  }
  if (role == "timestamp") {
    next_.timestamp.header = header;
    if (!snapshot_file_.empty()) {
      auto& entry = next_.timestamp.snapshot;
      entry.version = next_.snapshot.header.version;
      entry.length = snapshot_file_.size();
      entry.hashes = manifest::FileHashes{sha256(snapshot_file_), std::nullopt, false};
    }
    return next_.timestamp.serialise();
  }
  auto& targets = role == "targets" ? next_.targets : next_.roles[role];
  targets.header = header;
  next_.snapshot.meta[role] = manifest::MetaFile{header.version, std::nullopt, std::nullopt};
  return targets.serialise();
}

/// FORMAT 15.1.1: devices would refuse every file of such a repository.
Status Revision::check_development_keys() const {
  auto taken = next_.root.keys;
  if (next_.targets.delegations) {
    const auto& more = next_.targets.delegations->keys;
    taken.insert(more.begin(), more.end());
  }
  for (const auto& [product, signers] : next_.policy.development) {
    for (const auto& [id, key] : signers.keys) {
      if (!taken.contains(id)) continue;
      return fail(Errc::kUsage, "key " + id.text.substr(0, 8) + " signs tickets for " + product +
                                    " and would also serve a role")
          .with_hint("make one more with `pawl-signer key new`");
    }
  }
  return Ok{};
}

Result<std::vector<Revision::Draft>> Revision::plan(KeyRing& ring) const {
  PAWL_CHECK(check_development_keys());
  std::vector<Draft> drafts;
  for (const auto& role : changed_) {
    Draft draft{role, keys_for(role), {}};
    for (const auto& keys : draft.keys) {
      if (adopted_.contains(role)) break;
      PAWL_TRY(const auto chosen, ring.choose(role, keys));
      draft.signers.insert(draft.signers.end(), chosen.begin(), chosen.end());
    }
    std::sort(draft.signers.begin(), draft.signers.end());
    draft.signers.erase(std::unique(draft.signers.begin(), draft.signers.end()),
                        draft.signers.end());
    drafts.push_back(std::move(draft));
  }
  std::stable_sort(drafts.begin(), drafts.end(),
                   [](const Draft& a, const Draft& b) { return rank(a.role) < rank(b.role); });
  PAWL_CHECK(check_sizes(drafts, ring));
  return drafts;
}

Status Revision::check_sizes(const std::vector<Draft>& drafts, KeyRing& ring) const {
  auto rehearsal = *this;
  for (const auto& draft : drafts) {
    const auto size = rehearsal.text_for(draft.role).size();
    for (const auto& id : draft.signers) PAWL_CHECK(ring.check_size(id, draft.role, size));
  }
  return Ok{};
}

Result<Bytes> Revision::sign_one(const Draft& draft, KeyRing& ring, Signed& out) {
  const auto text = text_for(draft.role);
  std::vector<manifest::Signature> signatures;
  for (const auto& id : draft.signers) {
    PAWL_TRY(auto signature, ring.sign(id, text));
    signatures.push_back(std::move(signature));
  }
  const auto adopted = adopted_.find(draft.role);
  auto file = adopted == adopted_.end() ? manifest::assemble_envelope(text, std::move(signatures))
                                        : adopted->second;
  PAWL_TRY(const auto envelope,
           manifest::UnverifiedEnvelope::split(file, limit_for(draft.role), kProfile));
  if (envelope.signed_text() != text) {
    return fail(Errc::kMalformed, draft.role + " that was signed elsewhere holds unknown members");
  }
  for (const auto& keys : draft.keys) PAWL_CHECK(envelope.verify(keys));
  const auto header = header_for(draft.role);
  out.roles.push_back({draft.role, header.version, header.expires, text.size(), draft.signers});
  if (draft.role == "snapshot") snapshot_file_ = file;
  if (draft.role == "root" && header.version == MetadataVersion(1)) {
    next_.first_root = file;
  }
  return file;
}

Result<Revision::Signed> Revision::sign(KeyRing& ring) {
  PAWL_TRY(const auto drafts, plan(ring));
  Signed out;
  if (policy_file_) out.publication.add(policy_path(sha256(*policy_file_)), *policy_file_);
  for (const auto& draft : drafts) {
    PAWL_TRY(auto file, sign_one(draft, ring, out));
    const auto path = metadata_path(draft.role, out.roles.back().version);
    if (draft.role == "timestamp") {
      out.publication.finish_with(path, std::move(file));
    } else {
      out.publication.add(path, std::move(file));
    }
  }
  return out;
}

std::vector<std::string> size_warnings(const std::vector<Revision::Summary>& roles) {
  std::vector<std::string> out;
  for (const auto& role : roles) {
    if (role.size <= kOldTokenLimit) continue;
    const auto size = role.role + ": signed part has " + std::to_string(role.size) + " bytes; ";
    if (role.size > kTokenLimit) {
      out.push_back(size + "a YubiHSM signs at most " + std::to_string(kTokenLimit) +
                    ": use fewer keys, prune releases or nest delegations");
    } else {
      out.push_back(size + "a YubiHSM with firmware before 2.4 signs at most " +
                    std::to_string(kOldTokenLimit));
    }
  }
  return out;
}

}  // namespace pawl::signer
