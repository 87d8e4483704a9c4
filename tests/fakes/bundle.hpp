#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "fakes/repo_simulator.hpp"
#include "manifest/bundle.hpp"

namespace pawl::fakes {

/// One file of a bundle that is being put together.
struct BundleFilePart {
  manifest::BundlePart part = manifest::BundlePart::kMetadata;
  std::string name;
  Bytes bytes;
};

inline Bytes write_bundle(const std::vector<BundleFilePart>& parts) {
  std::vector<manifest::BundleEntry> entries;
  for (const auto& part : parts) entries.push_back({part.part, part.name, part.bytes.size(), 0});
  const auto table = manifest::BundleTable::build(std::move(entries));
  PAWL_ASSERT(table);
  auto out = table->serialise();
  for (const auto& part : parts) out.insert(out.end(), part.bytes.begin(), part.bytes.end());
  return out;
}

/// What `repo` serves now, with the manifest of one release; blobs follow when there are any.
inline std::vector<BundleFilePart> bundle_parts(const RepoSimulator& repo,
                                                const manifest::Release& release) {
  using manifest::BundlePart;
  std::vector<BundleFilePart> out;
  for (const auto& [name, bytes] : repo.metadata_files) {
    out.push_back({BundlePart::kMetadata, name, bytes});
  }
  const auto text = release.serialise();
  const auto path = manifest::consistent_target_path(
      manifest::release_path(release.product, release.version), to_hex(sha256(as_bytes(text))));
  const auto bytes = as_bytes(text);
  out.push_back({BundlePart::kTarget, path, {bytes.begin(), bytes.end()}});
  return out;
}

}  // namespace pawl::fakes
