#include "manifest/trusted_set.hpp"

#include <algorithm>
#include <set>

#include "base/digest.hpp"
#include "manifest/attack.hpp"

namespace pawl::manifest {
namespace {

std::string text_of(MetadataVersion version) {
  return std::to_string(version.get());
}

std::uint64_t seconds_of(UtcTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

/// Names the role in an error of the layers below, and its class.
template <class T>
Result<T> named(const std::string& role, Result<T> result) {
  if (result) return result;
  auto error = classified(std::move(result).error());
  error.prefix(role);
  return error;
}

/// FORMAT 2.5.2 across files: a key that root gives a role never serves a delegated one.
Status check_separate_keys(const Root& root, const Delegations& delegations) {
  std::set<std::string> top;
  for (const auto& [id, key] : root.keys) top.insert(key.material());
  for (const auto& [id, key] : delegations.keys) {
    if (top.contains(key.material())) {
      return fail(Errc::kMalformed,
                  "key " + printable(id.text) + " serves a delegated role and a top-level role");
    }
  }
  return Ok{};
}

/// The same for those who sign override tickets (FORMAT 15.1.1).
Status check_development_keys(const Policy& policy, const KeyMap& others) {
  std::set<std::string> taken;
  for (const auto& [id, key] : others) taken.insert(key.material());
  for (const auto& [product, signers] : policy.development) {
    for (const auto& [id, key] : signers.keys) {
      if (!taken.contains(key.material())) continue;
      return fail(Errc::kMalformed, "key " + printable(id.text) + " signs tickets for " +
                                        printable(product) + " and also serves a role");
    }
  }
  return Ok{};
}

}  // namespace

TrustedSet::TrustedSet(Root root, Profile profile, const Limits& limits, Floors floors)
    : root_(std::move(root)), profile_(profile), limits_(limits), floors_(std::move(floors)) {}

Result<TrustedSet> TrustedSet::open(ByteView root_file, Profile profile, const Limits& limits,
                                    Floors floors, Delivery delivery) {
  PAWL_TRY(const auto envelope,
           named("root", UnverifiedEnvelope::split(root_file, limits.root, profile)));
  PAWL_TRY(auto root, classified(Root::parse(envelope.signed_text(), profile)));
  PAWL_TRY(const auto signers, named("root", envelope.verify(select_keys(root.keys, root.root))));
  TrustedSet set(std::move(root), profile, limits, std::move(floors));
  set.delivery_ = delivery;
  set.repository_ = set.root_.header.origin && set.root_.header.origin->repository
                        ? *set.root_.header.origin->repository
                        : Root::repository_id(envelope.signed_text());
  set.vouch(set.root_.header, signers);
  return set;
}

Status TrustedSet::add_root(ByteView file) {
  PAWL_ASSERT(!roots_closed_);
  const MetadataVersion next(root_.header.version.get() + 1);
  const auto role = "root " + text_of(next);
  PAWL_TRY(const auto envelope,
           named(role, UnverifiedEnvelope::split(file, limits_.root, profile_)));
  // the keys trusted so far come first: nothing unverified is parsed
  PAWL_TRY(const auto old_signers,
           named(role + " against the keys of root " + text_of(root_.header.version),
                 envelope.verify(select_keys(root_.keys, root_.root))));
  PAWL_TRY(auto root, named(role, Root::parse(envelope.signed_text(), profile_)));
  PAWL_TRY(auto signers, named(role + " against its own keys",
                               envelope.verify(select_keys(root.keys, root.root))));
  if (root.header.version != next) {
    return refuse(Attack::kRollback, Errc::kRollback,
                  role + ": the file says version " + text_of(root.header.version))
        .with_seen("root", root.header.version.get())
        .with_trusted("root", root_.header.version.get());
  }
  PAWL_CHECK(check_origin(root.header, "root"));
  root_ = std::move(root);
  vouch(root_.header, signers);
  return Ok{};
}

Status TrustedSet::close_roots(UtcTime clock, UtcTime build_epoch) {
  floors_ = without_rotated(std::move(floors_), root_.keys, root_.timestamp, root_.snapshot);
  time_ = std::max(clock, time_floor(floors_, build_epoch));
  if (root_.header.version < floors_.root) {
    return refuse(Attack::kFreeze, Errc::kRollback,
                  "root " + text_of(root_.header.version) + " is older than root " +
                      text_of(floors_.root) + ", which this device has trusted")
        .with_seen("root", root_.header.version.get())
        .with_trusted("root", floors_.root.get());
  }
  floors_.root = root_.header.version;
  roots_closed_ = true;
  return check_live(root_.header, "root");
}

Status TrustedSet::set_policy(ByteView file) {
  if (!root_.policy)
    return fail(Errc::kUsage, "root " + text_of(root_.header.version) + " names no policy");
  if (file.size() != root_.policy->length || sha256(file) != root_.policy->sha256) {
    return refuse(
        Attack::kArbitrary, Errc::kHashMismatch,
        "policy does not have the digest that root " + text_of(root_.header.version) + " names");
  }
  PAWL_TRY(auto policy, classified(Policy::parse(as_text(file))));
  PAWL_CHECK(named("policy", check_development_keys(policy, root_.keys)));
  policy_ = std::move(policy);
  return Ok{};
}

Status TrustedSet::check_origin(const Header& header, const std::string& role) const {
  if (profile_ == Profile::kInterop) return Ok{};
  if (!header.origin || header.origin->repository != repository_) {
    return refuse(Attack::kMixAndMatch, Errc::kBadSignature,
                  role + " " + text_of(header.version) + " is signed for another repository");
  }
  if (header.origin->role != role) {
    return refuse(Attack::kMixAndMatch, Errc::kBadSignature,
                  role + " " + text_of(header.version) + " is signed as the file of role " +
                      printable(header.origin->role));
  }
  return Ok{};
}

Status TrustedSet::check_live(const Header& header, const std::string& role) const {
  if (time_ < header.expires) return Ok{};
  return refuse(Attack::kFreeze, Errc::kExpired,
                role + " " + text_of(header.version) + " expired on " + format_utc(header.expires) +
                    ", " + format_duration(time_ - header.expires) + " ago")
      .with_seen(role, header.version.get())
      .with_seen("expires", seconds_of(header.expires))
      .with_trusted("time", seconds_of(time_))
      .with_hint("fetch newer metadata, or check the clock: it is taken as " + format_utc(time_));
}

/// Of the two roles that say what is newest. A bundle is made to be used later: then the release
/// decides, by its own rule, which offline keys have signed.
Status TrustedSet::check_fresh(const Header& header, const std::string& role) const {
  if (delivery_ == Delivery::kBundle) return Ok{};
  return check_live(header, role);
}

Freshness TrustedSet::freshness() const {
  const bool live = timestamp_ && time_ < timestamp_->header.expires && snapshot_ &&
                    time_ < snapshot_->header.expires;
  return live ? Freshness::kLive : Freshness::kExpired;
}

Status TrustedSet::check_meta(const MetaFile& meta, ByteView file, const std::string& role) const {
  if (meta.length && file.size() != *meta.length) {
    return refuse(Attack::kMixAndMatch, Errc::kHashMismatch,
                  role + " has " + std::to_string(file.size()) + " bytes, announced are " +
                      std::to_string(*meta.length))
        .with_seen("bytes", file.size())
        .with_trusted("bytes", *meta.length);
  }
  if (!meta.hashes) return Ok{};
  auto checked = meta.hashes->check(file, role);
  if (checked) return checked;
  auto error = std::move(checked).error();
  error.set_attack(attack_name(Attack::kMixAndMatch));  // signed, it may be, but not for this state
  return error;
}

Status TrustedSet::check_not_below(const std::string& role, MetadataVersion version) const {
  const auto floor = floors_.versions.find(role);
  if (floor == floors_.versions.end() || version >= floor->second.version) return Ok{};
  return refuse(Attack::kRollback, Errc::kRollback,
                role + " " + text_of(version) + " is older than version " +
                    text_of(floor->second.version) + ", which was trusted before")
      .with_seen(role, version.get())
      .with_trusted(role, floor->second.version.get());
}

void TrustedSet::vouch(const Header& header, const std::vector<KeyId>& signers) {
  if (!header.origin || !header.origin->issued) return;
  floors_ = with_issue_time(std::move(floors_), signers, *header.origin->issued, header.expires);
}

Result<Change> TrustedSet::add_timestamp(ByteView file) {
  PAWL_ASSERT(roots_closed_);
  const std::string role = "timestamp";
  PAWL_TRY(const auto envelope,
           named(role, UnverifiedEnvelope::split(file, limits_.timestamp, profile_)));
  PAWL_TRY(const auto signers,
           named(role, envelope.verify(select_keys(root_.keys, root_.timestamp))));
  PAWL_TRY(auto timestamp, classified(Timestamp::parse(envelope.signed_text(), profile_)));
  const auto version = timestamp.header.version;
  PAWL_CHECK(check_origin(timestamp.header, role));
  PAWL_CHECK(check_not_below(role, version));
  if (timestamp_ && timestamp_->header.version == version) {
    PAWL_CHECK(check_fresh(timestamp_->header, role));
    return Change::kSame;
  }
  PAWL_CHECK(check_not_below("snapshot", timestamp.snapshot.version));
  vouch(timestamp.header, signers);
  floors_ = with_version(std::move(floors_), role, version, signers);
  floors_ = with_version(std::move(floors_), "snapshot", timestamp.snapshot.version, signers);
  timestamp_ = std::move(timestamp);
  snapshot_.reset();
  targets_.clear();
  PAWL_CHECK(check_fresh(timestamp_->header, role));
  return Change::kNew;
}

Status TrustedSet::check_snapshot_versions(const Snapshot& snapshot) const {
  for (const auto& [role, floor] : floors_.versions) {
    if (role == "timestamp" || role == "snapshot") continue;
    const auto entry = snapshot.meta.find(role);
    if (entry == snapshot.meta.end()) {
      return refuse(Attack::kRollback, Errc::kRollback,
                    "snapshot " + text_of(snapshot.header.version) + " no longer lists role " +
                        printable(role) + ", trusted before at version " + text_of(floor.version))
          .with_seen("snapshot", snapshot.header.version.get())
          .with_trusted(role, floor.version.get());
    }
    PAWL_CHECK(named("snapshot " + text_of(snapshot.header.version),
                     check_not_below(role, entry->second.version)));
  }
  return Ok{};
}

Status TrustedSet::add_snapshot(ByteView file, Source source) {
  PAWL_ASSERT(timestamp_.has_value());
  const std::string role = "snapshot";
  PAWL_CHECK(check_fresh(timestamp_->header, "timestamp"));
  if (source == Source::kReceived) PAWL_CHECK(check_meta(timestamp_->snapshot, file, role));
  PAWL_TRY(const auto envelope,
           named(role, UnverifiedEnvelope::split(file, limits_.snapshot, profile_)));
  PAWL_TRY(const auto signers,
           named(role, envelope.verify(select_keys(root_.keys, root_.snapshot))));
  PAWL_TRY(auto snapshot, classified(Snapshot::parse(envelope.signed_text(), profile_)));
  PAWL_CHECK(check_origin(snapshot.header, role));
  const bool announced = snapshot.header.version == timestamp_->snapshot.version;
  if (source == Source::kReceived && !announced) {
    return refuse(Attack::kMixAndMatch, Errc::kHashMismatch,
                  "snapshot is version " + text_of(snapshot.header.version) +
                      ", timestamp announces " + text_of(timestamp_->snapshot.version))
        .with_seen(role, snapshot.header.version.get())
        .with_trusted(role, timestamp_->snapshot.version.get());
  }
  PAWL_CHECK(check_snapshot_versions(snapshot));
  vouch(snapshot.header, signers);
  for (const auto& [name, meta] : snapshot.meta) {
    floors_ = with_version(std::move(floors_), name, meta.version, signers);
  }
  if (!announced) {
    return fail(Errc::kExpired, "stored snapshot " + text_of(snapshot.header.version) +
                                    " is not the announced " +
                                    text_of(timestamp_->snapshot.version));
  }
  PAWL_CHECK(check_fresh(snapshot.header, role));
  if (profile_ == Profile::kStrict) PAWL_CHECK(check_meta(timestamp_->snapshot, file, role));
  snapshot_ = std::move(snapshot);
  return Ok{};
}

Result<MetaFile> TrustedSet::listed(const std::string& role) const {
  PAWL_ASSERT(snapshot_.has_value());
  const auto entry = snapshot_->meta.find(role);
  if (entry != snapshot_->meta.end()) return entry->second;
  return refuse(
      Attack::kMixAndMatch, Errc::kHashMismatch,
      "snapshot " + text_of(snapshot_->header.version) + " does not list role " + printable(role));
}

Result<RoleKeys> TrustedSet::keys_for(const RoleKey& key) const {
  if (key.role == "targets") return select_keys(root_.keys, root_.targets);
  for (const auto& [parent, parsed] : targets_) {
    if (parent.role != key.delegator || !parsed.delegations) continue;
    const auto& delegations = *parsed.delegations;
    for (const auto& delegation : delegations.roles) {
      if (delegation.name == key.role) return select_keys(delegations.keys, delegation.role);
    }
    if (delegations.succinct && delegations.succinct->has(key.role)) {
      return select_keys(delegations.keys, delegations.succinct->role);
    }
  }
  return refuse(
      Attack::kArbitrary, Errc::kBadSignature,
      "role " + printable(key.delegator) + " does not delegate to " + printable(key.role));
}

Status TrustedSet::add_targets(const RoleKey& key, ByteView file) {
  PAWL_ASSERT(snapshot_.has_value());
  const auto role = key.role == "targets" ? key.role : "role " + printable(key.role);
  PAWL_TRY(const auto meta, listed(key.role));
  PAWL_TRY(const auto keys, keys_for(key));
  PAWL_CHECK(check_meta(meta, file, role));
  PAWL_TRY(const auto envelope,
           named(role, UnverifiedEnvelope::split(file, limits_.targets, profile_)));
  PAWL_TRY(const auto signers, named(role, envelope.verify(keys)));
  PAWL_TRY(auto targets, named(role, Targets::parse(envelope.signed_text(), profile_)));
  PAWL_CHECK(check_origin(targets.header, key.role));
  if (targets.header.version != meta.version) {
    return refuse(Attack::kMixAndMatch, Errc::kHashMismatch,
                  role + " is version " + text_of(targets.header.version) +
                      ", snapshot announces " + text_of(meta.version))
        .with_seen(key.role, targets.header.version.get())
        .with_trusted(key.role, meta.version.get());
  }
  PAWL_CHECK(check_live(targets.header, role));
  if (profile_ == Profile::kStrict && targets.delegations) {
    PAWL_CHECK(named(role, check_separate_keys(root_, *targets.delegations)));
    PAWL_CHECK(named(role, check_development_keys(policy_, targets.delegations->keys)));
  }
  if (key.role == "targets") vouch(targets.header, signers);
  targets_.insert_or_assign(key, std::move(targets));
  return Ok{};
}

const Targets* TrustedSet::targets(const RoleKey& key) const {
  const auto found = targets_.find(key);
  return found == targets_.end() ? nullptr : &found->second;
}

}  // namespace pawl::manifest
