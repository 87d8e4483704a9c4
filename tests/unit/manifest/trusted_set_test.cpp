#include "manifest/trusted_set.hpp"

#include <catch2/catch.hpp>

#include "device.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

Bytes resigned(std::string_view signed_text, const std::vector<SigningKey>& keys) {
  return fakes::RepoSimulator::sign(signed_text, keys);
}

}  // namespace

TEST_CASE("trusted set: the first root must meet its own threshold (FORMAT 2.5.1)", "[manifest]") {
  Device device;
  const auto open = [&](ByteView file) {
    const auto set = TrustedSet::open(file, Profile::kStrict, limits_of(Profile::kStrict), {});
    return set ? Errc::kUsage : set.error().code();
  };
  const auto text = device.repo.root.serialise();
  const auto& keys = device.repo.signers["root"];
  CHECK(open(resigned(text, {keys[0], keys[1]})) == Errc::kUsage);
  CHECK(open(resigned(text, {keys[0]})) == Errc::kBadSignature);
  CHECK(open(resigned(text, {})) == Errc::kBadSignature);
  CHECK(open(resigned(text, {SigningKey("x"), SigningKey("y")})) == Errc::kBadSignature);
  CHECK(open(as_bytes("{}")) == Errc::kMalformed);
  CHECK(open(Bytes(limits_of(Profile::kStrict).root + 1)) == Errc::kTooLarge);
}

TEST_CASE("trusted set: a new root needs both thresholds (FORMAT 2.5.1)", "[manifest]") {
  Device device;
  const auto old = device.replace_keys("root", {"new-a", "new-b"});
  device.repo.bump_root(old);
  const auto text = device.repo.root.serialise();
  const auto& now = device.repo.signers["root"];
  struct Row {
    const char* why;
    std::vector<SigningKey> keys;
    Errc code;
  };
  const auto row =
      GENERATE_COPY(Row{"all", {old[0], old[1], now[0], now[1]}, Errc::kUsage},
                    Row{"old keys alone", {old[0], old[1], old[2]}, Errc::kBadSignature},
                    Row{"new keys alone", {now[0], now[1]}, Errc::kBadSignature},
                    Row{"one old key missing", {old[0], now[0], now[1]}, Errc::kBadSignature},
                    Row{"one new key missing", {old[0], old[1], now[0]}, Errc::kBadSignature});
  INFO(row.why);
  auto set = opened(device);
  CHECK(code_of(set.add_root(resigned(text, row.keys))) == row.code);
  CHECK(set.root().header.version == MetadataVersion(row.code == Errc::kUsage ? 2 : 1));
}

TEST_CASE("trusted set: root versions follow one another (FORMAT 2.5.1)", "[manifest]") {
  Device device;
  for (int i = 0; i < 2; ++i) device.repo.bump_root();
  auto set = opened(device);
  CHECK(code_of(set.add_root(device.repo.root_file(3))) == Errc::kRollback);
  CHECK(code_of(set.add_root(device.repo.root_file(1))) == Errc::kRollback);
  CHECK(set.add_root(device.repo.root_file(2)));
  CHECK(code_of(set.add_root(device.repo.root_file(2))) == Errc::kRollback);
  CHECK(set.add_root(device.repo.root_file(3)));
}

TEST_CASE("trusted set: files of another repository are refused (FORMAT 2.4.3)", "[manifest]") {
  Device device;
  const auto right = device.repo.repository;
  device.repo.repository = sha256(as_bytes("another repository"));
  device.repo.bump_root();
  auto set = opened(device);
  const auto root = set.add_root(device.repo.root_file(2));
  CHECK(code_of(root) == Errc::kBadSignature);
  CHECK(root.error().attack() == "mix-and-match");
  device.repo.publish_timestamp();
  set = closed(device);
  CHECK(code_of(set.add_timestamp(device.repo.metadata_files["timestamp.json"])) ==
        Errc::kBadSignature);
  device.repo.repository = right;
  device.repo.publish_timestamp();
  CHECK(set.add_timestamp(device.repo.metadata_files["timestamp.json"]));
}

