// What can go wrong between a repository and a device, one row each: the code, the attack class,
// what the error says, and that the next honest refresh succeeds with nothing lost. Faults of a
// release on offer stand in the tables of verify_release_test, bundle_test, transparency_test and
// ticket_test.
#include <functional>

#include <catch2/catch.hpp>

#include "device.hpp"
#include "fakes/edit_json.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::Edit;

namespace {

using Fault = std::function<void(Device&)>;

struct Row {
  const char* why;
  Errc code;
  const char* attack;
  const char* says;  // part of the text: a refusal for another reason hides the rule
  Fault change;
};

/// The bytes of a file with one text replaced by another.
void edit(Device& device, const std::string& name, std::string_view from, std::string_view to) {
  auto& file = device.repo.metadata_files.at(name);
  std::string text(as_text(file));
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  file.assign(text.begin(), text.end());
}

Fault edited(std::string name, std::string from, std::string to) {
  return [=](Device& device) { edit(device, name, from, to); };
}
Fault broken(std::string name, Errc code) {
  return [=](Device& device) { device.repo.broken[name] = code; };
}
Fault cut(std::string name) {
  return [=](Device& device) { device.repo.metadata_files.at(name).pop_back(); };
}
/// Another text in place of a signature's digits.
Fault signature(std::function<std::string(std::string)> change) {
  return [=](Device& device) {
    const auto text = std::string(as_text(device.repo.metadata_files.at("timestamp.json")));
    const auto digits = text.substr(text.find("\"sig\":\"") + 7, 128);
    edit(device, "timestamp.json", digits, change(digits));
  };
}

/// Puts these signed bytes in place of a role's, signed by its keys and announced by the rest.
void put_signed(fakes::RepoSimulator& repo, const std::string& role, const std::string& text) {
  const auto file = fakes::RepoSimulator::sign(text, repo.signers.at(role));
  const auto name = role == "timestamp" ? "timestamp.json" : "2." + role + ".json";
  repo.metadata_files.at(name) = file;
  if (role == "root" || role == "timestamp") return;
  if (role != "snapshot") {
    auto& meta = repo.snapshot.meta.at(role);
    meta.length = file.size();
    meta.hashes->sha256 = sha256(file);
    repo.publish_snapshot();
  } else {
    repo.timestamp.snapshot.length = file.size();
    repo.timestamp.snapshot.hashes->sha256 = sha256(file);
  }
  repo.publish_timestamp();
}
std::string signed_text(const fakes::RepoSimulator& repo, const std::string& role) {
  if (role == "root") return repo.root.serialise();
  if (role == "timestamp") return repo.timestamp.serialise();
  if (role == "snapshot") return repo.snapshot.serialise();
  return repo.roles.at(role).serialise();
}
/// One value of a signed file is another one, and the right keys sign that.
Fault altered(std::string role, Edit change) {
  return [=](Device& device) {
    put_signed(device.repo, role, fakes::edit_json(signed_text(device.repo, role), change));
  };
}
Fault version(const char* number) {
  return altered("timestamp", {"version", json::Value(json::Real{number})});
}
Fault role_named(std::string name) {
  return altered("targets", {"delegations/roles/0/name", json::Value(std::move(name))});
}
/// The product's role lists its release under another path.
Fault target_path(std::string path) {
  return [=](Device& device) {
    auto& targets = device.repo.roles.at("rel-gw3").targets;
    auto entry = targets.extract(targets.begin());
    entry.key() = path;
    targets.insert(std::move(entry));
    put_signed(device.repo, "rel-gw3", device.repo.roles.at("rel-gw3").serialise());
  };
}
/// The first timestamp key of root stands there under a second id, too; both ids sign.
void alias_key(Device& device) {
  auto& repo = device.repo;
  const auto key = repo.root.keys.at(repo.root.timestamp.key_ids.at(0));
  const KeyId alias{std::string(64, 'a')};
  repo.root.keys.emplace(alias, key);
  repo.root.timestamp.key_ids.push_back(alias);
  repo.root.timestamp.threshold = 2;
  put_signed(repo, "root", repo.root.serialise());
}
/// Root gives timestamp to the neutral point, for which an equation of zeros holds.
void neutral_key(Device& device) {
  auto& repo = device.repo;
  Ed25519PublicKey neutral;
  neutral.bytes[0] = 1;
  const auto key = PublicKey::from_ed25519(neutral);
  repo.root.keys.emplace(key.id(), key);
  repo.root.timestamp.key_ids = {key.id()};
  put_signed(repo, "root", repo.root.serialise());
  Signature forged{key.id(), Bytes(64)};
  forged.value[0] = 1;
  repo.metadata_files["timestamp.json"] =
      assemble_envelope(repo.timestamp.serialise(), {std::move(forged)});
}
void many_roles(Device& device) {
  auto& meta = device.repo.snapshot.meta;
  for (int i = 1000; i < 2000; ++i) {
    meta.insert_or_assign("r" + std::to_string(i), MetaFile{MetadataVersion(1), {}, {}});
  }
  device.repo.publish_snapshot();
  device.repo.publish_timestamp();
}

const Row kRows[] = {
    // a source that fails is not a source that has nothing
    {"root: server error", Errc::kTransport, "", "3.root.json",
     broken("3.root.json", Errc::kTransport)},
    {"root: time-out", Errc::kTimeout, "", "3.root.json", broken("3.root.json", Errc::kTimeout)},
    {"root: endless", Errc::kTooLarge, "endless", "3.root.json",
     broken("3.root.json", Errc::kTooLarge)},
    {"timestamp: endless", Errc::kTooLarge, "endless", "timestamp.json",
     [](Device& d) { d.repo.metadata_files.at("timestamp.json").resize(4097, ' '); }},
    {"snapshot: longer than announced", Errc::kTooLarge, "endless", "2.snapshot.json",
     [](Device& d) { d.repo.metadata_files.at("2.snapshot.json").push_back(' '); }},
    {"targets: longer than announced", Errc::kTooLarge, "endless", "2.targets.json",
     [](Device& d) { d.repo.metadata_files.at("2.targets.json").push_back(' '); }},
    {"root: cut", Errc::kMalformed, "malformed", "root 2: ", cut("2.root.json")},
    {"timestamp: cut", Errc::kMalformed, "malformed", "timestamp: ", cut("timestamp.json")},
    {"snapshot: cut", Errc::kHashMismatch, "mix-and-match", "announced", cut("2.snapshot.json")},
    {"targets: cut", Errc::kHashMismatch, "mix-and-match", "announced", cut("2.targets.json")},
    {"role: cut", Errc::kHashMismatch, "mix-and-match", "announced", cut("2.rel-gw3.json")},
    // bytes that are not the format
    {"byte order mark", Errc::kMalformed, "malformed",
     "timestamp: ", edited("timestamp.json", "{\"sig", "\xef\xbb\xbf{\"sig")},
    {"bytes behind", Errc::kMalformed, "malformed",
     "timestamp: ", [](Device& d) { d.repo.metadata_files.at("timestamp.json").push_back('\n'); }},
    {"a blank", Errc::kMalformed, "malformed",
     "timestamp: ", edited("timestamp.json", ":[", ": [")},
    {"members in another order", Errc::kMalformed, "malformed", "timestamp: ",
     edited("timestamp.json", "\"spec_version\":\"1.0.34\",\"version\":2",
            "\"version\":2,\"spec_version\":\"1.0.34\"")},
    {"member twice", Errc::kMalformed, "malformed", "timestamp: ",
     edited("timestamp.json", "{\"signatures\"", "{\"signatures\":[],\"signatures\"")},
    {"member twice in the signed part", Errc::kMalformed, "malformed",
     "timestamp: ", edited("timestamp.json", "\"version\":2}", "\"version\":2,\"version\":2}")},
    {"depth 10,000", Errc::kTooLarge, "endless",
     "root 2: ", edited("2.root.json", "\"signed\":{", "\"signed\":" + std::string(10000, '['))},
    // signatures of another shape
    {"signature in upper case", Errc::kMalformed, "malformed", "member sig is not 64 bytes",
     signature([](std::string hex) {
       for (auto& c : hex) c = static_cast<char>(std::toupper(c));
       return hex;
     })},
    {"signature of an odd length", Errc::kMalformed, "malformed", "member sig is not 64 bytes",
     signature([](const std::string& hex) { return hex.substr(1); })},
    {"signature of 63 bytes", Errc::kMalformed, "malformed", "member sig is not 64 bytes",
     signature([](const std::string& hex) { return hex.substr(2); })},
    {"signature of 65 bytes", Errc::kMalformed, "malformed", "member sig is not 64 bytes",
     signature([](const std::string& hex) { return "00" + hex; })},
    // signed by the right keys, and still not what the format allows
    {"version 2^53", Errc::kMalformed, "malformed", "", version("9007199254740992")},
    {"version 2^63", Errc::kMalformed, "malformed", "", version("9223372036854775808")},
    {"version 1e3", Errc::kMalformed, "malformed", "", version("1e3")},
    {"version -0", Errc::kMalformed, "malformed", "", version("-0")},
    {"version 2.0", Errc::kMalformed, "malformed", "", version("2.0")},
    {"version above 2^48", Errc::kMalformed, "malformed", "member version is 281474976710657",
     version("281474976710657")},
    {"threshold 0 in root", Errc::kMalformed, "malformed", "member threshold is 0",
     altered("root", {"roles/timestamp/threshold", json::Value(0)})},
    {"threshold 0 in a delegation", Errc::kMalformed, "malformed", "member threshold is 0",
     altered("targets", {"delegations/roles/0/threshold", json::Value(0)})},
    {"one key under two ids", Errc::kMalformed, "malformed", "digest", alias_key},
    {"a key of small order", Errc::kBadSignature, "arbitrary", "0 valid signatures", neutral_key},
    {"role '.'", Errc::kMalformed, "malformed", "member name", role_named(".")},
    {"role '..'", Errc::kMalformed, "malformed", "member name", role_named("..")},
    {"role '../x'", Errc::kMalformed, "malformed", "member name", role_named("../x")},
    {"role of 65 letters", Errc::kMalformed, "malformed", "member name",
     role_named(std::string(65, 'a'))},
    {"role with NUL", Errc::kMalformed, "malformed",
     "targets: ", role_named(std::string("a\0b", 3))},
    {"role in Unicode", Errc::kMalformed, "malformed", "targets: ", role_named("r\xc3\xb6le")},
    {"role '..' in snapshot", Errc::kMalformed, "malformed", "snapshot",
     altered("snapshot", {"meta/...json", fakes::json_of(R"({"version":1})")})},
    {"target path with ..", Errc::kMalformed, "malformed", "path",
     target_path("releases/gw3/../gw4/manifest.json")},
    {"target path with //", Errc::kMalformed, "malformed", "path",
     target_path("releases/gw3//manifest.json")},
    {"target path with %2f", Errc::kMalformed, "malformed", "path",
     target_path("releases/gw3/1%2f2/manifest.json")},
    {"target path with a backslash", Errc::kMalformed, "malformed", "path",
     target_path("releases/gw3/1\\2/manifest.json")},
    {"target path with NUL", Errc::kMalformed, "malformed", "role 'rel-gw3'",
     target_path(std::string("releases/gw3/1\0/manifest.json", 29))},
    {"snapshot with 1,000 roles more", Errc::kTooLarge, "endless", "snapshot", many_roles},
    // a signature by somebody else
    {"timestamp by nobody", Errc::kBadSignature, "arbitrary", "timestamp: 0 valid signatures",
     [](Device& d) {
       d.repo.signers["timestamp"] = {SigningKey("intruder")};
       d.repo.publish_timestamp();
     }},
    {"every root key changed, the old ones do not agree", Errc::kBadSignature, "arbitrary",
     "against the keys of root 2",
     [](Device& d) {
       d.replace_keys("root", {"new-a", "new-b", "new-c"});
       d.repo.bump_root();
     }},
    {"every root key changed, the new ones do not agree", Errc::kBadSignature, "arbitrary",
     "against its own keys",
     [](Device& d) {
       const auto old = d.replace_keys("root", {"new-a", "new-b", "new-c"});
       d.repo.bump_root(old);
       const auto text = d.repo.root.serialise();
       d.repo.metadata_files["3.root.json"] = fakes::RepoSimulator::sign(text, old);
     }},
    // a role's file in the place of another one's, all under the same key
    {"the files of two products swapped", Errc::kBadSignature, "mix-and-match", "as the file of",
     [](Device& d) {
       std::swap(d.repo.metadata_files["2.rel-gw3.json"], d.repo.metadata_files["2.rel-gw4.json"]);
       std::swap(d.repo.snapshot.meta.at("rel-gw3"), d.repo.snapshot.meta.at("rel-gw4"));
       d.repo.publish_snapshot();
       d.repo.publish_timestamp();
     }},
    {"the file of another repository", Errc::kBadSignature, "mix-and-match", "another repository",
     [](Device& d) {
       const auto own = d.repo.repository;
       d.repo.repository = sha256(as_bytes("another one under the same keys"));
       d.repo.publish_role("rel-gw3");
       d.repo.repository = own;
       d.repo.publish_snapshot();
       d.repo.publish_timestamp();
     }},
    // time
    {"the same until it expires, 304 after 304", Errc::kExpired, "freeze", "timestamp 2 expired",
     [](Device& d) { d.clock.time += 8 * kDay; }},
    {"a clock twenty years ahead", Errc::kExpired, "freeze", "root 2 expired",
     [](Device& d) { d.clock.time = at("2046-11-20T12:00:00Z"); }},
};

/// Two states old enough to be told apart, of which the second is published. Two products have one
/// key, so that only what is signed tells their files apart.
struct Stage {
  Device device;

