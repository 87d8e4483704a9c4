#pragma once
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "manifest/transparency.hpp"
#include "manifest/updater.hpp"
#include "manifest/verify_release.hpp"
#include "updater/device.hpp"

namespace pawl::updater {

/// The release that a check or an install is about.
struct Chosen {
  manifest::Verified<manifest::AcceptedRelease> accepted;
  Bytes manifest;  // as received
  manifest::Logged logged = manifest::Logged::kNotProved;
};

/// Which release is asked for.
struct ReleaseWish {
  std::optional<std::string> version;  // else the newest acceptable one
  std::optional<Bytes> ticket;         // file of an override ticket (FORMAT 15)
};

/// What the metadata say.
struct Refreshed {
  manifest::RefreshReport report;
  std::optional<Chosen> chosen;              // nothing when the repository has nothing newer
  std::optional<manifest::Override> ticket;  // good for `chosen`, not used up yet
};

/// Refreshes the metadata and verifies one release for this device. Floors of metadata versions are
/// kept whatever comes of it.
/// @param running  digest of the manifest of the running release
/// @return the errors of manifest::Updater and verify_release; kNotForDevice for a product or
///         version the repository does not list
[[nodiscard]] Result<Refreshed> choose_release(Device& device, Engine& engine,
                                               const ReleaseWish& wish);

/// Refreshes the metadata and asks for a ticket: from now on only one with this nonce is good.
/// @return kNotForDevice when root's policy has no development keys for this product
[[nodiscard]] Result<manifest::Tickets> ask_for_ticket(Device& device, Engine& engine,
                                                       Random& random);

/// Refreshes the metadata and nothing else.
[[nodiscard]] Status refresh_metadata(Device& device, Engine& engine);

/// A manifest that lies on the device, found again in signed metadata.
struct VerifiedInstalled {
  manifest::Verified<manifest::AcceptedRelease> release;
  manifest::Floors floors;  // of the metadata, after the refresh
};
/// Verifies the manifest of the running release at provisioning, when no record can be believed.
/// @param before  floors that are known; only what they say of metadata is used
/// @return kNotForDevice when the repository lists no such release, kHashMismatch for another one;
///         where a transparency proof is required (FORMAT 2.11.5), the errors of its check
[[nodiscard]] Result<VerifiedInstalled> verify_installed(Device& device, ByteView manifest,
                                                         const manifest::Floors& before);

/// What a release's conditions are compared with on this device.
[[nodiscard]] manifest::DeviceFacts facts_of(const Config& config, UtcTime now,
                                             const std::optional<ReleaseId>& running);

}  // namespace pawl::updater
