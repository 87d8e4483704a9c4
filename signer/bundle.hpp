#pragma once
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "base/progress.hpp"
#include "manifest/bundle.hpp"
#include "manifest/release.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {

/// What a bundle of one release will hold (FORMAT 14).
struct BundlePlan {
  struct Part {
    manifest::BundlePart part = manifest::BundlePart::kMetadata;
    std::string name;
    Bytes bytes;                     // metadata and manifest
    manifest::BlobReference blob{};  // of kBlob
  };
  std::vector<Part> parts;  // in the order of the file
  manifest::Release release;
  Sha256Digest manifest;   // digest
  UtcTime usable_until{};  // from then on a device refuses it
};

/// Every root, the files of the published state, one manifest and the blobs of its components.
/// Metadata is read now, so that the caller may give up the repository's lock before it writes.
/// @param version  empty: the one with the highest release counter
/// @return kNotForDevice for a product or version that is not published
[[nodiscard]] Result<BundlePlan> plan_bundle(Disk& disk, const Repository& repository,
                                             const std::string& product,
                                             const std::string& version);

struct WrittenBundle {
  std::uint64_t size = 0;
  std::size_t files = 0;
  Sha256Digest sha256;
};
/// Writes `out` whole or not at all, and reads it as a device would before it gets its name.
/// @param root  what the device trusts; @param now its clock
/// @return kHashMismatch for a damaged blob, or what a device would say
[[nodiscard]] Result<WrittenBundle> write_bundle(Disk& disk, const Repository& repository,
                                                 const BundlePlan& plan, const std::string& out,
                                                 UtcTime now, Progress& progress);

}  // namespace pawl::signer
