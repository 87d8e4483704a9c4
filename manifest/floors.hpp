#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/strong.hpp"
#include "base/time.hpp"
#include "manifest/key.hpp"

namespace pawl::manifest {

/// The lowest version of one metadata file a device still accepts, and who said so.
struct VersionFloor {
  MetadataVersion version{0};
  std::vector<KeyId> vouched;  // whose signatures; the floor goes when root drops these keys
  friend bool operator==(const VersionFloor&, const VersionFloor&) = default;
};

/// A random number of an override ticket: names a device, or one request of it.
using TicketNumber = FixedBytes<struct TicketNumberTag, 32>;

/// Override tickets of this device (FORMAT 2.8.7). It stands in the floors record because a used
/// ticket must not come back with an older file.
struct Tickets {
  TicketNumber device;                // made up at the first request
  std::optional<TicketNumber> nonce;  // of the request that waits for its ticket
  std::uint64_t used = 0;
  friend bool operator==(const Tickets&, const Tickets&) = default;
};

/// What a device may never go below (FORMAT 2.8). One record: authenticated and anchored by the
/// program that keeps it, so that losing the metadata files lowers nothing. Pure values: the
/// functions below return a new record and never lower anything.
struct Floors {
  MetadataVersion root{0};
  std::map<std::string, VersionFloor> versions;  // timestamp, snapshot, targets, delegated roles
  ReleaseCounter release_counter{0};             // highest committed
  SecurityVersion security_version{0};           // soft copy; hardware's may be higher
  std::map<KeyId, UtcTime> times;                // latest issue time each key vouched for
  std::optional<Tickets> tickets;                // only once one was asked for

  /// Canonical JSON (FORMAT 2.8.5).
  [[nodiscard]] static Result<Floors> parse(std::string_view text);
  [[nodiscard]] std::string serialise() const;
  friend bool operator==(const Floors&, const Floors&) = default;
};

/// A floor one key alone vouches for lies at most this far above what two keys or the build say.
inline constexpr Seconds kOneKeyReach = std::chrono::hours(24 * 400);

/// max(build epoch, times two keys vouch for, the latest time but at most kOneKeyReach above
/// those).
[[nodiscard]] UtcTime time_floor(const Floors& floors, UtcTime build_epoch);
/// Records that `signers` vouched for `issued`. An issue time after the file's own expiry counts
/// for nothing.
[[nodiscard]] Floors with_issue_time(Floors floors, const std::vector<KeyId>& signers,
                                     UtcTime issued, UtcTime expires);
/// Raises the floor of `file`, or renews its vouchers at the same version.
[[nodiscard]] Floors with_version(Floors floors, const std::string& file, MetadataVersion version,
                                  const std::vector<KeyId>& signers);
/// Drops what root no longer stands behind (FORMAT 2.8.3): times of keys that are not in `all`;
/// the timestamp and snapshot versions unless a threshold of their vouchers are timestamp keys;
/// every other version likewise by the snapshot role.
[[nodiscard]] Floors without_rotated(Floors floors, const KeyMap& all, const Role& timestamp,
                                     const Role& snapshot);
/// A request for a ticket: `nonce` is from now on the only one a ticket may carry.
/// @param device  this device's number, taken when it has none yet
[[nodiscard]] Floors with_ticket_request(Floors floors, const TicketNumber& device,
                                         const TicketNumber& nonce);
/// The outstanding ticket is used up.
[[nodiscard]] Floors with_ticket_used(Floors floors);
/// After a healthy commit: both counters rise to what the release says, never down.
[[nodiscard]] Floors with_commit(Floors floors, ReleaseCounter counter,
                                 SecurityVersion min_security_version);

}  // namespace pawl::manifest
