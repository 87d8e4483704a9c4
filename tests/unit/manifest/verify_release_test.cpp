#include "manifest/verify_release.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "fakes/repo_simulator.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::at;

namespace {

/// A release, the target that names it and a device it fits; rows change one thing.
struct Case {
  Release release = fakes::sample_release(5);
  DeviceFacts device{"gw3", release.vendor_id, release.class_id, "b"};
  Floors floors = with_commit({}, ReleaseCounter(4), SecurityVersion(6));
  Policy policy;
  Freshness freshness = Freshness::kLive;

  Case() {
    device.bootloader = 3;
    device.updater = "0.2.0";
    device.now = at("2026-11-20T00:00:00Z");
    policy.ceilings.emplace("gw3", SecurityVersion(9));
  }
  [[nodiscard]] TargetInfo target() const {
    const auto text = release.serialise();
    TargetInfo out;
    out.length = text.size();
    out.hashes.sha256 = sha256(as_bytes(text));
    out.custom = ReleaseSummary::of(release).to_json();
    return out;
  }
  [[nodiscard]] Result<Verified<AcceptedRelease>> verify() const {
    return verify_release(as_bytes(release.serialise()), target(), device, floors, policy,
                          freshness);
  }
};

struct Row {
  const char* why;
  Errc code;
  const char* attack;
  std::function<void(Case&)> change;
};

void check_row(const Row& row) {
  INFO(row.why);
  Case c;
  REQUIRE(c.verify());
  row.change(c);
  const auto verified = c.verify();
  REQUIRE_FALSE(verified);
  CHECK(verified.error().code() == row.code);
  CHECK(verified.error().attack() == row.attack);
}

}  // namespace

TEST_CASE("verify: a good release is newer than what runs", "[manifest]") {
  const Case c;
  const auto verified = c.verify();
  if (!verified) FAIL(verified.error().what());
  CHECK((*verified)->standing == Standing::kNewer);
  CHECK((*verified)->release == c.release);
  CHECK((*verified)->digest == sha256(as_bytes(c.release.serialise())));
}

TEST_CASE("verify: only the bytes that were signed (FORMAT 3.4.1)", "[manifest]") {
  const Case c;
  const auto text = c.release.serialise();
  const auto verify = [&](const std::string& bytes, const TargetInfo& target) {
    auto result =
        verify_release(as_bytes(bytes), target, c.device, c.floors, c.policy, Freshness::kLive);
    return result ? Errc::kUsage : result.error().code();
  };
  REQUIRE(verify(text, c.target()) == Errc::kUsage);
  auto flipped = text;
  flipped[text.size() / 2] ^= 1;
  CHECK(verify(flipped, c.target()) == Errc::kHashMismatch);
  CHECK(verify(text + " ", c.target()) == Errc::kHashMismatch);
  CHECK(verify(text.substr(1), c.target()) == Errc::kHashMismatch);
  CHECK(verify(std::string(kMaxReleaseBytes + 1, 'a'), c.target()) == Errc::kTooLarge);
  auto no_digest = c.target();
  no_digest.hashes = {};
  CHECK(verify(text, no_digest) == Errc::kHashMismatch);
  auto longer = c.target();
  ++longer.length;
  CHECK(verify(text, longer) == Errc::kHashMismatch);
  for (const auto* member : {"release_counter", "security_version"}) {
    auto other = c.target();
    other.custom.set(member, 1);
    CHECK(verify(text, other) == Errc::kHashMismatch);
  }
  auto empty = c.target();
  empty.custom = {};
  CHECK(verify(text, empty) == Errc::kMalformed);
}

TEST_CASE("verify: only for this device (FORMAT 3.4.2)", "[manifest]") {
  const auto wrong = Errc::kNotForDevice;
  const auto* attack = "wrong-device";
  check_row(GENERATE_COPY(
      Row{"other product", wrong, attack, [](Case& c) { c.device.product = "gw4"; }},
      Row{"other vendor", wrong, attack, [](Case& c) { c.device.vendor_id[0] = '0'; }},
      Row{"other class", wrong, attack, [](Case& c) { c.device.class_id[0] = '0'; }},
      Row{"other revision", wrong, attack, [](Case& c) { c.device.hardware = "c"; }},
      Row{"old boot loader for the revision", wrong, attack,
          [](Case& c) { c.release.hardware[0].min_boot = 4; }},
      Row{"old boot loader for the release", wrong, attack,
          [](Case& c) { c.release.requirements.bootloader = 4; }}));
}

TEST_CASE("verify: the release counter only rises (FORMAT 3.4.3)", "[manifest]") {
  check_row(
      GENERATE(Row{"lower", Errc::kRollback, "rollback",
                   [](Case& c) { c.floors.release_counter = ReleaseCounter(6); }},
               Row{"equal, nothing committed", Errc::kRollback, "rollback",
                   [](Case& c) { c.floors.release_counter = ReleaseCounter(5); }},
               Row{"equal, another manifest committed", Errc::kRollback, "rollback", [](Case& c) {
                     c.floors.release_counter = ReleaseCounter(5);
                     c.device.committed_manifest = sha256(as_bytes("other"));
                   }}));
  Case same;
  same.floors.release_counter = ReleaseCounter(5);
  same.device.committed_manifest = *same.target().hashes.sha256;
  const auto verified = same.verify();
  REQUIRE(verified);
  CHECK((*verified)->standing == Standing::kCommitted);
}

