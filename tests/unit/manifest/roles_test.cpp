#include "manifest/roles.hpp"

#include <catch2/catch.hpp>

#include "fakes/edit_json.hpp"
#include "fakes/repo_simulator.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::Edit;
using fakes::edit_json;
using fakes::json_of;

namespace {

struct Row {
  const char* why;
  Edit edit;
  bool interop_accepts = false;
};

/// The canonical signed texts of a small repository.
struct Texts {
  std::string root;
  std::string root2;
  std::string timestamp;
  std::string snapshot;
  std::string targets;
  std::string release;
};

Texts texts() {
  fakes::RepoSimulator repo;
  repo.add_release(fakes::sample_release());
  repo.publish();
  Texts out;
  out.root = repo.root.serialise();
  repo.bump_root();
  out.root2 = repo.root.serialise();
  out.timestamp = repo.timestamp.serialise();
  out.snapshot = repo.snapshot.serialise();
  out.targets = repo.roles["targets"].serialise();
  out.release = repo.roles["rel-gw3"].serialise();
  return out;
}

template <class T>
void check_row(const std::string& good, const Row& row) {
  INFO(row.why);
  REQUIRE(T::parse(good, Profile::kStrict));
  const auto edited = edit_json(good, row.edit);
  const auto strict = T::parse(edited, Profile::kStrict);
  REQUIRE_FALSE(strict);
  CHECK(strict.error().code() == Errc::kMalformed);
  CHECK(static_cast<bool>(T::parse(edited, Profile::kInterop)) == row.interop_accepts);
}

template <class T>
void check_truncation(const std::string& good) {
  for (std::size_t n = 0; n < good.size(); ++n) {
    REQUIRE(T::parse(good.substr(0, n), Profile::kStrict).error().code() == Errc::kMalformed);
  }
}

template <class T>
void check_round_trip(const std::string& good) {
  const auto value = T::parse(good, Profile::kStrict);
  if (!value) FAIL(value.error().what());
  CHECK(value->serialise() == good);
  CHECK(T::parse(good, Profile::kInterop));
}

std::string wrong_case(const std::string& hex) {
  auto out = hex;
  for (auto& c : out) c = static_cast<char>(std::toupper(c));
  return out;
}

}  // namespace

TEST_CASE("roles: what a signer writes parses to the same file in both profiles (FORMAT 2.1.1)",
          "[manifest]") {
  const auto all = texts();
  check_round_trip<Root>(all.root);
  check_round_trip<Root>(all.root2);
  check_round_trip<Timestamp>(all.timestamp);
  check_round_trip<Snapshot>(all.snapshot);
  check_round_trip<Targets>(all.targets);
  check_round_trip<Targets>(all.release);
}

TEST_CASE("roles: no truncated file is accepted", "[manifest]") {
  const auto all = texts();
  check_truncation<Root>(all.root);
  check_truncation<Timestamp>(all.timestamp);
  check_truncation<Snapshot>(all.snapshot);
  check_truncation<Targets>(all.targets);
  check_truncation<Targets>(all.release);
}

TEST_CASE("roles: the common members have one form (FORMAT 2.4.1)", "[manifest]") {
  const auto row = GENERATE(
      Row{"other type", {"_type", json::Value("root")}}, Row{"no type", {"_type", std::nullopt}},
      Row{"type no text", {"_type", json::Value(1)}},
      Row{"spec 2", {"spec_version", json::Value("2.0.0")}},
      Row{"spec without numbers", {"spec_version", json::Value("1.")}},
      Row{"spec of four numbers", {"spec_version", json::Value("1.0.0.0")}},
      Row{"spec with text", {"spec_version", json::Value("1.0.x")}},
      Row{"spec ends in a dot", {"spec_version", json::Value("1.0.")}},
      Row{"no spec", {"spec_version", std::nullopt}}, Row{"version 0", {"version", json::Value(0)}},
      Row{"version negative", {"version", json::Value(-1)}},
      Row{"version over 2^48", {"version", json::Value((std::int64_t{1} << 48U) + 1)}},
      Row{"version as text", {"version", json::Value("1")}},
      Row{"version as fraction", {"version", json::Value(json::Real{"1.0"})}},
      Row{"no version", {"version", std::nullopt}},
      Row{"date without zone", {"expires", json::Value("2026-11-20T00:00:00")}},
      Row{"date with offset", {"expires", json::Value("2026-11-20T00:00:00+00:00")}},
      Row{"date with fraction", {"expires", json::Value("2026-11-20T00:00:00.5Z")}},
      Row{"no such day", {"expires", json::Value("2026-02-30T00:00:00Z")}},
      Row{"no date", {"expires", std::nullopt}});
  const auto all = texts();
  check_row<Timestamp>(all.timestamp, row);
}

