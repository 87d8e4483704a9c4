#include "manifest/verify_release.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "manifest/attack.hpp"
#include "manifest/versions.hpp"

namespace pawl::manifest {

/// The only maker of Verified values.
class Verifier {
 public:
  static Verified<AcceptedRelease> accept(AcceptedRelease release) {
    return Verified<AcceptedRelease>(std::move(release));
  }
};

namespace {

constexpr std::uint64_t kMaxSecurityStep = 64;  // ARCHITECTURE

Error not_for_device(std::string what) {
  return refuse(Attack::kWrongDevice, Errc::kNotForDevice, std::move(what));
}

template <class Number>
std::string text_of(Number number) {
  return std::to_string(number.get());
}

Status check_bytes(ByteView manifest, const TargetInfo& target) {
  if (manifest.size() > kMaxReleaseBytes) {
    return refuse(Attack::kEndless, Errc::kTooLarge,
                  "release manifest of " + std::to_string(manifest.size()) +
                      " bytes, the limit is " + std::to_string(kMaxReleaseBytes));
  }
  if (manifest.size() != target.length) {
    return refuse(Attack::kArbitrary, Errc::kHashMismatch,
                  "release manifest has " + std::to_string(manifest.size()) +
                      " bytes, signed are " + std::to_string(target.length))
        .with_seen("bytes", manifest.size())
        .with_trusted("bytes", target.length);
  }
  return target.hashes.check(manifest, "release manifest");
}

/// FORMAT 2.6.5: the summary that chose this manifest must say what the manifest says.
Status check_summary(const Release& release, const TargetInfo& target) {
  PAWL_TRY(const auto summary, classified(ReleaseSummary::parse(target.custom)));
  if (summary == ReleaseSummary::of(release)) return Ok{};
  return refuse(Attack::kMixAndMatch, Errc::kHashMismatch,
                "release manifest and the targets entry that names it differ in product, hardware "
                "or counters");
}

Status check_identity(const Release& release, const DeviceFacts& device) {
  if (release.product != device.product) {
    return not_for_device("release is for product '" + release.product + "', this device is '" +
                          device.product + "'");
  }
  if (release.vendor_id != device.vendor_id) {
    return not_for_device("release is from vendor " + release.vendor_id + ", this device expects " +
                          device.vendor_id);
  }
  if (release.class_id != device.class_id) {
    return not_for_device("release is for class " + release.class_id + ", this device is of " +
                          device.class_id);
  }
  return Ok{};
}

Status check_hardware(const Release& release, const DeviceFacts& device) {
  const auto& all = release.hardware;
  const auto found = std::find_if(all.begin(), all.end(), [&](const HardwareRevision& r) {
    return r.revision == device.hardware;
  });
  if (found == all.end()) {
    return not_for_device("release does not list hardware revision '" + device.hardware + "'");
  }
  const auto least = std::max(found->min_boot, release.requirements.bootloader.value_or(0));
  if (device.bootloader < least) {
    return not_for_device("release needs boot loader version " + std::to_string(least) +
                          ", this device has " + std::to_string(device.bootloader));
  }
  return Ok{};
}

Status check_requirements(const Release& release, const DeviceFacts& device, const Floors& floors) {
  const auto& needs = release.requirements;
  if (needs.updater && compare_versions(device.updater, *needs.updater) < 0) {
    return not_for_device("release needs pawl-updater " + *needs.updater + ", this is " +
                          device.updater);
  }
  if (needs.from && floors.release_counter < *needs.from) {
    return not_for_device("release installs over release counter " + text_of(*needs.from) +
                          " or later, this device committed " + text_of(floors.release_counter))
        .with_hint("install an earlier release first");
  }
  if (needs.battery_percent && device.battery_percent &&
      *device.battery_percent < *needs.battery_percent) {
    return fail(Errc::kBusy, "battery is at " + std::to_string(*device.battery_percent) +
                                 " percent, the release needs " +
                                 std::to_string(*needs.battery_percent))
        .with_hint("charge the device and try again");
  }
  if (needs.free_bytes && device.free_bytes && *device.free_bytes < *needs.free_bytes) {
    return fail(Errc::kNoSpace, std::to_string(*device.free_bytes) +
                                    " bytes are free, the release needs " +
                                    std::to_string(*needs.free_bytes));
  }
  return Ok{};
}

Status check_window(const Release& release, UtcTime now) {
  if (!release.rollout) return Ok{};
  const auto& window = *release.rollout;
  if (window.not_before && now < *window.not_before) {
    return not_for_device("release is not for use before " + format_utc(*window.not_before));
  }
  if (window.not_after && now > *window.not_after) {
    return refuse(Attack::kFreeze, Errc::kExpired,
                  "release is not for use after " + format_utc(*window.not_after));
  }
  return Ok{};
}

/// FORMAT 14.3.2: metadata that has expired says nothing about what is newest, so only a release
/// whose signers foresaw it may be installed, and only until the time they named.
Status check_offline(const Release& release, UtcTime now, Freshness freshness) {
  if (freshness == Freshness::kLive) return Ok{};
  const auto& rule = release.offline;
  if (!rule || rule->use == OfflineUse::kRefused || !rule->valid_until) {
    return refuse(Attack::kFreeze, Errc::kOffline,
                  "the bundle's metadata has expired and release " + release.version +
                      " is not signed for offline use")
        .with_hint("make a new bundle with: pawl-signer bundle");
  }
  if (now > *rule->valid_until) {
    return refuse(Attack::kFreeze, Errc::kExpired,
                  "release " + release.version + " could be used offline until " +
                      format_utc(*rule->valid_until) + ", " +
                      format_duration(now - *rule->valid_until) + " ago");
  }
  return Ok{};
}

/// "DE" covers "DE" and "DE-BY".
bool place_covers(const std::string& code, const std::string& place) {
  return place == code || place.starts_with(code + "-");
}

Status check_geofence(const Release& release, const DeviceFacts& device) {
  if (!release.geo) return Ok{};
  const auto& fence = *release.geo;
  if (!device.location) {
    if (fence.allow.empty() && fence.deny.empty()) return Ok{};
    return not_for_device("release is bound to places and this device has no attested location");
  }
  const auto covers = [&](const std::string& code) { return place_covers(code, *device.location); };
  if (std::any_of(fence.deny.begin(), fence.deny.end(), covers)) {
    return not_for_device("release is denied in " + *device.location);
  }
  if (!fence.allow.empty() && std::none_of(fence.allow.begin(), fence.allow.end(), covers)) {
    return not_for_device("release is not allowed in " + *device.location);
  }
  return Ok{};
}

Status check_security(const Release& release, const Floors& floors) {
  if (release.security_version < floors.security_version) {
    return refuse(Attack::kRollback, Errc::kRollback,
                  "security version " + text_of(release.security_version) + " is below the floor " +
                      text_of(floors.security_version))
        .with_seen("security_version", release.security_version.get())
        .with_trusted("security_version", floors.security_version.get());
  }
  return Ok{};
}

}  // namespace

Result<Standing> judge_counters(const Release& release, const Sha256Digest& digest,
                                const std::optional<Sha256Digest>& committed, const Floors& floors,
                                SecurityVersion ceiling) {
  PAWL_CHECK(check_security(release, floors));
  if (release.release_counter == floors.release_counter && committed && *committed == digest) {
    return Standing::kCommitted;
  }
  if (release.release_counter <= floors.release_counter) {
    return refuse(Attack::kRollback, Errc::kRollback,
                  "release counter " + text_of(release.release_counter) +
                      " is not above the committed " + text_of(floors.release_counter))
        .with_seen("release_counter", release.release_counter.get())
        .with_trusted("release_counter", floors.release_counter.get());
  }
  if (release.min_security_version < floors.security_version) {
    return refuse(Attack::kRollback, Errc::kRollback,
                  "min_security_version " + text_of(release.min_security_version) +
                      " is below the floor " + text_of(floors.security_version))
        .with_seen("min_security_version", release.min_security_version.get())
        .with_trusted("security_version", floors.security_version.get());
  }
  if (release.security_version > ceiling) {
    return refuse(Attack::kFastForward, Errc::kRollback,
                  "security version " + text_of(release.security_version) +
                      " is above the ceiling " + text_of(ceiling) + " of product '" +
                      release.product + "'")
        .with_seen("security_version", release.security_version.get())
        .with_trusted("ceiling", ceiling.get())
        .with_hint("root raises the ceiling in policy.json before such a release");
  }
  if (release.security_version.get() - floors.security_version.get() > kMaxSecurityStep) {
    return refuse(Attack::kFastForward, Errc::kRollback,
                  "security version " + text_of(release.security_version) +
                      " is more than 64 above "
                      "the floor " +
                      text_of(floors.security_version))
        .with_seen("security_version", release.security_version.get())
        .with_trusted("security_version", floors.security_version.get());
  }
  return Standing::kNewer;
}

namespace {

bool waives(const Override* ticket, Waiver waiver) {
  return ticket != nullptr && ticket->waives(waiver);
}

/// The floors as a ticket makes them for this one release: only the release counter can be lower,
/// so much that the release is newer, or, when it is the one that runs, as new.
Floors waived(Floors floors, const Release& release, const Sha256Digest& digest,
              const DeviceFacts& device, const Override* ticket) {
  if (!waives(ticket, Waiver::kReleaseCounter)) return floors;
  const auto step = device.committed_manifest == digest ? 0U : 1U;
  const ReleaseCounter enough(release.release_counter.get() - step);
  floors.release_counter = std::min(floors.release_counter, enough);
  return floors;
}

}  // namespace

Result<Verified<AcceptedRelease>> verify_release(ByteView manifest, const TargetInfo& target,
                                                 const DeviceFacts& device, const Floors& floors,
                                                 const Policy& policy, Freshness freshness,
                                                 const Override* ticket) {
  PAWL_CHECK(check_bytes(manifest, target));
  PAWL_TRY(auto release, classified(Release::parse(as_text(manifest))));
  PAWL_CHECK(check_summary(release, target));
  PAWL_CHECK(check_identity(release, device));
  PAWL_CHECK(check_hardware(release, device));
  const auto digest = sha256(manifest);
  if (ticket != nullptr) PAWL_CHECK(ticket->check_release(digest));
  PAWL_TRY(const auto standing, judge_counters(release, digest, device.committed_manifest,
                                               waived(floors, release, digest, device, ticket),
                                               policy.ceiling(release.product)));
  if (standing == Standing::kNewer) {
    PAWL_CHECK(check_requirements(release, device, floors));
    if (!waives(ticket, Waiver::kRolloutWindow)) PAWL_CHECK(check_window(release, device.now));
    PAWL_CHECK(check_offline(release, device.now, freshness));
    PAWL_CHECK(check_geofence(release, device));
  }
  return Verifier::accept({std::move(release), digest, standing});
}

Result<Verified<AcceptedRelease>> reload_release(ByteView manifest, const Sha256Digest& digest,
                                                 const DeviceFacts& device, const Floors& floors) {
  if (manifest.size() > kMaxReleaseBytes) {
    return refuse(Attack::kEndless, Errc::kTooLarge, "stored release manifest is too long");
  }
  if (sha256(manifest) != digest) {
    return refuse(Attack::kArbitrary, Errc::kHashMismatch,
                  "stored release manifest does not have the recorded digest");
  }
  PAWL_TRY(auto release, classified(Release::parse(as_text(manifest))));
  PAWL_CHECK(check_identity(release, device));
  PAWL_CHECK(check_security(release, floors));
  return Verifier::accept({std::move(release), digest, Standing::kNewer});
}

}  // namespace pawl::manifest
