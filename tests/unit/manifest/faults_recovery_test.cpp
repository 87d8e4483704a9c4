// Power cuts, a disk that cannot be written and a clock that jumps, in the middle of a refresh.
#include <catch2/catch.hpp>

#include "device.hpp"
#include "fakes/fake_disk.hpp"
#include "manifest/disk_store.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

/// A device that has seen nothing, and a repository with root 2 and everything else at version 2.
struct Stage {
  Device device;

  Stage() {
    device.repo.add_release(fakes::sample_release());
    device.repo.bump_root();
    device.repo.bump();
  }
};

enum class Record : std::uint8_t { kKept, kLost };  // the floors a cut run came to

/// One cycle of the device with a store on this disk.
Result<RefreshReport> refresh_on(fakes::FakeDisk& disk, Device& device, Record record) {
  PAWL_TRY(auto store, DiskStore::open(disk, "/var/tuf"));
  UpdaterOptions options;
  options.anchor = device.repo.root_file(1);
  options.floors = device.floors;
  Updater client(device.repo, store, device.clock, std::move(options));
  auto report = client.refresh();
  if (!disk.is_off() || record == Record::kKept) device.floors = client.floors();
  return report;
}

}  // namespace

TEST_CASE("faults: the power goes at any write of a refresh; the next one succeeds (FORMAT 2.10.1)",
          "[manifest][faults]") {
  for (const auto fate : {fakes::Fate::kLost, fakes::Fate::kKept, fakes::Fate::kMixed}) {
    for (unsigned at = 0;; ++at) {
      Stage stage;
      auto& device = stage.device;
      fakes::FakeDisk disk;
      disk.make_durable("/var/tuf");
      const auto run = [&] { return refresh_on(disk, device, Record::kKept); };
      disk.policy.data = disk.policy.entries = fate;
      disk.policy.seed = at;
      disk.policy.torn_sectors = at % 2;
      disk.ops_left = at;
      const auto first = run();
      if (!disk.is_off()) {
        REQUIRE(first);
        CHECK(at > 20);  // five files, each with several durable operations
        break;
      }
      INFO("cut before durable operation " << at << ": " << disk.last_op);
      disk.power_on();
      disk.ops_left = fakes::FakeDisk::kNoCut;
      const auto second = run();
      INFO(outcome(second));
      REQUIRE(second);
      CHECK(second->root == MetadataVersion(2));
      CHECK(second->targets == MetadataVersion(2));
    }
  }
}

TEST_CASE("faults: a store that cannot be written is an error, and harms nothing",
          "[manifest][faults]") {
  Stage stage;
  fakes::FakeDisk disk;
  disk.make_durable("/var/tuf");
  auto store = DiskStore::open(disk, "/var/tuf");
  REQUIRE(store);
  UpdaterOptions options;
  options.anchor = stage.device.repo.root_file(1);
  disk.read_only.insert("/var/tuf");
  {
    Updater client(stage.device.repo, *store, stage.device.clock, options);
    const auto report = client.refresh();
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == Errc::kIo);
  }
  disk.read_only.clear();
  Updater client(stage.device.repo, *store, stage.device.clock, options);
  CHECK(client.refresh());
}

TEST_CASE("faults: the power goes while rotated keys undo versions set too high (FORMAT 2.8.3)",
          "[manifest][faults]") {
  for (const auto record : {Record::kKept, Record::kLost}) {
    for (unsigned at = 0;; ++at) {
      Device device;
      auto& repo = device.repo;
      fakes::FakeDisk disk;
      disk.make_durable("/var/tuf");
      const auto run = [&] { return refresh_on(disk, device, record); };
      for (auto* header : {&repo.timestamp.header, &repo.snapshot.header}) {
        header->version = MetadataVersion(1U << 30U);
      }
      repo.publish();
      REQUIRE(run());
      for (const auto* role : {"timestamp", "snapshot"}) {
        device.replace_keys(role, {std::string(role) + "-2"});
      }
      for (auto* header : {&repo.timestamp.header, &repo.snapshot.header}) {
        header->version = MetadataVersion(1);
      }
      repo.bump_root();
      repo.bump();
      disk.ops_left = at;
      const auto first = run();
      const bool done = !disk.is_off();
      if (!done) {
        INFO("cut before durable operation " << at << ": " << disk.last_op);
        disk.power_on();
        disk.ops_left = fakes::FakeDisk::kNoCut;
        const auto second = run();
        INFO(outcome(second));
        REQUIRE(second);
      }
      CHECK(device.floors.versions.at("timestamp").version == MetadataVersion(2));
      if (!done) continue;
      REQUIRE(first);
      CHECK(at > 12);  // root, timestamp, snapshot and targets, each with several operations
      break;
    }
  }
}

TEST_CASE("faults: a clock that jumps within a cycle moves nothing in it (FORMAT 2.8.4)",
          "[manifest][faults]") {
  class Jumping final : public Clock {
   public:
    UtcTime now() override {
      return asked++ == 0 ? at("2026-11-20T12:00:00Z") : at("2046-01-01T00:00:00Z");
    }
    std::chrono::steady_clock::time_point steady() override { return {}; }
    unsigned asked = 0;
  } clock;
  Stage stage;
  auto& device = stage.device;
  UpdaterOptions options;
  options.anchor = device.repo.root_file(1);
  Updater client(device.repo, device.store, clock, std::move(options));
  const auto report = client.refresh();
  INFO(outcome(report));
  REQUIRE(report);
  CHECK(report->time == at("2026-11-20T12:00:00Z"));
  CHECK(client.releases("gw3")->size() == 1);
  CHECK(clock.asked == 1);
}