TEST_CASE("roles: spec versions of two and three numbers are taken (FORMAT 2.4.1)", "[manifest]") {
  const auto all = texts();
  for (const auto* spec : {"1.0", "1.0.31", "1.1", "1.0.34"}) {
    CHECK(Timestamp::parse(edit_json(all.timestamp, {"spec_version", json::Value(spec)}),
                           Profile::kStrict));
  }
}

TEST_CASE("roles: strict files name their repository and role (FORMAT 2.4.3)", "[manifest]") {
  const auto row = GENERATE(Row{"no x-pawl", {"x-pawl", std::nullopt}, true},
                            Row{"no role", {"x-pawl/role", std::nullopt}, true},
                            Row{"other role", {"x-pawl/role", json::Value("snapshot")}, true},
                            Row{"no repository", {"x-pawl/repo", std::nullopt}, true},
                            Row{"short repository", {"x-pawl/repo", json::Value("00")}, true},
                            Row{"issue time as text", {"x-pawl/issued", json::Value("now")}, true},
                            Row{"issue time after 9999",
                                {"x-pawl/issued", json::Value(std::int64_t{253402300800})},
                                true});
  const auto all = texts();
  check_row<Timestamp>(all.timestamp, row);
  check_row<Snapshot>(all.snapshot, row.why == std::string("other role")
                                        ? Row{"", {"x-pawl/role", json::Value("timestamp")}, true}
                                        : row);
}

TEST_CASE("roles: only root version 1 lacks the repository (FORMAT 2.4.3)", "[manifest]") {
  const auto all = texts();
  const std::string id(64, 'a');
  check_row<Root>(all.root, {"names itself", {"x-pawl/repo", json::Value(id)}, true});
  check_row<Root>(all.root2, {"does not name it", {"x-pawl/repo", std::nullopt}, true});
}

TEST_CASE("roles: root refuses (FORMAT 2.5.2, 2.5.3, 2.5.4)", "[manifest]") {
  const auto all = texts();
  const auto root = Root::parse(all.root, Profile::kStrict);
  REQUIRE(root);
  const auto targets_key = root->targets.key_ids[0].text;
  const auto row = GENERATE_COPY(
      Row{"no keys", {"keys", std::nullopt}}, Row{"no roles", {"roles", std::nullopt}},
      Row{"no timestamp role", {"roles/timestamp", std::nullopt}},
      Row{"key of targets in timestamp",
          {"roles/timestamp/keyids/0", json::Value(targets_key)},
          true},
      Row{"key of targets in root", {"roles/root/keyids/0", json::Value(targets_key)}, true},
      Row{"not consistent", {"consistent_snapshot", json::Value(false)}, true},
      Row{"no consistent member", {"consistent_snapshot", std::nullopt}, true},
      Row{"policy without digest", {"x-pawl/policy/sha256", std::nullopt}, true},
      Row{"policy of no bytes", {"x-pawl/policy/length", json::Value(0)}, true},
      Row{"policy over 16 KiB", {"x-pawl/policy/length", json::Value(16385)}, true});
  check_row<Root>(all.root, row);
}