TEST_CASE("trusted set: a snapshot or targets file of another repository is refused (FORMAT 2.4.3)",
          "[manifest]") {
  const auto* const role = GENERATE("snapshot", "targets");
  INFO(role);
  Device device;
  const auto right = device.repo.repository;
  device.repo.repository = sha256(as_bytes("another repository"));
  if (std::string_view(role) == "targets") device.repo.publish_role(role);
  if (std::string_view(role) == "snapshot") device.repo.publish_snapshot();
  device.repo.repository = right;
  if (std::string_view(role) == "targets") device.repo.publish_snapshot();
  device.repo.publish_timestamp();
  const auto report = device.refresh();
  CHECK(code_of(report) == Errc::kBadSignature);
  CHECK(report.error().attack() == "mix-and-match");
  CHECK(report.error().what().find(role) == 0);
}

TEST_CASE("trusted set: a device built with a later root knows its repository (FORMAT 2.4.3)",
          "[manifest]") {
  Device device;
  device.repo.bump_root();
  CHECK(device.code(2) == Errc::kUsage);
}

TEST_CASE("trusted set: two products' role files cannot be swapped (FORMAT 2.4.3)", "[manifest]") {
  Device device;
  // both roles under one key: only the role name inside the signed bytes tells them apart
  device.repo.signers["rel-gw4"] = device.repo.signers["rel-gw3"];
  device.repo.delegate("rel-gw4", {release_pattern("gw4")});
  device.repo.add_release(fakes::sample_release());
  device.repo.bump();
  auto& files = device.repo.metadata_files;
  auto& meta = device.repo.snapshot.meta;
  std::swap(files["2.rel-gw3.json"], files["2.rel-gw4.json"]);
  std::swap(meta.at("rel-gw3"), meta.at("rel-gw4"));
  device.repo.publish_snapshot();
  device.repo.publish_timestamp();
  auto client = device.updater();
  REQUIRE(client.refresh());
  const auto offers = client.releases("gw3");
  CHECK(code_of(offers) == Errc::kBadSignature);
  CHECK(offers.error().attack() == "mix-and-match");
}

TEST_CASE("trusted set: a role file signed for another role is refused (FORMAT 2.4.3)",
          "[manifest]") {
  Device device;
  auto& role = device.repo.roles["rel-gw3"];
  role.header.origin = Origin{device.repo.repository, "rel-gw4", {}};
  const auto file = resigned(role.serialise(), device.repo.signers["rel-gw3"]);
  auto& meta = device.repo.snapshot.meta.at("rel-gw3");
  meta.length = file.size();
  meta.hashes->sha256 = sha256(file);
  device.repo.metadata_files["1.rel-gw3.json"] = file;
  device.repo.publish_snapshot();
  device.repo.publish_timestamp();
  auto client = device.updater();
  REQUIRE(client.refresh());
  const auto offers = client.releases("gw3");
  CHECK(code_of(offers) == Errc::kBadSignature);
  CHECK(offers.error().attack() == "mix-and-match");
}

TEST_CASE("trusted set: no delegated key may be a top-level key (FORMAT 2.5.2)", "[manifest]") {
  for (const auto* role : {"root", "timestamp", "snapshot", "targets"}) {
    INFO(role);
    Device device;
    device.repo.signers["rel-gw3"] = {device.repo.signers[role][0]};
    device.repo.delegate("rel-gw3", {release_pattern("gw3")});
    device.repo.bump();
    CHECK(device.code() == Errc::kMalformed);
  }
}

TEST_CASE("trusted set: each role needs its own keys (FORMAT 2.3.3)", "[manifest]") {
  const auto wrong =
      GENERATE(std::string("timestamp"), std::string("snapshot"), std::string("targets"));
  INFO(wrong);
  Device device;
  device.repo.signers[wrong] = {SigningKey("intruder")};
  device.repo.bump();
  CHECK(device.code() == Errc::kBadSignature);
}

TEST_CASE("trusted set: a delegated role needs the keys its delegator names (FORMAT 2.6.6)",
          "[manifest]") {
  Device device;
  device.repo.signers["rel-gw3"] = {SigningKey("intruder")};
  device.repo.bump();
  auto client = device.updater();
  REQUIRE(client.refresh());
  CHECK(code_of(client.releases("gw3")) == Errc::kBadSignature);
}