  Stage() {
    device.repo.signers["rel-gw4"] = device.repo.signers["rel-gw3"];
    device.repo.delegate("rel-gw4", {release_pattern("gw4")});
    device.repo.add_release(fakes::sample_release());
    device.repo.bump_root();
    device.repo.bump();
  }
};

/// One cycle up to the list of releases, as a program does it.
Result<RefreshReport> look(Device& device) {
  auto client = device.updater();
  auto report = client.refresh();
  device.floors = client.floors();
  if (!report) return report;
  PAWL_TRY(const auto offers, client.releases("gw3"));
  if (offers.size() != 1) return fail(Errc::kIncomplete, "the release is not on offer");
  return report;
}

}  // namespace

TEST_CASE(
    "faults: each has its code, its class and its reason, and leaves nothing behind "
    "(FORMAT 2.9.1)",
    "[manifest][faults]") {
  for (const auto& row : kRows) {
    INFO(row.why);
    Stage stage;
    auto& device = stage.device;
    const auto honest = device.repo;
    const auto time = device.clock.time;
    row.change(device);
    const auto report = look(device);
    INFO(outcome(report));
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == row.code);
    CHECK(report.error().attack() == row.attack);
    CHECK_THAT(report.error().what(), Catch::Contains(row.says));
    device.repo = honest;
    device.repo.bump_root();  // some rows have let the right keys sign another state 2
    device.repo.bump();
    device.clock.time = time;
    const auto again = look(device);
    INFO(outcome(again));
    REQUIRE(again);
    CHECK(again->timestamp == MetadataVersion(3));
  }
}

