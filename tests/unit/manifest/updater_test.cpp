#include "manifest/updater.hpp"

#include <catch2/catch.hpp>

#include "device.hpp"
#include "manifest/verify_release.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("updater: fetches in the order of TUF 5 and offers the newest release", "[manifest]") {
  Device device;
  device.repo.add_release(fakes::sample_release(2, "1.1.0"));
  device.repo.add_release(fakes::sample_release(3, "1.2.0"));
  device.repo.bump();
  auto client = device.updater();
  const auto report = client.refresh();
  INFO(outcome(report));
  REQUIRE(report);
  CHECK(report->timestamp == MetadataVersion(2));
  CHECK(report->change == Change::kNew);
  const auto policy = to_hex(sha256(as_bytes(device.repo.policy.serialise()))) + ".policy.json";
  CHECK(device.repo.requests ==
        Names{"2.root.json", policy, "timestamp.json", "2.snapshot.json", "2.targets.json"});
  const auto offers = client.releases("gw3");
  REQUIRE(offers);
  REQUIRE(offers->size() == 2);
  CHECK(device.repo.requests.back() == "2.rel-gw3.json");
  const auto best =
      newest_acceptable(*offers, device.facts, client.floors(), client.trusted().policy());
  REQUIRE(best);
  const auto bytes = client.fetch(best->target, kMaxReleaseBytes);
  REQUIRE(bytes);
  const auto verified = verify_release(*bytes, best->target, device.facts, client.floors(),
                                       client.trusted().policy(), report->freshness);
  INFO(outcome(verified));
  REQUIRE(verified);
  CHECK((*verified)->release.version == "1.2.0");
}

TEST_CASE("updater: nothing new asks for root and timestamp alone and writes nothing",
          "[manifest]") {
  Device device;
  REQUIRE(device.refresh());
  device.store.saved.clear();
  const auto report = device.refresh();
  REQUIRE(report);
  CHECK(report->change == Change::kSame);
  CHECK(device.repo.requests == Names{"2.root.json", "timestamp.json"});
  CHECK(device.store.saved.empty());
}

TEST_CASE("updater: the newest release that fits is chosen", "[manifest]") {
  const auto offer = [](std::uint64_t counter, std::uint64_t security, const char* product,
                        const char* hardware) {
    ReleaseOffer out;
    out.summary = {product, {hardware}, ReleaseCounter(counter), SecurityVersion(security)};
    return out;
  };
  DeviceFacts facts{"gw3", "", "", "b"};
  const auto floors = with_commit({}, ReleaseCounter(3), SecurityVersion(5));
  Policy policy;
  policy.ceilings.emplace("gw3", SecurityVersion(9));
  const auto choose = [&](const std::vector<ReleaseOffer>& offers) {
    const auto best = newest_acceptable(offers, facts, floors, policy);
    return best ? best->summary.release_counter.get() : 0;
  };
  CHECK(choose({}) == 0);
  CHECK(choose({offer(4, 6, "gw3", "b"), offer(6, 6, "gw3", "b"), offer(5, 6, "gw3", "b")}) == 6);
  CHECK(choose({offer(4, 6, "gw3", "b"), offer(6, 6, "gw4", "b")}) == 4);
  CHECK(choose({offer(4, 6, "gw3", "b"), offer(6, 6, "gw3", "c")}) == 4);
  CHECK(choose({offer(4, 6, "gw3", "b"), offer(6, 4, "gw3", "b")}) == 4);
  CHECK(choose({offer(4, 6, "gw3", "b"), offer(6, 10, "gw3", "b")}) == 4);
  CHECK(choose({offer(3, 6, "gw3", "b")}) == 0);
}

TEST_CASE("updater: only a true absence ends the chain of roots (FORMAT 2.5.5)", "[manifest]") {
  for (const auto code : {Errc::kTransport, Errc::kTimeout, Errc::kTooLarge, Errc::kIo}) {
    Device device;
    device.repo.broken["2.root.json"] = code;
    CHECK(device.code() == code);
    CHECK(device.repo.requests == Names{"2.root.json"});
  }
}

TEST_CASE("updater: any file that cannot be fetched is named", "[manifest]") {
  for (const auto* file : {"timestamp.json", "1.snapshot.json", "1.targets.json"}) {
    Device device;
    device.repo.metadata_files.erase(file);
    const auto report = device.refresh();
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == Errc::kTransport);
    CHECK(report.error().what() == "the repository has no file '" + std::string(file) + "'");
    CHECK_FALSE(report.error().hint().empty());
  }
}