TEST_CASE("trusted set: every file dies at the second of its expiry (FORMAT 2.4.1)", "[manifest]") {
  struct Row {
    const char* role;
    Seconds life;
  };
  const auto row = GENERATE(Row{"timestamp", 7 * kDay}, Row{"snapshot", 30 * kDay},
                            Row{"targets", 365 * kDay}, Row{"root", 365 * kDay});
  INFO(row.role);
  Device device;
  device.repo.root.header.expires = device.repo.now + 365 * kDay;
  device.repo.publish_root();
  const auto long_life = device.repo.now + 4000 * kDay;
  // the one role keeps its life, the others outlast it
  const auto extend = [&](Header& header, const std::string& name) {
    if (name != row.role) header.expires = long_life;
  };
  extend(device.repo.root.header, "root");
  device.repo.publish_root();
  auto& repo = device.repo;
  const auto sign_all = [&] {
    extend(repo.roles["targets"].header, "targets");
    extend(repo.snapshot.header, "snapshot");
    extend(repo.timestamp.header, "timestamp");
    const auto targets = resigned(repo.roles["targets"].serialise(), repo.signers["targets"]);
    repo.metadata_files["1.targets.json"] = targets;
    repo.snapshot.meta.at("targets").length = targets.size();
    repo.snapshot.meta.at("targets").hashes->sha256 = sha256(targets);
    const auto snapshot = resigned(repo.snapshot.serialise(), repo.signers["snapshot"]);
    repo.metadata_files["1.snapshot.json"] = snapshot;
    repo.timestamp.snapshot.length = snapshot.size();
    repo.timestamp.snapshot.hashes->sha256 = sha256(snapshot);
    repo.metadata_files["timestamp.json"] =
        resigned(repo.timestamp.serialise(), repo.signers["timestamp"]);
  };
  // root was published again: its digest names the repository, so everything follows it
  repo.repository = Root::repository_id(repo.root.serialise());
  repo.publish();
  sign_all();
  device.clock.time = repo.now + row.life - Seconds(1);
  const auto last = device.refresh();
  INFO(outcome(last));
  CHECK(last);
  device.store.files.clear();
  device.floors = {};
  device.clock.time = repo.now + row.life;
  const auto dead = device.refresh();
  REQUIRE_FALSE(dead);
  CHECK(dead.error().code() == Errc::kExpired);
  CHECK(dead.error().attack() == "freeze");
  CHECK(dead.error().what().find(row.role) == 0);
  // nothing that a dead snapshot names is asked for
  if (row.role == std::string_view("snapshot")) CHECK(repo.requests.back() == "1.snapshot.json");
}

TEST_CASE("trusted set: announced length, digest and version must hold (FORMAT 2.6.1)",
          "[manifest]") {
  struct Row {
    const char* why;
    const char* file;
    std::function<void(Device&)> change;
  };
  const auto row = GENERATE(
      Row{"snapshot has other bytes", "1.snapshot.json",
          [](Device& d) {
            d.repo.now += Seconds(1);
            d.repo.publish_snapshot();
            // the timestamp still announces the old ones
          }},
      Row{"snapshot is not even metadata: it is never parsed", "1.snapshot.json",
          [](Device& d) { d.repo.metadata_files["1.snapshot.json"] = Bytes(600, 'x'); }},
      Row{"targets is not even metadata: it is never parsed", "1.targets.json",
          [](Device& d) { d.repo.metadata_files["1.targets.json"] = Bytes(600, 'x'); }},
      Row{"targets has other bytes", "1.targets.json",
          [](Device& d) {
            const auto meta = d.repo.snapshot.meta.at("targets");
            d.repo.now += Seconds(1);
            d.repo.publish_role("targets");
            d.repo.snapshot.meta.at("targets") = meta;
          }},
      Row{"snapshot has another length", "1.snapshot.json",
          [](Device& d) {
            d.repo.timestamp.snapshot.hashes.reset();
            *d.repo.timestamp.snapshot.length += 1;
            d.repo.publish_timestamp();
          }},
      Row{"targets has another length", "1.targets.json",
          [](Device& d) {
            d.repo.snapshot.meta.at("targets").hashes.reset();
            *d.repo.snapshot.meta.at("targets").length += 1;
            d.repo.publish_snapshot();
            d.repo.publish_timestamp();
          }},
      Row{"snapshot has another version", "2.snapshot.json",
          [](Device& d) {
            d.repo.timestamp.snapshot = {MetadataVersion(2), {}, {}};
            d.repo.publish_timestamp();
            d.repo.metadata_files["2.snapshot.json"] = d.repo.metadata_files["1.snapshot.json"];
          }},
      Row{"targets has another version", "2.targets.json", [](Device& d) {
            d.repo.snapshot.meta.at("targets") = {MetadataVersion(2), {}, {}};
            d.repo.publish_snapshot();
            d.repo.publish_timestamp();
            d.repo.metadata_files["2.targets.json"] = d.repo.metadata_files["1.targets.json"];
          }});
  INFO(row.why);
  Device device;
  row.change(device);
  const auto report = device.refresh();
  REQUIRE_FALSE(report);
  INFO(report.error().what());
  CHECK(report.error().code() == Errc::kHashMismatch);
  CHECK(device.repo.requests.back() == row.file);
}

