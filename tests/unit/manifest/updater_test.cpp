#include "manifest/updater.hpp"

#include <catch2/catch.hpp>

#include "fakes/memory_store.hpp"
#include "fakes/repo_simulator.hpp"
#include "manifest/verify_release.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::at;

namespace {

struct Device {
  fakes::RepoSimulator repo;
  fakes::MemoryStore store;
  fakes::FakeClock clock{at("2026-11-20T12:00:00Z")};
  Floors floors;
  DeviceFacts facts{"gw3", "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe",
                    "1492af14-2569-5e48-bf42-9b2d51f2ab45", "b"};

  Updater updater(std::uint64_t anchor = 1) {
    UpdaterOptions options;
    options.anchor = repo.root_file(anchor);
    options.floors = floors;
    return {repo, store, clock, std::move(options)};
  }
  Result<RefreshReport> refresh(std::uint64_t anchor = 1) {
    auto client = updater(anchor);
    auto report = client.refresh();
    floors = client.floors();
    return report;
  }
};

}  // namespace

TEST_CASE("updater: fetches in the order of TUF 5 and offers the newest release", "[manifest]") {
  Device device;
  device.repo.add_release(fakes::sample_release(2, "1.1.0"));
  device.repo.add_release(fakes::sample_release(3, "1.2.0"));
  device.repo.bump();
  auto client = device.updater();
  const auto report = client.refresh();
  if (!report) FAIL(report.error().what());
  CHECK(report->timestamp == MetadataVersion(2));
  CHECK(device.repo.requests.front() == "2.root.json");
  const auto offers = client.releases("gw3");
  REQUIRE(offers);
  REQUIRE(offers->size() == 2);
  const auto best =
      newest_acceptable(*offers, device.facts, client.floors(), client.trusted().policy());
  REQUIRE(best);
  const auto bytes = client.fetch(best->target, kMaxReleaseBytes);
  REQUIRE(bytes);
  const auto verified = verify_release(*bytes, best->target, device.facts, client.floors(),
                                       client.trusted().policy());
  if (!verified) FAIL(verified.error().what());
  CHECK((*verified)->release.version == "1.2.0");
  CHECK((*verified)->standing == Standing::kNewer);
}

TEST_CASE("updater: nothing new asks for root and timestamp alone", "[manifest]") {
  Device device;
  REQUIRE(device.refresh());
  device.repo.requests.clear();
  const auto report = device.refresh();
  REQUIRE(report);
  CHECK(report->change == Change::kSame);
  CHECK(device.repo.requests == std::vector<std::string>{"2.root.json", "timestamp.json"});
}
