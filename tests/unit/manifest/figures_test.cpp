// What a refusal saw and what it was compared with, as numbers: `--json` prints them.
#include <functional>

#include <catch2/catch.hpp>

#include "device.hpp"
#include "manifest/verify_release.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

using Figures = std::vector<Figure>;

struct Row {
  const char* why;
  std::function<void(Device&)> change;  // of a device that has seen everything at version 3
  Figures seen;
  Figures trusted;
};

void at_version(Header& header, std::uint64_t to) {
  header.version = MetadataVersion(to);
}
void newer_snapshot(Device& d) {
  at_version(d.repo.snapshot.header, 4);
  d.repo.publish_snapshot();
  at_version(d.repo.timestamp.header, 4);
  d.repo.publish_timestamp();
}

const Row kRows[] = {
    {"timestamp rolled back",
     [](Device& d) {
       at_version(d.repo.timestamp.header, 2);
       d.repo.publish_timestamp();
     },
     {{"timestamp", 2}},
     {{"timestamp", 3}}},
    {"targets rolled back",
     [](Device& d) {
       at_version(d.repo.roles["targets"].header, 2);
       d.repo.publish_role("targets");
       newer_snapshot(d);
     },
     {{"targets", 2}},
     {{"targets", 3}}},
    {"a role no longer listed",
     [](Device& d) {
       d.repo.snapshot.meta.erase("rel-gw3");
       newer_snapshot(d);
     },
     {{"snapshot", 4}},
     {{"rel-gw3", 3}}},
    {"the next root is another one",
     [](Device& d) {
       d.repo.root.header.version = MetadataVersion(3);
       d.repo.publish_root();
       d.repo.metadata_files["2.root.json"] = d.repo.metadata_files["3.root.json"];
     },
     {{"root", 3}},
     {{"root", 1}}},
    {"a root withheld",
     [](Device& d) { d.floors.root = MetadataVersion(5); },
     {{"root", 1}},
     {{"root", 5}}},
    {"snapshot is not the announced one",
     [](Device& d) {
       at_version(d.repo.snapshot.header, 4);
       d.repo.publish_snapshot();
       d.repo.timestamp.snapshot.version = MetadataVersion(5);
       at_version(d.repo.timestamp.header, 4);
       d.repo.publish_timestamp();
       d.repo.metadata_files["5.snapshot.json"] = d.repo.metadata_files["4.snapshot.json"];
     },
     {{"snapshot", 4}},
     {{"snapshot", 5}}},
    {"targets is not the announced one",
     [](Device& d) {
       at_version(d.repo.roles["targets"].header, 4);
       d.repo.publish_role("targets");
       d.repo.snapshot.meta["targets"].version = MetadataVersion(5);
       d.repo.metadata_files["5.targets.json"] = d.repo.metadata_files["4.targets.json"];
       newer_snapshot(d);
     },
     {{"targets", 4}},
     {{"targets", 5}}},
    {"a file of another length",
     [](Device& d) {
       at_version(d.repo.timestamp.header, 4);
       at_version(d.repo.snapshot.header, 4);
       d.repo.publish_snapshot();
       d.repo.publish_timestamp();
       d.repo.metadata_files["4.snapshot.json"].resize(100);
     },
     {{"bytes", 100}},
     {}},  // the announced length is filled in by the test
    {"expired",
     [](Device& d) { d.clock.time = at("2026-11-28T00:00:00Z"); },
     {{"timestamp", 3}, {"expires", 1795737600}},
     {{"time", 1795824000}}},
};

}  // namespace

TEST_CASE("refusals carry the versions seen and trusted as numbers (FORMAT 2.9.2)",
          "[manifest][faults]") {
  for (const auto& row : kRows) {
    INFO(row.why);
    Device device;
    device.repo.bump();
    device.repo.bump();
    REQUIRE(device.code() == Errc::kUsage);
    row.change(device);
    const auto report = device.refresh();
    REQUIRE_FALSE(report);
    INFO(report.error().what());
    CHECK(report.error().seen() == row.seen);
    const auto& announced = device.repo.timestamp.snapshot.length;
    CHECK(report.error().trusted() ==
          (row.trusted.empty() ? Figures{{"bytes", announced.value_or(0)}} : row.trusted));
    CHECK_FALSE(report.error().attack().empty());
  }
}

TEST_CASE("releases refused for their counters carry both numbers (FORMAT 2.9.2)", "[manifest]") {
  struct Case {
    const char* why;
    std::uint64_t counter, security, least;  // of the release
    Figure seen, trusted;
  };
  // committed: release counter 10, floor 5, ceiling 90
  const Case rows[] = {
      {"counter", 9, 7, 6, {"release_counter", 9}, {"release_counter", 10}},
      {"below the floor", 11, 4, 4, {"security_version", 4}, {"security_version", 5}},
      {"least below the floor", 11, 7, 4, {"min_security_version", 4}, {"security_version", 5}},
      {"above the ceiling", 11, 91, 6, {"security_version", 91}, {"ceiling", 90}},
      {"too far above the floor", 11, 80, 6, {"security_version", 80}, {"security_version", 5}}};
  for (const auto& row : rows) {
    INFO(row.why);
    auto release = fakes::sample_release(row.counter);
    release.security_version = SecurityVersion(row.security);
    release.min_security_version = SecurityVersion(row.least);
    const auto floors = with_commit({}, ReleaseCounter(10), SecurityVersion(5));
    const auto judged =
        judge_counters(release, Sha256Digest{}, std::nullopt, floors, SecurityVersion(90));
    REQUIRE_FALSE(judged);
    CHECK(judged.error().seen() == Figures{row.seen});
    CHECK(judged.error().trusted() == Figures{row.trusted});
  }
}