TEST_CASE("trusted set: versions never go back (FORMAT 2.8.2)", "[manifest]") {
  struct Row {
    const char* why;
    std::function<void(Device&)> change;
  };
  const auto version = [](Header& header, std::uint64_t to) {
    header.version = MetadataVersion(to);
  };
  const auto row = GENERATE_COPY(Row{"timestamp",
                                     [=](Device& d) {
                                       version(d.repo.timestamp.header, 4);
                                       d.repo.publish_timestamp();
                                     }},
                                 Row{"snapshot as timestamp announces it",
                                     [=](Device& d) {
                                       version(d.repo.snapshot.header, 4);
                                       d.repo.publish_snapshot();
                                       version(d.repo.timestamp.header, 6);
                                       d.repo.publish_timestamp();
                                     }},
                                 Row{"targets as snapshot announces it",
                                     [=](Device& d) {
                                       version(d.repo.roles["targets"].header, 4);
                                       d.repo.publish_role("targets");
                                       version(d.repo.snapshot.header, 6);
                                       d.repo.publish_snapshot();
                                       version(d.repo.timestamp.header, 6);
                                       d.repo.publish_timestamp();
                                     }},
                                 Row{"delegated role as snapshot announces it",
                                     [=](Device& d) {
                                       version(d.repo.roles["rel-gw3"].header, 4);
                                       d.repo.publish_role("rel-gw3");
                                       version(d.repo.snapshot.header, 6);
                                       d.repo.publish_snapshot();
                                       version(d.repo.timestamp.header, 6);
                                       d.repo.publish_timestamp();
                                     }},
                                 Row{"role that snapshot no longer lists", [=](Device& d) {
                                       d.repo.snapshot.meta.erase("rel-gw3");
                                       version(d.repo.snapshot.header, 6);
                                       d.repo.publish_snapshot();
                                       version(d.repo.timestamp.header, 6);
                                       d.repo.publish_timestamp();
                                     }});
  INFO(row.why);
  for (const bool keep_files : {true, false}) {
    INFO("files kept: " << keep_files);
    Device device;
    for (int i = 0; i < 4; ++i) device.repo.bump();  // everything at version 5
    REQUIRE(device.code() == Errc::kUsage);
    if (!keep_files) device.store.files.clear();  // the floors record alone must do
    row.change(device);
    const auto report = device.refresh();
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == Errc::kRollback);
    CHECK(report.error().attack() == "rollback");
  }
}

TEST_CASE("trusted set: files alone hold the versions too when the record is new (FORMAT 2.8.2)",
          "[manifest]") {
  Device device;
  for (int i = 0; i < 4; ++i) device.repo.bump();
  REQUIRE(device.code() == Errc::kUsage);
  device.floors = {};
  device.repo.timestamp.header.version = MetadataVersion(4);
  device.repo.publish_timestamp();
  CHECK(device.code() == Errc::kRollback);
}

