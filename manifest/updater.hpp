#pragma once
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "manifest/device_facts.hpp"
#include "manifest/ports.hpp"
#include "manifest/release.hpp"
#include "manifest/trusted_set.hpp"

namespace pawl::manifest {

struct UpdaterOptions {
  Profile profile = Profile::kStrict;
  Limits limits = limits_of(Profile::kStrict);
  Bytes anchor;           // root file that is trusted as it is: inside the verified image
  Floors floors;          // record of the last run; empty on the first
  UtcTime build_epoch{};  // no clock is believed to be before this
  Delivery delivery = Delivery::kOnline;
};

/// Whether the cycle's time came from the clock or from a floor above it (FORMAT 2.8.4).
enum class TimeSource : std::uint8_t { kClock, kFloor };

struct RefreshReport {
  MetadataVersion root{0};
  MetadataVersion timestamp{0};
  MetadataVersion snapshot{0};
  MetadataVersion targets{0};
  unsigned new_roots = 0;
  Change change = Change::kSame;  // whether anything but the time is new
  TimeSource time_source = TimeSource::kClock;
  Freshness freshness = Freshness::kLive;
  UtcTime time{};
};

/// A release that the metadata offers, before its manifest is fetched.
struct ReleaseOffer {
  TargetInfo target;
  ReleaseSummary summary;
};

/// The client workflow of TUF 1.0.34 section 5 over a source and a store. One refresh per object;
/// the order of requests is the specification's. Not for use by two threads.
class Updater {
 public:
  Updater(Fetcher& fetcher, Store& store, Clock& clock, UpdaterOptions options);

  /// Roots, timestamp, snapshot, targets: each stored as received as soon as it is trusted. Stored
  /// files that do not verify are dropped and fetched again. May be called once.
  /// @return on error everything trusted before still is; floors() is good to keep either way
  [[nodiscard]] Result<RefreshReport> refresh();
  /// As refresh, from stored files alone: no request. For `status` and for a start without network.
  [[nodiscard]] Result<RefreshReport> reload();

  /// Looks a path up along the delegations, in pre-order (TUF 5.6.7). Fetches roles as needed.
  [[nodiscard]] Result<std::optional<TargetInfo>> find(const std::string& path);
  /// All releases of a product that its roles list, highest release counter first. An entry whose
  /// custom is not a release summary of this product is left out.
  [[nodiscard]] Result<std::vector<ReleaseOffer>> releases(const std::string& product);
  /// Fetches a target and checks length and digests. @param limit compared with the signed length
  [[nodiscard]] Result<Bytes> fetch(const TargetInfo& target, std::size_t limit);

  /// After refresh or reload.
  [[nodiscard]] const TrustedSet& trusted() const;
  /// What to keep for the next run, whether or not refresh succeeded.
  [[nodiscard]] const Floors& floors() const;

 private:
  struct Visit {
    RoleKey key;
    unsigned depth = 0;
  };
  enum class Network : std::uint8_t { kUse, kNone };
  enum class Walk : std::uint8_t { kGoOn, kStop };

  Result<RefreshReport> run(Network network);
  Status walk_roots(Network network, RefreshReport& report);
  Result<std::optional<Bytes>> next_root(MetadataVersion next, Network network, Source& source);
  Status load_policy(Network network);
  Status load_timestamp(Network network, RefreshReport& report);
  Status load_snapshot(Network network, RefreshReport& report);
  Status load_targets(const RoleKey& key, Network network);
  Status keep_fresh(const std::string& name, ByteView file, UtcTime expires);
  Result<Bytes> fetch_metadata(const std::string& file, std::size_t limit);
  [[nodiscard]] std::string file_name(const std::string& role, MetadataVersion version) const;
  /// Calls `visit` for each role that may speak for `path`, in pre-order, until it returns kStop.
  template <class F>
  Status walk(const std::string& path, F visit);

  Fetcher& fetcher_;
  Store& store_;
  Clock& clock_;
  UpdaterOptions options_;
  std::optional<TrustedSet> set_;
  Network network_ = Network::kUse;
};

/// The newest release this device may install: product and hardware revision fit, counters above
/// the floors, security version within floor and ceiling. Nothing when none is newer.
[[nodiscard]] std::optional<ReleaseOffer> newest_acceptable(const std::vector<ReleaseOffer>& offers,
                                                            const DeviceFacts& device,
                                                            const Floors& floors,
                                                            const Policy& policy);

}  // namespace pawl::manifest
