#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "base/progress.hpp"
#include "manifest/release.hpp"
#include "payload/build.hpp"
#include "signer/component_spec.hpp"

namespace pawl::signer {

struct AttachmentSpec {
  std::string kind;
  std::string media_type;
  std::string file;
};

/// Everything a release is made of. Nothing here depends on time or host, and neither does the
/// result (FORMAT 11.2.3).
struct BuildInput {
  manifest::Release release;  // components, measurements and attachments are filled in
  std::vector<ComponentSpec> components;
  std::optional<std::string> uki;  // path; becomes the component "uki"
  std::vector<std::string> boot_profiles;
  std::string phases = "sysinit ready";
  std::vector<AttachmentSpec> attachments;
  payload::BuildOptions payload;
};

struct BuiltRelease {
  manifest::Release release;
  Bytes manifest;  // canonical
  Sha256Digest digest;
};

/// Makes `manifest` and `digest` from `release`. @return kTooLarge over the limit of FORMAT 3.1,
/// kMalformed for what a device would refuse
[[nodiscard]] Status serialise(BuiltRelease& built);

/// Reads the images, writes `out/blobs/<sha256>` for each container, index and attachment, and
/// `out/manifest.json` last. Run again after a kill, it starts over.
///
/// @param out  must not hold a finished release of other content
/// @return kUsage when `out` holds another release, kMalformed for images that break a rule of
///         FORMAT 11.2 or 11.4, or the error of the disk
[[nodiscard]] Result<BuiltRelease> build_release(Disk& disk, const BuildInput& input,
                                                 const std::string& out, Progress& progress);

/// A release directory as build_release left it: the manifest parses and is canonical, and every
/// blob it names is there in the right size. Digests are checked when the blobs are copied.
[[nodiscard]] Result<BuiltRelease> load_release(Disk& disk, const std::string& directory);

/// Every blob a release names, each once.
[[nodiscard]] std::vector<manifest::BlobReference> blobs_of(const manifest::Release& release);

inline constexpr const char* kManifestName = "manifest.json";

}  // namespace pawl::signer
