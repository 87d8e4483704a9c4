#include "manifest/updater.hpp"

#include <algorithm>

#include "manifest/attack.hpp"
#include "manifest/path.hpp"
#include "manifest/release.hpp"

namespace pawl::manifest {
namespace {

constexpr unsigned kMaxStoredRoots = 4096;
const RoleKey kTopTargets{"root", "targets"};

std::string root_name(MetadataVersion version) {
  return std::to_string(version.get()) + ".root";
}

/// A role to visit once the ones before it are done.
using Pending = std::vector<RoleKey>;

/// Puts the delegations of `targets` that cover `path` on top of `pending`, first one topmost.
/// @return whether a terminating one was among them: then nothing else is searched
bool push_delegations(const Targets& targets, const std::string& delegator, const std::string& path,
                      Pending& pending) {
  if (!targets.delegations) return false;
  Pending found;
  bool terminated = false;
  if (targets.delegations->succinct) {
    found.push_back({delegator, targets.delegations->succinct->bin_of(path)});
  }
  for (const auto& delegation : targets.delegations->roles) {
    if (!delegation.covers(path)) continue;
    found.push_back({delegator, delegation.name});
    terminated = delegation.terminating == Terminating::kYes;
    if (terminated) break;
  }
  if (terminated) pending.clear();
  pending.insert(pending.end(), found.rbegin(), found.rend());
  return terminated;
}

}  // namespace

Updater::Updater(Fetcher& fetcher, Store& store, Clock& clock, UpdaterOptions options)
    : fetcher_(fetcher), store_(store), clock_(clock), options_(std::move(options)) {}

const TrustedSet& Updater::trusted() const {
  PAWL_ASSERT(set_.has_value());
  return *set_;
}

const Floors& Updater::floors() const {
  return set_ ? set_->floors() : options_.floors;
}

Result<RefreshReport> Updater::refresh() {
  return run(Network::kUse);
}

Result<RefreshReport> Updater::reload() {
  return run(Network::kNone);
}

Result<RefreshReport> Updater::run(Network network) {
  network_ = network;
  RefreshReport report;
  PAWL_TRY(auto set, TrustedSet::open(options_.anchor, options_.profile, options_.limits,
                                      options_.floors, options_.delivery));
  set_.emplace(std::move(set));
  PAWL_CHECK(walk_roots(network, report));
  const auto clock = clock_.now();
  PAWL_CHECK(set_->close_roots(clock, options_.build_epoch));
  report.time = set_->time();
  report.time_source = report.time == clock ? TimeSource::kClock : TimeSource::kFloor;
  report.root = set_->root().header.version;
  PAWL_CHECK(load_policy(network));
  PAWL_CHECK(load_timestamp(network, report));
  PAWL_CHECK(load_snapshot(network, report));
  PAWL_CHECK(load_targets(kTopTargets, network));
  report.targets = set_->targets(kTopTargets)->header.version;
  report.freshness = set_->freshness();
  if (report.new_roots > 0) report.change = Change::kNew;
  return report;
}

/// The chain after the anchor: first what the store kept, then what the source has.
Result<std::optional<Bytes>> Updater::next_root(MetadataVersion next, Network network,
                                                Source& source) {
  const auto limit = options_.limits.root;
  if (source == Source::kStored) {
    PAWL_TRY(auto stored, store_.load(root_name(next), limit));
    if (stored) return stored;
    source = Source::kReceived;
  }
  if (network == Network::kNone) return std::optional<Bytes>();
  return classified(fetcher_.metadata(root_name(next) + ".json", limit));
}

Status Updater::walk_roots(Network network, RefreshReport& report) {
  auto source = Source::kStored;
  for (unsigned stored = 0; stored < kMaxStoredRoots;) {
    const MetadataVersion next(set_->root().header.version.get() + 1);
    PAWL_TRY(const auto file, next_root(next, network, source));
    if (!file) return Ok{};
    if (source == Source::kReceived && report.new_roots == options_.limits.root_rotations) {
      return refuse(Attack::kEndless, Errc::kTooLarge,
                    "more than " + std::to_string(report.new_roots) +
                        " new roots, stopped at root " +
                        std::to_string(set_->root().header.version.get()))
          .with_hint("the next check goes on from there");
    }
    auto added = set_->add_root(*file);
    if (source == Source::kStored) {
      ++stored;
      if (!added) PAWL_CHECK(store_.drop(root_name(next)));  // damaged: ask for it again
      continue;
    }
    PAWL_CHECK(std::move(added));
    PAWL_CHECK(store_.save(root_name(next), *file));
    ++report.new_roots;
  }
  return refuse(Attack::kEndless, Errc::kTooLarge, "too many stored roots");
}

Status Updater::load_policy(Network network) {
  const auto& reference = set_->root().policy;
  if (!reference) return Ok{};
  const auto limit = static_cast<std::size_t>(reference->length);
  PAWL_TRY(const auto stored, store_.load("policy", options_.limits.policy));
  if (stored && set_->set_policy(*stored)) return Ok{};
  if (network == Network::kNone)
    return fail(Errc::kOffline, "no stored policy.json that root names");
  PAWL_TRY(const auto file, fetch_metadata(to_hex(reference->sha256) + ".policy.json", limit));
  PAWL_CHECK(set_->set_policy(file));
  return store_.save("policy", file);
}

Result<Bytes> Updater::fetch_metadata(const std::string& file, std::size_t limit) {
  PAWL_TRY(auto bytes, classified(fetcher_.metadata(file, limit)));
  if (!bytes) {
    return fail(Errc::kTransport, "the repository has no file " + printable(file))
        .with_hint("the repository is incomplete, or withholds this file");
  }
  return *std::move(bytes);
}

std::string Updater::file_name(const std::string& role, MetadataVersion version) const {
  const auto name = encode_role_name(role) + ".json";
  return set_->root().consistent_snapshot ? std::to_string(version.get()) + "." + name : name;
}

/// What had expired when it came is not kept: only its version is, in the floors.
Status Updater::keep_fresh(const std::string& name, ByteView file, UtcTime expires) {
  return set_->time() < expires ? store_.save(name, file) : Status(Ok{});
}

Status Updater::load_timestamp(Network network, RefreshReport& report) {
  const std::string role = "timestamp";
  PAWL_TRY(const auto stored, store_.load(role, options_.limits.timestamp));
  if (stored) {
    const auto loaded = set_->add_timestamp(*stored);
    if (!loaded && loaded.error().code() != Errc::kExpired) PAWL_CHECK(store_.drop(role));
    if (!loaded && network == Network::kNone)
      return fail(loaded.error().code(), loaded.error().what());
  }
  if (network == Network::kUse) {
    PAWL_TRY(const auto file, fetch_metadata("timestamp.json", options_.limits.timestamp));
    PAWL_TRY(report.change, set_->add_timestamp(file));
    if (report.change == Change::kNew) {
      PAWL_CHECK(keep_fresh(role, file, set_->timestamp()->header.expires));
    }
  }
  if (!set_->timestamp()) return fail(Errc::kOffline, "no stored timestamp");
  report.timestamp = set_->timestamp()->header.version;
  return Ok{};
}

Status Updater::load_snapshot(Network network, RefreshReport& report) {
  const std::string role = "snapshot";
  const auto& meta = set_->timestamp()->snapshot;
  report.snapshot = meta.version;
  PAWL_TRY(const auto stored, store_.load(role, options_.limits.snapshot));
  if (stored && set_->add_snapshot(*stored, Source::kStored)) return Ok{};
  if (network == Network::kNone)
    return fail(Errc::kOffline, "no stored snapshot that timestamp announces");
  const auto limit = std::min<std::uint64_t>(meta.length.value_or(options_.limits.snapshot),
                                             options_.limits.snapshot);
  PAWL_TRY(const auto file,
           fetch_metadata(file_name(role, meta.version), static_cast<std::size_t>(limit)));
  PAWL_CHECK(set_->add_snapshot(file, Source::kReceived));
  return keep_fresh(role, file, set_->snapshot()->header.expires);
}

Status Updater::load_targets(const RoleKey& key, Network network) {
  if (set_->targets(key) != nullptr) return Ok{};
  PAWL_TRY(const auto meta, set_->listed(key.role));
  PAWL_TRY(const auto stored, store_.load(key.role, options_.limits.targets));
  if (stored && set_->add_targets(key, *stored)) return Ok{};
  if (network == Network::kNone) {
    return fail(Errc::kOffline,
                "no stored file of role " + printable(key.role) + " that snapshot announces");
  }
  const auto limit = std::min<std::uint64_t>(meta.length.value_or(options_.limits.targets),
                                             options_.limits.targets);
  PAWL_TRY(const auto file,
           fetch_metadata(file_name(key.role, meta.version), static_cast<std::size_t>(limit)));
  PAWL_CHECK(set_->add_targets(key, file));
  return store_.save(key.role, file);
}

template <class F>
Status Updater::walk(const std::string& path, F visit) {
  Pending pending{kTopTargets};
  std::set<RoleKey> seen;
  while (!pending.empty()) {
    const auto key = pending.back();
    pending.pop_back();
    if (!seen.insert(key).second) continue;
    if (seen.size() > options_.limits.delegations + 1) {
      return refuse(Attack::kEndless, Errc::kTooLarge,
                    "more than " + std::to_string(options_.limits.delegations) +
                        " delegated roles searched for " + printable(path));
    }
    PAWL_CHECK(load_targets(key, network_));
    const auto& targets = *set_->targets(key);
    if (visit(targets) == Walk::kStop) return Ok{};
    push_delegations(targets, key.role, path, pending);
  }
  return Ok{};
}

Result<std::optional<TargetInfo>> Updater::find(const std::string& path) {
  std::optional<TargetInfo> out;
  PAWL_CHECK(walk(path, [&](const Targets& targets) {
    const auto entry = targets.targets.find(path);
    if (entry == targets.targets.end()) return Walk::kGoOn;
    out = entry->second;
    return Walk::kStop;
  }));
  return out;
}

Result<std::vector<ReleaseOffer>> Updater::releases(const std::string& product) {
  const auto probe = release_path(product, "0");
  const auto pattern = release_pattern(product);
  std::vector<ReleaseOffer> out;
  std::set<std::string> seen;
  PAWL_CHECK(walk(probe, [&](const Targets& targets) {
    for (const auto& [path, info] : targets.targets) {
      if (!path_matches(pattern, path) || !seen.insert(path).second) continue;
      auto summary = ReleaseSummary::parse(info.custom);
      if (summary && summary->product == product) out.push_back({info, *std::move(summary)});
    }
    return Walk::kGoOn;
  }));
  std::sort(out.begin(), out.end(), [](const ReleaseOffer& a, const ReleaseOffer& b) {
    return a.summary.release_counter > b.summary.release_counter;
  });
  return out;
}

Result<Bytes> Updater::fetch(const TargetInfo& target, std::size_t limit) {
  if (target.length > limit) {
    return refuse(Attack::kEndless, Errc::kTooLarge,
                  "target " + printable(target.path) + " has " + std::to_string(target.length) +
                      " bytes, the limit is " + std::to_string(limit));
  }
  const auto path = set_->root().consistent_snapshot
                        ? consistent_target_path(target.path, target.hashes.file_prefix())
                        : target.path;
  PAWL_TRY(auto bytes, classified(fetcher_.target(path, static_cast<std::size_t>(target.length))));
  if (!bytes) return fail(Errc::kTransport, "the repository has no target " + printable(path));
  if (bytes->size() != target.length) {
    return refuse(Attack::kArbitrary, Errc::kHashMismatch,
                  "target " + printable(target.path) + " has " + std::to_string(bytes->size()) +
                      " bytes, signed are " + std::to_string(target.length));
  }
  PAWL_CHECK(target.hashes.check(*bytes, "target " + printable(target.path)));
  return *std::move(bytes);
}

std::optional<ReleaseOffer> newest_acceptable(const std::vector<ReleaseOffer>& offers,
                                              const DeviceFacts& device, const Floors& floors,
                                              const Policy& policy) {
  const auto ceiling = policy.ceiling(device.product);
  const auto fits = [&](const ReleaseOffer& offer) {
    const auto& summary = offer.summary;
    return summary.product == device.product &&
           std::find(summary.hardware.begin(), summary.hardware.end(), device.hardware) !=
               summary.hardware.end() &&
           summary.release_counter > floors.release_counter &&
           summary.security_version >= floors.security_version &&
           summary.security_version <= ceiling;
  };
  std::optional<ReleaseOffer> best;
  for (const auto& offer : offers) {
    if (!fits(offer)) continue;
    if (!best || offer.summary.release_counter > best->summary.release_counter) best = offer;
  }
  return best;
}

}  // namespace pawl::manifest