TEST_CASE("trusted set: a timestamp of the same version changes nothing (FORMAT 2.6.7)",
          "[manifest]") {
  Device device;
  REQUIRE(device.refresh());
  const auto before = device.store.files["timestamp"];
  device.repo.now += Seconds(60);
  device.repo.publish_timestamp();
  REQUIRE(device.repo.metadata_files["timestamp.json"] != before);
  const auto report = device.refresh();
  REQUIRE(report);
  CHECK(report->change == Change::kSame);
  CHECK(device.store.files["timestamp"] == before);
}

TEST_CASE("trusted set: a new timestamp forgets the snapshot and targets of the old one",
          "[manifest]") {
  Device device;
  auto set = closed(device);
  auto& files = device.repo.metadata_files;
  REQUIRE(set.add_timestamp(files["timestamp.json"]));
  REQUIRE(set.add_snapshot(files["1.snapshot.json"], Source::kReceived));
  REQUIRE(set.add_targets({"root", "targets"}, files["1.targets.json"]));
  device.repo.bump();
  REQUIRE(set.add_timestamp(files["timestamp.json"]));
  CHECK_FALSE(set.snapshot().has_value());
  CHECK(set.targets({"root", "targets"}) == nullptr);
}

TEST_CASE("trusted set: rotated keys recover from versions set too high (FORMAT 2.8.3)",
          "[manifest]") {
  Device device;
  auto& repo = device.repo;
  repo.timestamp.header.version = MetadataVersion(1U << 30U);
  repo.snapshot.header.version = MetadataVersion(1U << 30U);
  repo.roles["targets"].header.version = MetadataVersion(1U << 30U);
  repo.publish();
  REQUIRE(device.code() == Errc::kUsage);
  repo.timestamp.header.version = MetadataVersion(2);
  repo.snapshot.header.version = MetadataVersion(2);
  repo.roles["targets"].header.version = MetadataVersion(2);
  repo.publish();
  CHECK(device.code() == Errc::kRollback);
  device.replace_keys("timestamp", {"timestamp-2"});
  repo.bump_root();
  repo.publish();
  CHECK(device.code() == Errc::kRollback);  // targets, which the old snapshot key vouched for
  device.replace_keys("snapshot", {"snapshot-2"});
  repo.bump_root();
  repo.bump();
  const auto report = device.refresh();
  INFO(outcome(report));
  CHECK(report);
}

TEST_CASE("trusted set: a withheld root is noticed (FORMAT 2.8.6)", "[manifest]") {
  Device device;
  device.repo.bump_root();
  REQUIRE(device.code() == Errc::kUsage);
  device.store.files.clear();
  device.repo.metadata_files.erase("2.root.json");
  const auto report = device.refresh();
  REQUIRE_FALSE(report);
  CHECK(report.error().code() == Errc::kRollback);
  CHECK(report.error().what() == "root 1 is older than root 2, which this device has trusted");
}

TEST_CASE("trusted set: policy is the file root names (FORMAT 2.7.1)", "[manifest]") {
  Device device;
  auto set = opened(device);
  const auto text = device.repo.policy.serialise();
  Bytes good(text.begin(), text.end());
  CHECK(set.set_policy(good));
  CHECK(set.policy() == device.repo.policy);
  auto other = good;
  other[other.size() - 3] ^= 1;
  CHECK(code_of(set.set_policy(other)) == Errc::kHashMismatch);
  good.push_back(' ');
  CHECK(code_of(set.set_policy(good)) == Errc::kHashMismatch);
  good.pop_back();
  device.repo.root.policy.reset();
  const auto bare =
      TrustedSet::open(resigned(device.repo.root.serialise(), device.repo.signers["root"]),
                       Profile::kStrict, limits_of(Profile::kStrict), {});
  REQUIRE(bare);
  auto without = *bare;
  CHECK(code_of(without.set_policy(good)) == Errc::kUsage);
}

TEST_CASE("trusted set: a stored snapshot that is not the announced one has aged (FORMAT 2.5.6)",
          "[manifest]") {
  Device device;
  const auto old = device.repo.metadata_files.at("1.snapshot.json");
  device.repo.bump();
  auto set = closed(device);
  REQUIRE(set.add_timestamp(device.repo.metadata_files.at("timestamp.json")));
  CHECK(code_of(set.add_snapshot(old, Source::kStored)) == Errc::kExpired);
  CHECK_FALSE(set.snapshot().has_value());
}
