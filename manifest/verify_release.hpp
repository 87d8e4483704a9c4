#pragma once
#include "manifest/device_facts.hpp"
#include "manifest/floors.hpp"
#include "manifest/policy.hpp"
#include "manifest/release.hpp"
#include "manifest/roles.hpp"
#include "manifest/ticket.hpp"
#include "manifest/trusted_set.hpp"
#include "manifest/verified.hpp"

namespace pawl::manifest {

/// What a verified release is to this device.
enum class Standing : std::uint8_t {
  kNewer,      // may be installed
  kCommitted,  // is what runs already: nothing to do
};

/// A release that passed every check, with the digest that names it.
struct AcceptedRelease {
  Release release;
  Sha256Digest digest;
  Standing standing = Standing::kNewer;
};

/// Authorises an install (FORMAT 3.4): digest and length of the target, format, product, vendor,
/// class, hardware, boot loader and updater version, the three counters, ceiling, stepping stone,
/// rollout window, geofence, battery and space; with expired metadata the release's own offline
/// rule (FORMAT 14.3). Pure.
///
/// @param manifest  bytes of releases/<product>/<version>/manifest.json as received
/// @param target    from TrustedSet, or for a stored release from an authenticated record
/// @param floors    the higher of the record and of the hardware counter
/// @param freshness of the trusted set the target comes from
/// @param ticket    what a development device was given for exactly this release (FORMAT 15)
/// @return kHashMismatch, kMalformed, kTooLarge, kNotForDevice, kRollback, kExpired, kOffline
[[nodiscard]] Result<Verified<AcceptedRelease>> verify_release(
    ByteView manifest, const TargetInfo& target, const DeviceFacts& device, const Floors& floors,
    const Policy& policy, Freshness freshness, const Override* ticket = nullptr);

/// A release that was authorised before and is needed again: to finish an install, to boot, to go
/// back to (the manual, `rollback`). Digest, format, product, class and the security floor are
/// checked; dates, counter and window are not: what was authorised is finished.
[[nodiscard]] Result<Verified<AcceptedRelease>> reload_release(ByteView manifest,
                                                               const Sha256Digest& digest,
                                                               const DeviceFacts& device,
                                                               const Floors& floors);

/// ARCHITECTURE: counter above the committed one (equal with equal digest is kCommitted), floor <=
/// min_security_version <= security_version <= ceiling, and at most 64 above the floor.
[[nodiscard]] Result<Standing> judge_counters(const Release& release, const Sha256Digest& digest,
                                              const std::optional<Sha256Digest>& committed,
                                              const Floors& floors, SecurityVersion ceiling);

}  // namespace pawl::manifest