TEST_CASE("updater: expired roots in between are fine, the last must live (FORMAT 2.5.5)",
          "[manifest]") {
  Device device;
  device.repo.root.header.expires = at("2026-11-20T00:00:01Z");
  device.repo.bump_root();
  CHECK(device.code() == Errc::kExpired);
  device.repo.root.header.expires = at("2027-11-20T00:00:00Z");
  device.repo.bump_root();
  CHECK(device.code() == Errc::kUsage);
}

TEST_CASE("updater: at most 64 new roots at a time, the next run goes on (FORMAT 2.1.4)",
          "[manifest]") {
  Device device;
  for (int i = 0; i < 100; ++i) device.repo.bump_root();
  const auto first = device.refresh();
  REQUIRE_FALSE(first);
  CHECK(first.error().code() == Errc::kTooLarge);
  CHECK(first.error().attack() == "endless");
  const auto second = device.refresh();
  INFO(outcome(second));
  REQUIRE(second);
  CHECK(second->root == MetadataVersion(101));
  CHECK(second->new_roots == 36);
}

TEST_CASE("updater: stored roots are verified from the built-in one (FORMAT 2.5.6)", "[manifest]") {
  Device device;
  device.repo.bump_root();
  REQUIRE(device.refresh());
  REQUIRE(device.store.files.contains("2.root"));
  // an intruder's root in the store is dropped and fetched again
  const auto good = device.store.files["2.root"];
  device.store.files["2.root"] =
      fakes::RepoSimulator::sign(device.repo.root.serialise(), {SigningKey("intruder")});
  const auto report = device.refresh();
  REQUIRE(report);
  CHECK(report->root == MetadataVersion(2));
  CHECK(device.store.files["2.root"] == good);
  CHECK(device.repo.requests[0] == "2.root.json");
}

TEST_CASE("updater: at most 16 delegated roles in one search (FORMAT 2.1.4)", "[manifest]") {
  Device device;
  const auto add = [&](int i) {
    const auto name = "role" + std::to_string(i);
    device.repo.signers[name].emplace_back(name);
    device.repo.delegate(name, {"x/*"}, Terminating::kNo);
  };
  for (int i = 0; i < 16; ++i) add(i);
  device.repo.bump();
  {
    auto client = device.updater();
    REQUIRE(client.refresh());
    CHECK(client.find("x/y"));
  }
  add(16);
  device.repo.bump();
  auto client = device.updater();
  REQUIRE(client.refresh());
  CHECK(client.find("x/y").error().code() == Errc::kTooLarge);
}

TEST_CASE("updater: a snapshot that omits a role is an error without a request", "[manifest]") {
  Device device;
  device.repo.snapshot.meta.erase("rel-gw3");
  device.repo.publish_snapshot();
  device.repo.publish_timestamp();
  auto client = device.updater();
  REQUIRE(client.refresh());
  const auto before = device.repo.requests.size();
  CHECK(client.releases("gw3").error().code() == Errc::kHashMismatch);
  CHECK(device.repo.requests.size() == before);
}

TEST_CASE("updater: damaged stored files are dropped and fetched again (FORMAT 2.10.1)",
          "[manifest]") {
  Device device;
  device.repo.add_release(fakes::sample_release());
  device.repo.bump();
  REQUIRE(device.refresh());
  const auto good = device.store.files;
  const auto damage =
      GENERATE(std::function<Bytes(const Bytes&)>([](const Bytes&) { return Bytes{}; }),
               std::function<Bytes(const Bytes&)>(
                   [](const Bytes& b) { return Bytes(b.begin(), b.begin() + std::ssize(b) / 2); }),
               std::function<Bytes(const Bytes&)>([](const Bytes& b) {
                 auto out = b;
                 out[b.size() / 2] ^= 1;
                 return out;
               }),
               std::function<Bytes(const Bytes&)>([](const Bytes&) { return Bytes(100000, 'x'); }));
  for (const auto& [name, bytes] : good) {
    INFO(name);
    device.store.files = good;
    device.store.files[name] = damage(bytes);
    const auto report = device.refresh();
    INFO(outcome(report));
    REQUIRE(report);
    CHECK(device.store.files == good);
  }
  // and each file in place of each other one
  for (const auto& [name, bytes] : good) {
    for (const auto& [other, other_bytes] : good) {
      device.store.files = good;
      device.store.files[name] = other_bytes;
      REQUIRE(device.refresh());
      CHECK(device.store.files == good);
    }
  }
}

