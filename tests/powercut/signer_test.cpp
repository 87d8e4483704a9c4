#include <catch2/catch.hpp>

#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using fakes::FakeDisk;

namespace {

/// A repository with release 1.0.0, and release directory /r2 with 1.1.0.
FakeDisk prepared() {
  FakeDisk disk;
  NoProgress progress;
  fakes::MemoryKeys keys;
  auto ring = fakes::ring_of(keys, fakes::all_labels());
  REQUIRE(fakes::publish_first(disk, ring));
  REQUIRE(signer::build_release(disk, fakes::small_input(disk, "1.0.0", 1), "/r1", progress));
  REQUIRE(signer::build_release(disk, fakes::small_input(disk, "1.1.0", 2), "/r2", progress));
  REQUIRE(fakes::add_release(disk, ring, "/r1"));
  return disk;
}

/// Versions a new device accepts; fails the test when it would refuse anything that is listed.
std::vector<std::string> accepted(FakeDisk& disk) {
  const auto report = fakes::seen_by_device(disk);
  if (!report) {
    INFO(report.error().what());
    REQUIRE(report);
  }
  std::vector<std::string> out;
  for (const auto& release : report->releases) {
    INFO(release.version << ": " << (release.refused ? release.refused->what() : "accepted"));
    REQUIRE_FALSE(release.refused);
    out.push_back(release.version);
  }
  return out;
}

const std::vector<fakes::CutPolicy>& fates() {
  using fakes::Fate;
  static const std::vector<fakes::CutPolicy> all{{Fate::kLost, Fate::kLost, 0, 0},
                                                 {Fate::kKept, Fate::kKept, 0, 0},
                                                 {Fate::kLost, Fate::kKept, 1, 0},
                                                 {Fate::kMixed, Fate::kMixed, 1, 3}};
  return all;
}

}  // namespace

TEST_CASE("power cut at any durable operation of release add leaves a repository that verifies",
          "[signer][powercut]") {
  const auto start = prepared();
  for (const auto& fate : fates()) {
    for (unsigned cut = 0;; ++cut) {
      auto disk = start;
      disk.ops = 0;
      fakes::MemoryKeys keys;
      auto ring = fakes::ring_of(keys, fakes::all_labels());
      disk.policy = fate;
      disk.ops_left = cut;
      const bool done = static_cast<bool>(fakes::add_release(disk, ring, "/r2"));
      INFO("power cut before durable operation " << cut << ": " << disk.last_op);
      disk.power_on();
      const auto after_cut = accepted(disk);
      REQUIRE((after_cut == std::vector<std::string>{"1.0.0"} ||
               after_cut == std::vector<std::string>{"1.1.0", "1.0.0"}));
      REQUIRE(fakes::add_release(disk, ring, "/r2"));  // run again, it completes
      REQUIRE(accepted(disk) == std::vector<std::string>{"1.1.0", "1.0.0"});
      if (done) {
        CHECK(cut > 40);
        break;
      }
    }
  }
}

TEST_CASE("power cut at any durable operation of repo init can be started over",
          "[signer][powercut]") {
  for (unsigned cut = 0;; ++cut) {
    FakeDisk disk;
    disk.make_durable("/srv");
    fakes::MemoryKeys keys;
    auto ring = fakes::ring_of(keys, fakes::all_labels());
    disk.ops_left = cut;
    const bool done = static_cast<bool>(fakes::publish_first(disk, ring));
    disk.power_on();
    INFO("power cut before durable operation " << cut << ": " << disk.last_op);
    const auto published = signer::is_published(disk, fakes::kRepository);
    REQUIRE(published);
    if (*published) {
      REQUIRE(fakes::seen_by_device(disk));
    } else {
      REQUIRE(fakes::publish_first(disk, ring));
      REQUIRE(fakes::seen_by_device(disk));
    }
    if (done) {
      CHECK(cut > 25);
      break;
    }
  }
}

TEST_CASE("power cut at any durable operation of release build leaves no half release",
          "[signer][powercut]") {
  NoProgress progress;
  for (unsigned cut = 0;; ++cut) {
    FakeDisk disk;
    const auto input = fakes::small_input(disk, "1.0.0", 1);
    disk.ops_left = cut;
    const bool done = static_cast<bool>(signer::build_release(disk, input, "/r1", progress));
    disk.power_on();
    INFO("power cut before durable operation " << cut << ": " << disk.last_op);
    const auto there = disk.exists("/r1/manifest.json");
    REQUIRE(there);
    if (*there) REQUIRE(signer::load_release(disk, "/r1"));
    REQUIRE(signer::build_release(disk, input, "/r1", progress));
    REQUIRE(signer::load_release(disk, "/r1"));
    if (done) break;
  }
}