TEST_CASE("roles: timestamp and snapshot list files alone (FORMAT 2.6.1)", "[manifest]") {
  const auto all = texts();
  const auto other = json_of(R"({"version":1})");
  const std::string meta = "meta/snapshot.json/";
  const auto timestamp =
      GENERATE_COPY(Row{"no meta", {"meta", std::nullopt}},
                    Row{"no snapshot", {"meta/snapshot.json", std::nullopt}},
                    Row{"another file", {"meta/targets.json", other}},
                    Row{"version 0", {meta + "version", json::Value(0)}},
                    Row{"length 0", {meta + "length", json::Value(0)}},
                    Row{"length as text", {meta + "length", json::Value("1")}},
                    Row{"no digests", {meta + "hashes", json::Value(json::Object{})}},
                    Row{"digest no text", {meta + "hashes/sha256", json::Value(1)}},
                    Row{"short digest", {meta + "hashes/sha256", json::Value("00")}});
  check_row<Timestamp>(all.timestamp, timestamp);
  const auto snapshot = GENERATE_COPY(
      Row{"no targets", {"meta/targets.json", std::nullopt}},
      Row{"not a metadata file", {"meta/readme", other}}, Row{"no name", {"meta/.json", other}},
      Row{"no version", {"meta/targets.json/version", std::nullopt}},
      Row{"a role of another form", {"meta/Rel.json", other}, true},
      Row{"a role with a top-level name", {"meta/root.json", other}, true});
  check_row<Snapshot>(all.snapshot, snapshot);
}

TEST_CASE("roles: digests are SHA-256 in lower case (FORMAT 2.4.2)", "[manifest]") {
  const auto all = texts();
  const std::string hashes = "meta/snapshot.json/hashes/";
  const auto good = Timestamp::parse(all.timestamp, Profile::kStrict);
  const auto upper = wrong_case(to_hex(*good->snapshot.hashes->sha256));
  check_row<Timestamp>(all.timestamp, {"upper case", {hashes + "sha256", json::Value(upper)}});
  const Edit sha512{hashes + "sha512", json::Value(std::string(128, 'a'))};
  check_row<Timestamp>(all.timestamp, {"SHA-512", sha512, true});
  const Edit unknown{hashes + "md5", json::Value("aa")};
  check_row<Timestamp>(all.timestamp, {"unknown digest", unknown, true});
  const auto parsed = Timestamp::parse(edit_json(all.timestamp, unknown), Profile::kInterop);
  CHECK(parsed->snapshot.hashes->check({}, "file").error().code() == Errc::kHashMismatch);
}

TEST_CASE("roles: targets refuse unsafe paths and names (FORMAT 2.6.2, 2.6.3)", "[manifest]") {
  const auto all = texts();
  const auto target = json_of(
      R"({"hashes":{"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},"length":1})");
  auto without_length = target;
  without_length.object()->remove("length");
  const auto release = GENERATE_COPY(Row{"path goes up", {"targets/..", target}, true},
                                     Row{"path with a blank", {"targets/a b", target}, true},
                                     Row{"no length", {"targets/a", without_length}},
                                     Row{"target no object", {"targets/a", json::Value(1)}},
                                     Row{"no targets", {"targets", std::nullopt}});
  check_row<Targets>(all.release, release);
  const std::string role = "delegations/roles/0/";
  const auto delegation = GENERATE_COPY(
      Row{"unsafe name", {role + "name", json::Value("../x")}, true},
      Row{"top-level name", {role + "name", json::Value("snapshot")}},
      Row{"no name", {role + "name", std::nullopt}},
      Row{"no terminating", {role + "terminating", std::nullopt}},
      Row{"terminating as number", {role + "terminating", json::Value(1)}},
      Row{"no paths", {role + "paths", std::nullopt}},
      Row{"paths and prefixes", {role + "path_hash_prefixes", json::Value(json::Array{"00"})}},
      Row{"path no text", {role + "paths/0", json::Value(1)}},
      Row{"no keys", {"delegations/keys", std::nullopt}},
      Row{"roles no array", {"delegations/roles", json::Value(1)}},
      Row{"no roles", {"delegations/roles", std::nullopt}});
  check_row<Targets>(all.targets, delegation);
}

