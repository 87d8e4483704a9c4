#pragma once
#include "fakes/memory_store.hpp"
#include "fakes/repo_simulator.hpp"
#include "manifest/updater.hpp"

namespace pawl::manifest {

using fakes::at;
using fakes::SigningKey;

inline constexpr auto kDay = std::chrono::hours(24);

/// A device and its repository in memory.
struct Device {
  fakes::RepoSimulator repo;
  fakes::MemoryStore store;
  fakes::FakeClock clock{at("2026-11-20T12:00:00Z")};
  Floors floors;
  UtcTime build_epoch{};
  DeviceFacts facts{"gw3", "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe",
                    "1492af14-2569-5e48-bf42-9b2d51f2ab45", "b"};

  [[nodiscard]] Updater updater(std::uint64_t anchor = 1) {
    UpdaterOptions options;
    options.anchor = repo.root_file(anchor);
    options.floors = floors;
    options.build_epoch = build_epoch;
    return {repo, store, clock, std::move(options)};
  }
  /// One cycle, as a program does it: floors are kept whether or not it succeeds.
  Result<RefreshReport> refresh(std::uint64_t anchor = 1) {
    repo.requests.clear();
    auto client = updater(anchor);
    auto report = client.refresh();
    floors = client.floors();
    return report;
  }
  /// kUsage when the refresh succeeds.
  Errc code(std::uint64_t anchor = 1) {
    const auto report = refresh(anchor);
    return report ? Errc::kUsage : report.error().code();
  }
  std::vector<SigningKey> replace_keys(const std::string& role, std::vector<std::string> names) {
    auto old = repo.signers[role];
    repo.signers[role].clear();
    for (const auto& name : names) repo.signers[role].emplace_back(name);
    return old;
  }
  /// Two years in the repository: each root up to this version changes every key.
  void change_all_keys(unsigned from, unsigned to) {
    for (auto v = from; v <= to; ++v) {
      repo.now += 20 * kDay;
      const auto tag = std::to_string(v);
      const auto old = replace_keys("root", {"root-a" + tag, "root-b" + tag, "root-c" + tag});
      for (const std::string role : {"targets", "snapshot", "timestamp"}) {
        replace_keys(role, {role + tag});
      }
      repo.root.header.expires = repo.now + 40 * kDay;
      repo.bump_root(old);
    }
  }
};

/// A trusted set of this device with one root in it.
inline TrustedSet opened(const Device& device, std::uint64_t root = 1) {
  auto set = TrustedSet::open(device.repo.root_file(root), Profile::kStrict,
                              limits_of(Profile::kStrict), device.floors);
  PAWL_ASSERT(set);
  return *std::move(set);
}

/// Roots closed at the device's clock.
inline TrustedSet closed(Device& device) {
  auto set = opened(device);
  PAWL_ASSERT(set.close_roots(device.clock.time, device.build_epoch));
  return set;
}

/// kUsage for a good one.
template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc::kUsage : result.error().code();
}

/// Text of an error, or "ok": for INFO.
template <class T>
std::string outcome(const Result<T>& result) {
  return result ? "ok" : result.error().what();
}

}  // namespace pawl::manifest
