#include "manifest/floors.hpp"

#include <catch2/catch.hpp>

#include "fakes/edit_json.hpp"
#include "fakes/repo_simulator.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::at;
using fakes::Edit;
using fakes::edit_json;

namespace {

constexpr auto kDay = std::chrono::hours(24);
const KeyId kA{"a"};
const KeyId kB{"b"};
const KeyId kC{"c"};

Floors sample() {
  Floors floors;
  floors.root = MetadataVersion(3);
  floors = with_version(floors, "timestamp", MetadataVersion(9), {kA});
  floors = with_version(floors, "targets", MetadataVersion(2), {kB, kC});
  floors = with_issue_time(floors, {kA}, at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
  return with_commit(floors, ReleaseCounter(7), SecurityVersion(4));
}

}  // namespace

TEST_CASE("floors: the record survives writing and reading (FORMAT 2.8.1)", "[manifest]") {
  const auto floors = sample();
  const auto again = Floors::parse(floors.serialise());
  REQUIRE(again);
  CHECK(*again == floors);
  CHECK(*Floors::parse(Floors{}.serialise()) == Floors{});
}

TEST_CASE("floors: a damaged record is refused (FORMAT 2.8.1)", "[manifest]") {
  const auto good = sample().serialise();
  struct Row {
    const char* why;
    Edit edit;
  };
  const auto row = GENERATE(
      Row{"other type", {"_type", json::Value("pawl.policy")}},
      Row{"other format", {"format", json::Value(2)}}, Row{"no root", {"root", std::nullopt}},
      Row{"no counter", {"release_counter", std::nullopt}},
      Row{"security over 65535", {"security_version", json::Value(65536)}},
      Row{"no versions", {"versions", std::nullopt}},
      Row{"version as text", {"versions/timestamp/version", json::Value("1")}},
      Row{"no vouchers", {"versions/timestamp/vouched", std::nullopt}},
      Row{"voucher no text", {"versions/timestamp/vouched/0", json::Value(1)}},
      Row{"no times", {"times", std::nullopt}}, Row{"time as text", {"times/a", json::Value("1")}});
  INFO(row.why);
  const auto parsed = Floors::parse(edit_json(good, row.edit));
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::kMalformed);
  for (std::size_t n = 0; n < good.size(); ++n) {
    REQUIRE(Floors::parse(good.substr(0, n)).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("floors: a record holds at most 1024 roles and 1024 times (FORMAT 2.8.1)", "[manifest]") {
  Floors roles;
  Floors times;
  for (int i = 0; i < 1024; ++i) {
    const auto name = std::to_string(i);
    roles.versions[name] = {MetadataVersion(1), {}};
    times.times[KeyId{name}] = at("2026-01-01T00:00:00Z");
  }
  CHECK(Floors::parse(roles.serialise()));
  CHECK(Floors::parse(times.serialise()));
  roles.versions["one more"] = {MetadataVersion(1), {}};
  times.times[KeyId{"one more"}] = at("2026-01-01T00:00:00Z");
  CHECK(Floors::parse(roles.serialise()).error().code() == Errc::kTooLarge);
  CHECK(Floors::parse(times.serialise()).error().code() == Errc::kTooLarge);
}

TEST_CASE("floors: one key lifts the time by 400 days at most (FORMAT 2.8.4)", "[manifest]") {
  const auto build = at("2026-01-01T00:00:00Z");
  struct Row {
    const char* why;
    int a_days;
    int b_days;
    int floor_days;
  };
  const auto row = GENERATE(
      Row{"nobody", 0, 0, 0}, Row{"one key, near", 100, 0, 100},
      Row{"one key at its reach", 400, 0, 400}, Row{"one key, too far", 5000, 0, 400},
      Row{"two keys agree", 5000, 5000, 5000}, Row{"the second key lifts its part", 5000, 300, 700},
      Row{"both before the build", -5, -9, 0}, Row{"second before the build", 5000, -9, 400});
  INFO(row.why);
  Floors floors;
  floors.times = {{kA, build + row.a_days * kDay}, {kB, build + row.b_days * kDay}};
  CHECK(time_floor(floors, build) == build + row.floor_days * kDay);
  floors.times = {{kB, build + row.a_days * kDay}, {kA, build + row.b_days * kDay}};
  CHECK(time_floor(floors, build) == build + row.floor_days * kDay);
}

TEST_CASE("floors: an issue time after the file's expiry counts for nothing (FORMAT 2.8.4)",
          "[manifest]") {
  const auto issued = at("2026-06-01T00:00:00Z");
  CHECK(with_issue_time({}, {kA}, issued, issued - Seconds(1)).times.empty());
  CHECK(with_issue_time({}, {kA}, issued, issued).times.size() == 1);
  const auto once = with_issue_time({}, {kA}, issued, issued);
  CHECK(with_issue_time(once, {kA}, issued - kDay, issued) == once);
}

TEST_CASE("floors: rotation drops what only old keys vouched for (FORMAT 2.8.3)", "[manifest]") {
  Floors floors;
  for (const auto* file : {"timestamp", "snapshot", "targets", "rel-gw3"}) {
    floors = with_version(floors, file, MetadataVersion(9), {kA, kB});
  }
  floors.times = {{kA, UtcTime(Seconds(5))}, {kC, UtcTime(Seconds(6))}};
  const fakes::SigningKey any("any");
  const KeyMap all{{kA, any.key()}};
  const auto kept = [&](const Role& timestamp, const Role& snapshot) {
    std::string out;
    const auto left = without_rotated(floors, all, timestamp, snapshot);
    for (const auto& [file, floor] : left.versions) out += file + " ";
    return out;
  };
  const Role old{{kA, kB}, 2};
  const Role rotated{{kC}, 1};
  const Role half{{kA, kC}, 2};
  const Role lower{{kA, kC}, 1};
  CHECK(kept(old, old) == "rel-gw3 snapshot targets timestamp ");
  CHECK(kept(rotated, old) == "rel-gw3 targets ");
  CHECK(kept(old, rotated) == "snapshot timestamp ");
  CHECK(kept(half, half) == "");
  CHECK(kept(lower, lower) == "rel-gw3 snapshot targets timestamp ");
  CHECK(without_rotated(floors, all, old, old).times.size() == 1);
}

TEST_CASE("floors: nothing is ever lowered (FORMAT 2.8.2, 2.8.5)", "[manifest]") {
  const auto floors = sample();
  CHECK(with_commit(floors, ReleaseCounter(6), SecurityVersion(3)) == floors);
  const auto raised = with_commit(floors, ReleaseCounter(8), SecurityVersion(5));
  CHECK(raised.release_counter == ReleaseCounter(8));
  CHECK(raised.security_version == SecurityVersion(5));
  CHECK(with_version(floors, "timestamp", MetadataVersion(8), {kC}) == floors);
  CHECK(with_version(floors, "timestamp", MetadataVersion(9), {kC})
            .versions.at("timestamp")
            .vouched == std::vector<KeyId>{kC});
}