TEST_CASE("updater: a damaged stored timestamp goes even when no other can be had (FORMAT 2.10.1)",
          "[manifest]") {
  Device device;
  REQUIRE(device.refresh());
  device.store.files["timestamp"].pop_back();
  device.repo.broken["timestamp.json"] = Errc::kTransport;
  CHECK(device.code() == Errc::kTransport);
  CHECK_FALSE(device.store.files.contains("timestamp"));
}

TEST_CASE("updater: a deleted store lowers nothing (FORMAT 2.8.1)", "[manifest]") {
  Device device;
  const auto old = device.repo.metadata_files;
  device.repo.bump();
  REQUIRE(device.refresh());
  device.store.files.clear();
  device.repo.metadata_files = old;  // validly signed and alive
  const auto report = device.refresh();
  REQUIRE_FALSE(report);
  CHECK(report.error().code() == Errc::kRollback);
  CHECK(report.error().what() == "timestamp 1 is older than version 2, which was trusted before");
}

TEST_CASE("updater: a full store is an error and the next run succeeds", "[manifest]") {
  Device device;
  device.store.fail_saves = true;
  CHECK(device.code() == Errc::kNoSpace);
  device.store.fail_saves = false;
  CHECK(device.code() == Errc::kUsage);
}

TEST_CASE("updater: what is stored so far survives a stop at any file", "[manifest]") {
  for (std::size_t stop = 0; stop < 5; ++stop) {
    Device device;
    REQUIRE(device.refresh());
    device.repo.bump_root();
    device.repo.bump();
    const Names files{"2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"};
    if (stop < files.size()) device.repo.broken[files[stop]] = Errc::kTransport;
    CHECK(static_cast<bool>(device.refresh()) == (stop == files.size()));
    device.repo.broken.clear();
    const auto report = device.refresh();
    INFO(outcome(report));
    REQUIRE(report);
    CHECK(report->targets == MetadataVersion(2));
  }
}

TEST_CASE("updater: reload trusts stored files without a request", "[manifest]") {
  Device device;
  {
    auto client = device.updater();
    CHECK(client.reload().error().code() == Errc::kOffline);
    CHECK(device.repo.requests.empty());
  }
  device.repo.add_release(fakes::sample_release());
  device.repo.bump();
  {
    auto client = device.updater();
    REQUIRE(client.refresh());
    REQUIRE(client.releases("gw3"));
  }
  device.repo.requests.clear();
  auto client = device.updater();
  const auto report = client.reload();
  INFO(outcome(report));
  REQUIRE(report);
  CHECK(client.releases("gw3")->size() == 1);
  CHECK(device.repo.requests.empty());
  device.clock.time += 8 * kDay;
  CHECK(device.updater().reload().error().code() == Errc::kExpired);
}

TEST_CASE("updater: reload needs each stored file and asks for none", "[manifest]") {
  for (const auto* name : {"policy", "timestamp", "snapshot", "targets"}) {
    Device device;
    REQUIRE(device.refresh());
    REQUIRE(device.store.files.erase(name) == 1);
    device.repo.requests.clear();
    INFO(name);
    CHECK(device.updater().reload().error().code() == Errc::kOffline);
    CHECK(device.repo.requests.empty());
  }
}

TEST_CASE("updater: the clock counts unless the time floor is above it (FORMAT 2.8.4)",
          "[manifest]") {
  Device device;
  auto report = device.refresh();
  REQUIRE(report);
  CHECK(report->time_source == TimeSource::kClock);
  device.clock.time = at("1970-01-01T00:00:00Z");
  report = device.refresh();
  REQUIRE(report);
  CHECK(report->time_source == TimeSource::kFloor);
  CHECK(report->time == device.repo.now);
  // a device that never saw the network believes its build date
  Device fresh;
  fresh.clock.time = at("1970-01-01T00:00:00Z");
  fresh.build_epoch = at("2026-11-27T00:00:00Z");
  CHECK(fresh.code() == Errc::kExpired);
}

TEST_CASE("updater: a clock that was far ahead once does no lasting harm", "[manifest]") {
  Device device;
  device.clock.time = at("2046-01-01T00:00:00Z");
  CHECK(device.code() == Errc::kExpired);
  device.clock.time = at("2026-11-20T12:00:00Z");
  CHECK(device.code() == Errc::kUsage);
}

