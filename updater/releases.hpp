#pragma once
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "manifest/updater.hpp"
#include "manifest/verify_release.hpp"
#include "updater/device.hpp"

namespace pawl::updater {

/// The release that a check or an install is about.
struct Chosen {
  manifest::Verified<manifest::AcceptedRelease> accepted;
  Bytes manifest;  // as received
};

/// What the metadata say.
struct Refreshed {
  manifest::RefreshReport report;
  std::optional<Chosen> chosen;  // nothing when the repository has nothing newer
};

/// Refreshes the metadata and verifies one release for this device: `version` when given, else the
/// newest acceptable one. Floors of metadata versions are kept whatever comes of it.
/// @param running  digest of the manifest of the running release
/// @return the errors of manifest::Updater and verify_release; kNotForDevice for a product or
///         version the repository does not list
[[nodiscard]] Result<Refreshed> choose_release(Device& device, Engine& engine,
                                               const std::optional<std::string>& version);

/// Refreshes the metadata and nothing else.
[[nodiscard]] Status refresh_metadata(Device& device, Engine& engine);

/// A manifest that lies on the device, found again in signed metadata.
struct VerifiedInstalled {
  manifest::Verified<manifest::AcceptedRelease> release;
  manifest::Floors floors;  // of the metadata, after the refresh
};
/// Verifies the manifest of the running release at provisioning, when no record can be believed.
/// @param before  floors that are known; only what they say of metadata is used
/// @return kNotForDevice when the repository lists no such release, kHashMismatch for another one
[[nodiscard]] Result<VerifiedInstalled> verify_installed(Device& device, ByteView manifest,
                                                         const manifest::Floors& before);

/// What a release's conditions are compared with on this device.
[[nodiscard]] manifest::DeviceFacts facts_of(const Config& config, UtcTime now,
                                             const std::optional<ReleaseId>& running);

}  // namespace pawl::updater