TEST_CASE("verify: security versions lie between floor and ceiling (FORMAT 3.4.4)", "[manifest]") {
  check_row(
      GENERATE(Row{"security below the floor", Errc::kRollback, "rollback",
                   [](Case& c) { c.floors.security_version = SecurityVersion(8); }},
               Row{"least security below the floor", Errc::kRollback, "rollback",
                   [](Case& c) { c.floors.security_version = SecurityVersion(7); }},
               Row{"above the ceiling", Errc::kRollback, "fast-forward",
                   [](Case& c) { c.policy.ceilings.insert_or_assign("gw3", SecurityVersion(6)); }},
               Row{"no ceiling", Errc::kRollback, "fast-forward",
                   [](Case& c) { c.policy.ceilings.clear(); }},
               Row{"65 above the floor", Errc::kRollback, "fast-forward", [](Case& c) {
                     c.release.security_version = SecurityVersion(71);
                     c.policy.ceilings.insert_or_assign("gw3", SecurityVersion(99));
                   }}));
  Case edge;
  edge.release.security_version = SecurityVersion(70);
  edge.policy.ceilings.insert_or_assign("gw3", SecurityVersion(70));
  CHECK(edge.verify());
}

TEST_CASE("verify: conditions hold (FORMAT 3.4.5)", "[manifest]") {
  const auto geo = [](std::vector<std::string> allow, std::vector<std::string> deny) {
    return Geofence{std::move(allow), std::move(deny), LocationEvidence::kSvid};
  };
  const auto wrong = Errc::kNotForDevice;
  const auto* attack = "wrong-device";
  check_row(GENERATE_COPY(
      Row{"old updater", wrong, attack, [](Case& c) { c.release.requirements.updater = "0.3"; }},
      Row{"stepping stone", wrong, attack,
          [](Case& c) { c.release.requirements.from = ReleaseCounter(5); }},
      Row{"battery", Errc::kBusy, "",
          [](Case& c) {
            c.release.requirements.battery_percent = 30;
            c.device.battery_percent = 29;
          }},
      Row{"space", Errc::kNoSpace, "",
          [](Case& c) {
            c.release.requirements.free_bytes = 100;
            c.device.free_bytes = 99;
          }},
      Row{"too early", wrong, attack,
          [](Case& c) {
            c.release.rollout = Rollout{c.device.now + Seconds(1), {}, {}, {}};
          }},
      Row{"too late", Errc::kExpired, "freeze",
          [](Case& c) {
            c.release.rollout = Rollout{{}, c.device.now - Seconds(1), {}, {}};
          }},
      Row{"no location", wrong, attack, [=](Case& c) { c.release.geo = geo({"DE"}, {}); }},
      Row{"no location, only denied places", wrong, attack,
          [=](Case& c) { c.release.geo = geo({}, {"DE"}); }},
      Row{"other country", wrong, attack,
          [=](Case& c) {
            c.release.geo = geo({"DE"}, {});
            c.device.location = "FR";
          }},
      Row{"country that starts alike", wrong, attack,
          [=](Case& c) {
            c.release.geo = geo({"DE"}, {});
            c.device.location = "DEX";
          }},
      Row{"denied part of an allowed country", wrong, attack, [=](Case& c) {
            c.release.geo = geo({"DE"}, {"DE-BY"});
            c.device.location = "DE-BY";
          }}));
}

TEST_CASE("verify: conditions that hold do not stop (FORMAT 3.4.5)", "[manifest]") {
  Case c;
  c.release.requirements = {"0.2.0", 3, ReleaseCounter(4), 30, 100};
  c.release.rollout = Rollout{c.device.now, c.device.now, Severity::kHigh, {}};
  c.release.geo = Geofence{{"DE"}, {"DE-BE"}, LocationEvidence::kSvid};
  c.device.location = "DE-BY";
  c.device.battery_percent = 30;
  c.device.free_bytes = 100;
  const auto verified = c.verify();
  if (!verified) FAIL(verified.error().what());
  c.device.battery_percent.reset();  // mains
  c.device.free_bytes.reset();
  CHECK(c.verify());
  c.release.geo = Geofence{{}, {}, LocationEvidence::kNone};
  c.device.location.reset();
  CHECK(c.verify());
}

TEST_CASE("verify: what was accepted before is finished at any date (FORMAT 3.4.6)", "[manifest]") {
  Case c;
  c.release.rollout = Rollout{{}, c.device.now - Seconds(1), {}, {}};
  c.floors.release_counter = ReleaseCounter(9);
  c.device.hardware = "z";
  const auto text = c.release.serialise();
  const auto digest = sha256(as_bytes(text));
  const auto reload = [&](const std::string& bytes, const Case& from) {
    auto result = reload_release(as_bytes(bytes), digest, from.device, from.floors);
    return result ? Errc::kUsage : result.error().code();
  };
  CHECK(reload(text, c) == Errc::kUsage);
  CHECK(reload(text + " ", c) == Errc::kHashMismatch);
  CHECK(reload(std::string(kMaxReleaseBytes + 1, 'a'), c) == Errc::kTooLarge);
  auto other = c;
  other.device.product = "gw4";
  CHECK(reload(text, other) == Errc::kNotForDevice);
  other = c;
  other.floors.security_version = SecurityVersion(8);
  CHECK(reload(text, other) == Errc::kRollback);
}

TEST_CASE("verify: errors name both numbers and their kind (FORMAT 2.9.1)", "[manifest]") {
  Case c;
  c.floors.security_version = SecurityVersion(8);
  const auto refused = c.verify();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what() == "security version 7 is below the floor 8");
  CHECK(refused.error().attack() == "rollback");
}