TEST_CASE("updater: a poisoned time floor goes with the key that vouched (FORMAT 2.8.3, 2.8.4)",
          "[manifest]") {
  Device device;
  auto& repo = device.repo;
  REQUIRE(device.refresh());
  const auto honest = repo.now;
  // whoever stole the timestamp key tries three times to push the time beyond every expiry
  for (int i = 1; i <= 3; ++i) {
    repo.now = honest + i * 3650 * kDay;
    repo.timestamp.header.version = MetadataVersion(1U + static_cast<unsigned>(i));
    repo.publish_timestamp();
    const auto poisoned = device.refresh();
    INFO(i << ": " << outcome(poisoned));
    REQUIRE(static_cast<bool>(poisoned) == (i == 1));
    if (!poisoned) CHECK(poisoned.error().code() == Errc::kExpired);
    if (!poisoned) CHECK(poisoned.error().attack() == "freeze");
    CHECK(time_floor(device.floors, {}) <= honest + kOneKeyReach);
  }
  repo.now = honest;
  CHECK(time_floor(device.floors, {}) <= honest + kOneKeyReach);
  device.clock.time = at("1970-01-01T00:00:00Z");
  CHECK(device.code() != Errc::kUsage);
  device.replace_keys("timestamp", {"timestamp-2"});
  repo.bump_root();
  repo.bump();
  const auto report = device.refresh();
  INFO(outcome(report));
  REQUIRE(report);
  CHECK(report->time == honest);
}

TEST_CASE("updater: a sleeper of two years at 1970 wakes up (FORMAT 2.5.5)", "[manifest]") {
  Device device;
  auto& repo = device.repo;
  for (int i = 0; i < 2; ++i) repo.bump_root();
  REQUIRE(device.code() == Errc::kUsage);  // last seen at root 3
  device.clock.time = at("1970-01-01T00:00:00Z");
  device.change_all_keys(4, 40);
  device.replace_keys("rel-gw3", {"rel-gw3-new"});
  repo.delegate("rel-gw3", {release_pattern("gw3")});
  repo.add_release(fakes::sample_release(9, "9.0.0"));
  repo.bump();
  const auto report = device.refresh();
  INFO(outcome(report));
  REQUIRE(report);
  CHECK(report->root == MetadataVersion(40));
  CHECK(report->time == repo.now);
  auto client = device.updater();
  REQUIRE(client.refresh());
  CHECK(client.releases("gw3")->size() == 1);
}

TEST_CASE("updater: targets are bounded and compared", "[manifest]") {
  Device device;
  device.repo.add_release(fakes::sample_release());
  device.repo.bump();
  auto client = device.updater();
  REQUIRE(client.refresh());
  const auto offers = client.releases("gw3");
  REQUIRE(offers);
  const auto info = offers->front().target;
  REQUIRE(client.fetch(info, kMaxReleaseBytes));
  CHECK(client.fetch(info, 10).error().code() == Errc::kTooLarge);
  auto& bytes = device.repo.target_files.begin()->second;
  bytes[3] ^= 1;
  CHECK(client.fetch(info, kMaxReleaseBytes).error().code() == Errc::kHashMismatch);
  bytes[3] ^= 1;
  bytes.push_back(' ');
  CHECK(client.fetch(info, kMaxReleaseBytes).error().code() == Errc::kTooLarge);
  bytes.pop_back();
  bytes.pop_back();
  const auto shorter = client.fetch(info, kMaxReleaseBytes);
  REQUIRE_FALSE(shorter);
  CHECK(shorter.error().code() == Errc::kHashMismatch);
  CHECK_THAT(shorter.error().what(), Catch::EndsWith("signed are " + std::to_string(info.length)));
  device.repo.target_files.clear();
  CHECK(client.fetch(info, kMaxReleaseBytes).error().code() == Errc::kTransport);
}

TEST_CASE("updater: releases of other shape or product are left out", "[manifest]") {
  Device device;
  device.repo.add_release(fakes::sample_release());
  auto& role = device.repo.roles["rel-gw3"];
  const auto good = role.targets.begin()->second;
  auto bare = good;
  bare.path = "releases/gw3/bare/manifest.json";
  bare.custom = {};
  role.targets[bare.path] = bare;
  auto other = good;
  other.path = "releases/gw3/other/manifest.json";
  other.custom.set("product", "gw4");
  role.targets[other.path] = other;
  auto elsewhere = good;
  elsewhere.path = "releases/gw4/1.0/manifest.json";
  role.targets[elsewhere.path] = elsewhere;
  device.repo.bump();
  auto client = device.updater();
  REQUIRE(client.refresh());
  const auto offers = client.releases("gw3");
  REQUIRE(offers);
  REQUIRE(offers->size() == 1);
  CHECK(offers->front().target.path == good.path);
}