TEST_CASE("roles: a delegation by prefixes of digests is not of the strict profile (FORMAT 2.6.3)",
          "[manifest]") {
  const std::string role = "delegations/roles/0/";
  const auto by_paths = texts().targets;
  const auto neither = edit_json(by_paths, {role + "paths", std::nullopt});
  const auto by_digest =
      edit_json(neither, {role + "path_hash_prefixes", json::Value(json::Array{"00"})});
  CHECK(Targets::parse(by_digest, Profile::kInterop));
  CHECK(Targets::parse(by_digest, Profile::kStrict).error().code() == Errc::kMalformed);
}

TEST_CASE("roles: hash bins stand alone", "[manifest]") {
  const auto bins = json_of(R"({"bit_length":1,"keyids":[],"name_prefix":"bin","threshold":1})");
  const auto both = edit_json(texts().targets, {"delegations/succinct_roles", bins});
  CHECK(Targets::parse(both, Profile::kInterop).error().code() == Errc::kMalformed);
  CHECK(Targets::parse(edit_json(both, {"delegations/roles", std::nullopt}), Profile::kInterop));
}

TEST_CASE("roles: every digest that is listed must match (FORMAT 2.4.2)", "[manifest]") {
  const auto bytes = as_bytes("x");
  FileHashes hashes;
  hashes.sha256 = sha256(bytes);
  CHECK(hashes.check(bytes, "file"));
  auto longer = hashes;
  longer.sha512.emplace();
  CHECK(longer.check(bytes, "file").error().code() == Errc::kHashMismatch);
  auto unknown = hashes;
  unknown.unknown = true;
  CHECK(unknown.check(bytes, "file").error().code() == Errc::kHashMismatch);
}

TEST_CASE("roles: a role is delegated to once in one file", "[manifest]") {
  const auto all = texts();
  auto value = json_of(all.targets);
  auto& roles = *value.object()->find("delegations")->object()->find("roles")->array();
  roles.push_back(roles[0]);
  const auto text = json::write(value);
  CHECK(Targets::parse(text, Profile::kStrict).error().code() == Errc::kMalformed);
  CHECK(Targets::parse(text, Profile::kInterop).error().code() == Errc::kMalformed);
}

TEST_CASE("roles: unknown members are accepted and never written (FORMAT 2.1.5)", "[manifest]") {
  const auto all = texts();
  const auto more = edit_json(all.timestamp, {"x-other", json::Value(1)});
  const auto parsed = Timestamp::parse(more, Profile::kStrict);
  REQUIRE(parsed);
  CHECK(parsed->serialise() == all.timestamp);
}

TEST_CASE("roles: the repository is named by root version 1 (FORMAT 2.4.3)", "[manifest]") {
  const auto all = texts();
  CHECK(Root::repository_id(all.root) == sha256(as_bytes(all.root)));
}

TEST_CASE("roles: hash bins follow TAP 15", "[manifest]") {
  SuccinctRoles bins;
  bins.bit_length = 5;
  bins.name_prefix = "bin";
  // SHA-256("a") starts with 0xca = 11001010: bin 11001 = 0x19
  CHECK(bins.bin_of("a") == "bin-19");
  CHECK(bins.has("bin-1f"));
  CHECK_FALSE(bins.has("bin-20"));
  CHECK_FALSE(bins.has("bin-1"));
  CHECK_FALSE(bins.has("bin-1F"));
  CHECK_FALSE(bins.has("other-1f"));
  bins.bit_length = 32;
  CHECK(bins.bin_of("a") == "bin-ca978112");
  bins.bit_length = 1;
  CHECK(bins.bin_of("a") == "bin-1");
}

TEST_CASE("roles: hash prefixes cover the paths whose digest starts so", "[manifest]") {
  Delegation delegation;
  delegation.path_hash_prefixes = {"ca97"};
  CHECK(delegation.covers("a"));
  CHECK_FALSE(delegation.covers("b"));
}
