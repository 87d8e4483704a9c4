#pragma once
#include "manifest/bundle_file.hpp"
#include "updater/verbs.hpp"

namespace pawl::updater {

/// The blobs of an offline bundle. `bundle` outlives it and what it opens.
class BundleBlobs final : public BlobSource {
 public:
  explicit BundleBlobs(manifest::BundleFile& bundle) : bundle_(bundle) {}
  Result<std::unique_ptr<payload::FrameSource>> open(const manifest::BlobReference& blob) override;

 private:
  manifest::BundleFile& bundle_;
};

/// The same device, with a bundle in place of its server: every check stays, except that expired
/// metadata leaves the decision to the release (FORMAT 14.3).
[[nodiscard]] Device with_bundle(const Device& device, manifest::BundleFile& bundle,
                                 BlobSource& blobs);

/// Installs the release a bundle carries. @param request a version must be the bundle's
/// @return the errors of `install`; kUsage for another version, kNotForDevice for another product
[[nodiscard]] Result<InstallResult> install_bundle(Device& device, const std::string& path,
                                                   InstallRequest request);

}  // namespace pawl::updater
