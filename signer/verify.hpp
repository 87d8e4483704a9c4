#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "base/progress.hpp"
#include "base/time.hpp"
#include "manifest/updater.hpp"

namespace pawl::signer {

enum class BlobCheck : std::uint8_t { kDigests, kNone };

struct VerifyInput {
  std::string directory;
  Bytes root;                         // the root file a device trusts
  UtcTime at;                         // the device's clock
  std::vector<std::string> products;  // empty: all that targets delegates
  BlobCheck blobs = BlobCheck::kDigests;
};

struct RoleState {
  std::string role;
  MetadataVersion version{0};
  UtcTime expires{};
};

struct ReleaseState {
  std::string product;
  std::string version;
  ReleaseCounter counter{0};
  SecurityVersion security_version{0};
  Sha256Digest digest;
  manifest::Logged logged = manifest::Logged::kNotProved;
  std::optional<Error> refused;  // why a device does not take it
};

struct VerifyReport {
  std::vector<RoleState> roles;  // root, timestamp, snapshot, targets, then the products' roles
  std::vector<ReleaseState> releases;
};

/// Fetches the manifest behind `target` and judges it as a device it is made for would.
[[nodiscard]] Result<manifest::Release> judge_as_device(manifest::Updater& client,
                                                        const manifest::TargetInfo& target);

/// Runs the device's own client over a repository directory, as a new device of each product and
/// hardware would: metadata, manifests, then every blob they name.
/// @return the client's error when the metadata is not accepted; a release that is not accepted is
///         in the report
[[nodiscard]] Result<VerifyReport> verify_repository(Disk& disk, const VerifyInput& input,
                                                     Progress& progress);

}  // namespace pawl::signer
