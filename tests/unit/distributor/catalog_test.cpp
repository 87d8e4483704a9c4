#include "distributor/catalog.hpp"

#include <catch2/catch.hpp>

#include "fakes/fake_clock.hpp"
#include "fakes/repo_simulator.hpp"

using namespace pawl;
using namespace pawl::distributor;
using namespace pawl::fakes;

TEST_CASE("catalog: releases of every product, highest counter first (FORMAT 12.4.2)",
          "[distributor][catalog]") {
  RepoSimulator repository;
  repository.add_release(sample_release(2, "1.1.0"));
  repository.add_release(sample_release(4, "1.3.0"));
  repository.add_release(sample_release(3, "1.2.0"));
  repository.bump();
  FakeClock clock(repository.now);
  const auto catalog = read_catalog(repository, clock);
  REQUIRE(catalog);
  CHECK(catalog->meta == to_hex(sha256(repository.metadata_files["timestamp.json"])));
  REQUIRE(catalog->products.contains("gw3"));
  CHECK(catalog->products.find("gw3")->second.size() == 3);
  const auto* newest = catalog->newest("gw3", {});
  REQUIRE(newest != nullptr);
  CHECK(newest->version == "1.3.0");
  CHECK(newest->release_counter == ReleaseCounter(4));
  CHECK(newest->manifest == sha256(as_bytes(sample_release(4, "1.3.0").serialise())));
  CHECK(catalog->newest("gw3", {{"gw3", "1.3.0"}})->version == "1.2.0");
  CHECK(catalog->newest("gw3", {{"other", "1.3.0"}})->version == "1.3.0");
  CHECK(catalog->newest("gw3", {{"gw3", "1.3.0"}, {"gw3", "1.2.0"}, {"gw3", "1.1.0"}}) == nullptr);
  CHECK(catalog->newest("pump", {}) == nullptr);
  CHECK(catalog->find("gw3", "1.1.0")->release_counter == ReleaseCounter(2));
  CHECK(catalog->find("gw3", "9.9.9") == nullptr);
}

TEST_CASE("catalog: nothing published is an empty catalog, damaged metadata an error",
          "[distributor][catalog]") {
  RepoSimulator repository;
  FakeClock clock(repository.now);
  auto damaged = repository;
  damaged.metadata_files["timestamp.json"].back() ^= 1U;
  CHECK_FALSE(read_catalog(damaged, clock));
  auto rootless = repository;
  rootless.metadata_files.erase("1.root.json");
  CHECK(read_catalog(rootless, clock).error().code() == Errc::kIo);
  FakeClock late(repository.now + Seconds(8 * 24 * 3600));
  CHECK(read_catalog(repository, late).error().code() == Errc::kExpired);
  repository.metadata_files.clear();
  const auto empty = read_catalog(repository, clock);
  REQUIRE(empty);
  CHECK(empty->meta.empty());
  CHECK(empty->products.empty());
}
