#include "signer/ceremony_new.hpp"

#include <algorithm>

#include "manifest/path.hpp"
#include "signer/ceremony_check.hpp"

namespace pawl::signer {
namespace {

Result<Bytes> metadata_file(Disk& disk, const Repository& repository, const std::string& role,
                            MetadataVersion version) {
  return read_file(disk, repository.directory + "/" + metadata_path(role, version),
                   Ceremony::kMaxBytes);
}

/// Everything the change is judged against, as published.
Status add_base(Disk& disk, const Repository& repository, Ceremony& out) {
  const auto last = repository.root.header.version.get();
  if (last > Ceremony::kMaxRoots) {
    return fail(Errc::kTooLarge, "ceremony: " + std::to_string(last) + " roots, at most " +
                                     std::to_string(Ceremony::kMaxRoots) + " fit into the file");
  }
  for (std::uint64_t version = 1; version <= last; ++version) {
    PAWL_TRY(auto file, metadata_file(disk, repository, "root", MetadataVersion(version)));
    out.roots.push_back(std::move(file));
  }
  if (out.role == "root") {
    if (!repository.root.policy) return Ok{};
    PAWL_TRY(
        out.old_policy,
        read_file(disk, repository.directory + "/" + policy_path(repository.root.policy->sha256),
                  Ceremony::kMaxBytes));
    return Ok{};
  }
  PAWL_TRY(out.targets,
           metadata_file(disk, repository, "targets", repository.targets.header.version));
  if (out.role == "targets") return Ok{};
  const auto current = repository.roles.find(out.role);
  if (current == repository.roles.end()) {
    return fail(Errc::kUsage, "ceremony: there is no role " + printable(out.role));
  }
  PAWL_TRY(out.current, metadata_file(disk, repository, out.role, current->second.header.version));
  return Ok{};
}

void drop_unused_keys(manifest::Root& root) {
  manifest::KeyMap used;
  for (const auto* role : {&root.root, &root.targets, &root.snapshot, &root.timestamp}) {
    for (const auto& id : role->key_ids) used.emplace(id, root.keys.at(id));
  }
  root.keys = std::move(used);
}

void propose_root(const Proposal& proposal, Revision& revision, Ceremony& out) {
  auto root = revision.state().root;
  for (const auto& [name, plan] : proposal.top) {
    auto& role = name == "root"       ? root.root
                 : name == "targets"  ? root.targets
                 : name == "snapshot" ? root.snapshot
                                      : root.timestamp;
    role = fill_role(plan, root.keys);
    out.scope.push_back("keys " + name);
  }
  drop_unused_keys(root);
  revision.set_root(std::move(root));
  if (!proposal.changes_policy()) return;
  auto policy = revision.state().policy;
  for (const auto& [product, ceiling] : proposal.ceilings) {
    policy.ceilings.insert_or_assign(product, ceiling);
    out.scope.push_back("ceiling " + product);
  }
  for (const auto& [product, plan] : proposal.development) {
    policy.development.insert_or_assign(product, development_keys(plan));
    out.scope.push_back("development " + product);
  }
  if (proposal.tlog) {
    policy.tlog = proposal.tlog;
    out.scope.emplace_back("tlog");
  }
  for (const auto& product : proposal.production) {
    policy.development.erase(product);
    out.scope.push_back("development " + product);
  }
  revision.set_policy(policy);
  const auto text = policy.serialise();
  out.policy = Bytes(text.begin(), text.end());
  if (out.policy == out.old_policy) out.policy.reset();
}

void propose_targets(const Proposal& proposal, Revision& revision, Ceremony& out) {
  auto targets = revision.state().targets;
  auto delegations = targets.delegations.value_or(manifest::Delegations{});
  const auto drop = [&](const std::string& role) {
    return std::erase_if(delegations.roles, [&](const auto& d) { return d.name == role; });
  };
  for (const auto& product : proposal.ended) {
    const auto role = manifest::release_role(product);
    drop(role);
    out.scope.push_back("product " + role);
  }
  for (const auto& [product, plan] : proposal.products) {
    const auto role = manifest::release_role(product);
    if (drop(role) == 0) out.scope.push_back("product " + role);
    out.scope.push_back("keys " + role);
    delegations.roles.push_back(product_line(product, plan, delegations.keys));
  }
  manifest::KeyMap used;
  for (const auto& delegation : delegations.roles) {
    for (const auto& id : delegation.role.key_ids) used.emplace(id, delegations.keys.at(id));
  }
  delegations.keys = std::move(used);
  targets.delegations = std::move(delegations);
  revision.set_targets(std::move(targets));
}

Status propose_release(Disk& disk, const Repository& published, const Proposal& proposal,
                       Revision& revision, Ceremony& out) {
  PAWL_TRY(auto addition, plan_addition(disk, published, *proposal.release,
                                        proposal.release_directory, proposal.proof));
  if (!addition.changed) {
    return fail(Errc::kUsage, proposal.release->release.product + " " +
                                  proposal.release->release.version + " is published already");
  }
  revision.set_role(addition.role, std::move(addition.targets));
  out.manifests.push_back(proposal.release->manifest);
  out.scope.push_back("release " + proposal.release->release.version);
  return Ok{};
}

/// Names of all keys that the change is about: by the records it was given, else by this host's.
void add_names(const KeyRing& ring, const Proposal& proposal, const Repository& published,
               Ceremony& out) {
  auto keys = published.root.keys;
  if (published.targets.delegations) {
    const auto& more = published.targets.delegations->keys;
    keys.insert(more.begin(), more.end());
  }
  for (const auto& [id, key] : keys) {
    const auto* const record = ring.find(id);
    if (record != nullptr) out.names[id] = record->label;
  }
  for (const auto* plans : {&proposal.top, &proposal.products, &proposal.development}) {
    for (const auto& [role, plan] : *plans) {
      for (const auto& record : plan.keys) out.names.emplace(record.id(), record.label);
    }
  }
}

}  // namespace

bool Proposal::changes_policy() const {
  return !ceilings.empty() || !development.empty() || !production.empty() || tlog;
}

Result<std::string> Proposal::role() const {
  std::set<std::string> roles;
  if (!top.empty() || changes_policy()) roles.insert("root");
  if (!products.empty() || !ended.empty()) roles.insert("targets");
  if (release) roles.insert(manifest::release_role(release->release.product));
  if (renewed) roles.insert(*renewed);
  if (proof && !release) {
    return fail(Errc::kUsage, "--proof belongs to a release").with_hint("name it with --release");
  }
  if (roles.size() == 1) return *roles.begin();
  return fail(Errc::kUsage, roles.empty() ? "the ceremony is to change nothing"
                                          : "a ceremony changes one role, this would change " +
                                                std::to_string(roles.size()))
      .with_hint(
          "--root, --targets, --snapshot, --timestamp, --ceiling, --development, "
          "--end-development and --tlog change root; --product and --end-product change targets; "
          "--release "
          "changes its product's role");
}

Result<Ceremony> new_ceremony(Disk& disk, const Repository& published, const Proposal& proposal,
                              const Expiry& expiry, UtcTime now, const KeyRing& ring) {
  Ceremony out;
  PAWL_TRY(out.role, proposal.role());
  if (out.role == "snapshot" || out.role == "timestamp") {
    return fail(Errc::kUsage, out.role + " has no ceremony")
        .with_hint("pawl-signer renew signs it");
  }
  out.repository = published.id;
  PAWL_CHECK(add_base(disk, published, out));
  Revision revision(published, expiry, now);
  if (proposal.renewed) revision.renew(out.role);
  if (out.role == "root" && !proposal.renewed) propose_root(proposal, revision, out);
  if (out.role == "targets" && !proposal.renewed) propose_targets(proposal, revision, out);
  if (proposal.release) {
    PAWL_CHECK(propose_release(disk, published, proposal, revision, out));
  }
  out.text = revision.draft(out.role);
  std::sort(out.scope.begin(), out.scope.end());
  PAWL_TRY(const auto view, check_ceremony(out, published.id));
  if (view.changes.empty() && !proposal.renewed) {
    return fail(Errc::kUsage, "the ceremony would change nothing")
        .with_hint("--renew ROLE signs the same content again");
  }
  add_names(ring, proposal, published, out);
  return out;
}

Status merge_signatures(Ceremony& into, const Ceremony& other) {
  auto same = other;
  same.signatures = into.signatures;
  same.names = into.names;
  if (same.serialise() != into.serialise()) {
    return fail(Errc::kUsage, "the files are of different ceremonies")
        .with_hint("compare the twelve words that pawl-signer ceremony show prints for each");
  }
  for (const auto& signature : other.signatures) {
    const auto at =
        std::lower_bound(into.signatures.begin(), into.signatures.end(), signature,
                         [](const auto& a, const auto& b) { return a.key_id < b.key_id; });
    if (at != into.signatures.end() && at->key_id == signature.key_id) continue;
    into.signatures.insert(at, signature);
  }
  into.names.insert(other.names.begin(), other.names.end());
  return Ok{};
}

}  // namespace pawl::signer
