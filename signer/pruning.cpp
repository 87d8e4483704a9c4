#include "signer/pruning.hpp"

#include <algorithm>

#include "base/disk.hpp"
#include "manifest/release.hpp"

namespace pawl::signer {
namespace {

struct Listed {
  ReleaseCounter counter{0};
  std::string path;
};

/// "releases/gw3/1.0.0/manifest.json" -> "1.0.0".
std::string version_of(const std::string& path) {
  const auto folder = parent_of(path);
  return folder.substr(parent_of(folder).size() + 1);
}

}  // namespace

Result<std::vector<std::string>> prune_releases(manifest::Targets& role, std::size_t keep) {
  std::vector<Listed> listed;
  for (const auto& [path, info] : role.targets) {
    PAWL_TRY(const auto summary, manifest::ReleaseSummary::parse(info.custom));
    listed.push_back({summary.release_counter, path});
  }
  std::sort(listed.begin(), listed.end(),
            [](const Listed& a, const Listed& b) { return a.counter < b.counter; });
  std::vector<std::string> out;
  for (std::size_t i = 0; i + keep < listed.size(); ++i) {
    role.targets.erase(listed[i].path);
    out.push_back(version_of(listed[i].path));
  }
  return out;
}

}  // namespace pawl::signer
