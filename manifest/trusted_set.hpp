#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "manifest/envelope.hpp"
#include "manifest/floors.hpp"
#include "manifest/policy.hpp"
#include "manifest/profile.hpp"
#include "manifest/roles.hpp"

namespace pawl::manifest {

/// Whether a file was received now or lay in the device's store: only the former must have the
/// length and digest that timestamp or snapshot announce (TUF 5.5.2), the latter must too in
/// strict.
enum class Source : std::uint8_t { kReceived, kStored };
enum class Change : std::uint8_t { kNew, kSame };

/// How the files come. With kBundle, a timestamp or snapshot that has expired does not end the
/// refresh: the set says so, and verify_release asks the release itself (FORMAT 14.3).
enum class Delivery : std::uint8_t { kOnline, kBundle };
/// kExpired only with Delivery::kBundle.
enum class Freshness : std::uint8_t { kLive, kExpired };

/// Who signed for a delegated role: a role is trusted only for the role that delegated to it.
struct RoleKey {
  std::string delegator;
  std::string role;
  // NOLINTNEXTLINE(modernize-use-nullptr): the 0 is the compiler's own
  friend auto operator<=>(const RoleKey&, const RoleKey&) = default;
};

/// The metadata a client trusts, and the only place that decides what enters it (TUF 1.0.34
/// section 5; FORMAT 2.3 to 2.8). Pure: bytes and a time in, a decision out. An operation that
/// fails leaves what was trusted before in place.
///
/// Order: open, add_root while there are newer ones, close_roots, set_policy when root names one,
/// add_timestamp, add_snapshot, add_targets("targets"), then delegated roles.
class TrustedSet {
 public:
  /// @param root_file trusted as it is; its own threshold of signatures is still checked
  [[nodiscard]] static Result<TrustedSet> open(ByteView root_file, Profile profile,
                                               const Limits& limits, Floors floors,
                                               Delivery delivery = Delivery::kOnline);

  /// Version + 1 exactly, signed by a threshold of the trusted and of its own root keys.
  [[nodiscard]] Status add_root(ByteView file);
  /// No newer root follows: drops the floors of rotated keys, fixes the time of this cycle to
  /// max(clock, time floor), refuses a root that has expired or lies below the floor.
  [[nodiscard]] Status close_roots(UtcTime clock, UtcTime build_epoch);
  /// The policy file that root names by digest; kHashMismatch for any other bytes.
  [[nodiscard]] Status set_policy(ByteView file);

  [[nodiscard]] Result<Change> add_timestamp(ByteView file);
  [[nodiscard]] Status add_snapshot(ByteView file, Source source);
  /// @param role "targets" with delegator "root", or a role `delegator` delegates to
  [[nodiscard]] Status add_targets(const RoleKey& key, ByteView file);

  [[nodiscard]] const Root& root() const { return root_; }
  [[nodiscard]] const std::optional<Timestamp>& timestamp() const { return timestamp_; }
  [[nodiscard]] const std::optional<Snapshot>& snapshot() const { return snapshot_; }
  [[nodiscard]] const Targets* targets(const RoleKey& key) const;
  [[nodiscard]] const Policy& policy() const { return policy_; }
  /// FORMAT 2.4.3.
  [[nodiscard]] const std::optional<Sha256Digest>& repository() const { return repository_; }
  [[nodiscard]] const Floors& floors() const { return floors_; }
  /// Time of this cycle; every expiry is compared with it.
  [[nodiscard]] UtcTime time() const { return time_; }
  /// Whether timestamp and snapshot are alive at that time.
  [[nodiscard]] Freshness freshness() const;
  [[nodiscard]] Profile profile() const { return profile_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }
  /// What snapshot says about a role, or kMixAndMatch when it lists none.
  [[nodiscard]] Result<MetaFile> listed(const std::string& role) const;

 private:
  TrustedSet(Root root, Profile profile, const Limits& limits, Floors floors);
  Status check_origin(const Header& header, const std::string& role) const;
  Status check_live(const Header& header, const std::string& role) const;
  Status check_fresh(const Header& header, const std::string& role) const;
  Status check_meta(const MetaFile& meta, ByteView file, const std::string& role) const;
  Status check_not_below(const std::string& role, MetadataVersion version) const;
  Status check_snapshot_versions(const Snapshot& snapshot) const;
  Result<RoleKeys> keys_for(const RoleKey& key) const;
  void vouch(const Header& header, const std::vector<KeyId>& signers);

  Root root_;
  std::optional<Sha256Digest> repository_;
  Profile profile_;
  Limits limits_;
  Delivery delivery_ = Delivery::kOnline;
  Floors floors_;
  Policy policy_;
  UtcTime time_{};
  bool roots_closed_ = false;
  std::optional<Timestamp> timestamp_;
  std::optional<Snapshot> snapshot_;  // only one that is alive
  std::map<RoleKey, Targets> targets_;
};

}  // namespace pawl::manifest