TEST_CASE("faults: the edits of the table change nothing but what they name",
          "[manifest][faults]") {
  for (const auto* role : {"root", "timestamp", "snapshot", "targets", "rel-gw3"}) {
    INFO(role);
    Stage stage;
    altered(role, {"x-unknown", json::Value(json::Real{"9007199254740991"})})(stage.device);
    const auto report = look(stage.device);
    INFO(outcome(report));
    CHECK(report);
  }
}

TEST_CASE("faults: interop counts keys and not their ids (FORMAT 2.3.3)", "[manifest][faults]") {
  Device device;
  auto& repo = device.repo;
  repo.root.root.threshold = 1;
  const auto key = repo.root.keys.at(repo.root.timestamp.key_ids.at(0));
  const KeyId alias{std::string(64, 'a')};
  repo.root.keys.emplace(alias, key);
  repo.root.timestamp.key_ids.push_back(alias);
  for (const unsigned threshold : {1U, 2U}) {
    repo.root.timestamp.threshold = threshold;
    auto set =
        TrustedSet::open(fakes::RepoSimulator::sign(repo.root.serialise(), repo.signers["root"]),
                         Profile::kInterop, limits_of(Profile::kInterop), {});
    REQUIRE(set);
    REQUIRE(set->close_roots(device.clock.time, {}));
    const auto text = repo.timestamp.serialise();
    auto second = repo.signers["timestamp"].at(0).sign(text);
    second.key_id = alias;
    const auto added = set->add_timestamp(
        assemble_envelope(text, {repo.signers["timestamp"][0].sign(text), second}));
    INFO("threshold " << threshold);
    REQUIRE(static_cast<bool>(added) == (threshold == 1));
    if (!added) CHECK(added.error().code() == Errc::kBadSignature);
    if (!added) CHECK(added.error().attack() == "arbitrary");
  }
}

