#include "signer/pruning.hpp"

#include <catch2/catch.hpp>

#include "manifest/path.hpp"
#include "manifest/release.hpp"

using namespace pawl;
using namespace pawl::signer;

namespace {

manifest::Targets role_of(const std::vector<std::pair<std::string, std::uint64_t>>& releases) {
  manifest::Targets out;
  for (const auto& [version, counter] : releases) {
    manifest::ReleaseSummary summary{"gw3", {"b"}, ReleaseCounter(counter), SecurityVersion(1)};
    manifest::TargetInfo info;
    info.path = manifest::release_path("gw3", version);
    info.custom = summary.to_json();
    out.targets[info.path] = info;
  }
  return out;
}

using Versions = std::vector<std::string>;

}  // namespace

TEST_CASE("pruning: the counter decides what is old, not the version", "[signer][pruning]") {
  auto role = role_of({{"9.0.0", 1}, {"1.0.0", 3}, {"2.0.0", 2}, {"10.0.0", 4}});
  CHECK(*prune_releases(role, 4) == Versions{});
  CHECK(*prune_releases(role, 9) == Versions{});
  CHECK(*prune_releases(role, 2) == Versions{"9.0.0", "2.0.0"});
  CHECK(role.targets.size() == 2);
  CHECK(role.targets.contains(manifest::release_path("gw3", "10.0.0")));
  CHECK(role.targets.contains(manifest::release_path("gw3", "1.0.0")));
}

TEST_CASE("pruning: an entry that is no release stops it", "[signer][pruning]") {
  auto role = role_of({{"1.0.0", 1}, {"2.0.0", 2}});
  role.targets.begin()->second.custom = {};
  CHECK_FALSE(prune_releases(role, 1));
  CHECK(role.targets.size() == 2);
}
