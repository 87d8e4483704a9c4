// What one file of the chain says about the next.
#include <catch2/catch.hpp>

#include "device.hpp"

using namespace pawl;
using namespace pawl::manifest;

TEST_CASE("trusted set: what hangs from a dead file is dead, too (FORMAT 2.4.1)", "[manifest]") {
  Device device;
  auto& files = device.repo.metadata_files;
  auto set = opened(device);
  REQUIRE(set.close_roots(device.repo.now + 8 * kDay, {}));  // the timestamp lives 7 days
  CHECK(code_of(set.add_timestamp(files["timestamp.json"])) == Errc::kExpired);
  CHECK(code_of(set.add_timestamp(files["timestamp.json"])) == Errc::kExpired);
  CHECK(code_of(set.add_snapshot(files["1.snapshot.json"], Source::kReceived)) == Errc::kExpired);

  device.repo.timestamp.header.version = MetadataVersion(2);
  const auto expires = device.repo.now + 400 * kDay;
  device.repo.timestamp.header.expires = expires;
  auto late = opened(device);
  REQUIRE(late.close_roots(device.repo.now + 31 * kDay, {}));  // the snapshot lives 30 days
  REQUIRE(late.add_timestamp(fakes::RepoSimulator::sign(device.repo.timestamp.serialise(),
                                                        device.repo.signers["timestamp"])));
  CHECK(code_of(late.add_snapshot(files["1.snapshot.json"], Source::kReceived)) == Errc::kExpired);
  CHECK_FALSE(late.snapshot().has_value());
}

TEST_CASE("trusted set: of two snapshots of one version the announced one counts (FORMAT 2.6.1)",
          "[manifest]") {
  Device device;
  const auto other = device.repo.metadata_files.at("1.snapshot.json");
  device.repo.now += Seconds(1);
  device.repo.publish_snapshot();
  device.repo.publish_timestamp();
  auto set = closed(device);
  REQUIRE(set.add_timestamp(device.repo.metadata_files.at("timestamp.json")));
  const auto stored = set.add_snapshot(other, Source::kStored);
  CHECK(code_of(stored) == Errc::kHashMismatch);
  CHECK(stored.error().attack() == "mix-and-match");
  CHECK(set.add_snapshot(device.repo.metadata_files.at("1.snapshot.json"), Source::kStored));
}

TEST_CASE("trusted set: the issue time of a product's role vouches for nothing (FORMAT 2.8.4)",
          "[manifest]") {
  Device device;
  device.repo.add_release(fakes::sample_release());
  const auto honest = device.repo.now;
  device.repo.now += 300 * kDay;
  device.repo.publish_role("rel-gw3");
  device.repo.now = honest;
  device.repo.publish_snapshot();
  device.repo.publish_timestamp();
  auto client = device.updater();
  REQUIRE(client.refresh());
  REQUIRE(client.releases("gw3")->size() == 1);
  CHECK(time_floor(client.floors(), {}) == honest);
}

TEST_CASE("trusted set: a role nobody delegates to has no keys (FORMAT 2.6.6)", "[manifest]") {
  Device device;
  auto set = closed(device);
  auto& files = device.repo.metadata_files;
  REQUIRE(set.add_timestamp(files["timestamp.json"]));
  REQUIRE(set.add_snapshot(files["1.snapshot.json"], Source::kReceived));
  REQUIRE(set.add_targets({"root", "targets"}, files["1.targets.json"]));
  const auto added = set.add_targets({"another", "rel-gw3"}, files["1.rel-gw3.json"]);
  CHECK(code_of(added) == Errc::kBadSignature);
  CHECK(added.error().attack() == "arbitrary");
  CHECK(set.add_targets({"targets", "rel-gw3"}, files["1.rel-gw3.json"]));
}