TEST_CASE("faults: a chain of 300 roots is walked in five runs (FORMAT 2.1.4)",
          "[manifest][faults]") {
  Device device;
  for (int i = 0; i < 300; ++i) device.repo.bump_root();
  for (int run = 0; run < 4; ++run) CHECK(device.code() == Errc::kTooLarge);
  const auto report = device.refresh();
  REQUIRE(report);
  CHECK(report->root == MetadataVersion(301));
  CHECK(report->new_roots == 44);
}

TEST_CASE(
    "faults: more roles than the floors can hold are refused, however well signed "
    "(FORMAT 2.6.1, 2.8.1)",
    "[manifest][faults]") {
  const auto list = [](Device& device, int count) {
    for (auto i = device.repo.snapshot.meta.size(); i < static_cast<std::size_t>(count); ++i) {
      device.repo.snapshot.meta.insert_or_assign(
          "rel-" + std::string(50, 'x') + std::to_string(i + 1000),
          MetaFile{MetadataVersion(1), {}, {}});
    }
    device.repo.publish_snapshot();
    device.repo.publish_timestamp();
  };
  Device device;
  for (int i = 2; i <= 8; ++i) {
    device.repo.signers["snapshot"].emplace_back("snapshot-" + std::to_string(i));
  }
  device.repo.publish_root();
  device.repo.repository = Root::repository_id(device.repo.root.serialise());
  device.repo.publish();
  list(device, 256);
  const auto report = device.refresh();
  INFO(outcome(report));
  REQUIRE(report);
  CHECK(device.floors.versions.size() == 258);  // and timestamp and snapshot
  const auto again = Floors::parse(device.floors.serialise());
  REQUIRE(again);
  CHECK(*again == device.floors);

  Device more;
  list(more, 257);
  CHECK(more.code() == Errc::kTooLarge);
  CHECK(more.refresh().error().attack() == "endless");
}
