#include <catch2/catch.hpp>

#include "device.hpp"
#include "manifest/trusted_set.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

TargetInfo info_of(const std::string& path, std::string_view content) {
  TargetInfo out;
  out.path = path;
  out.length = content.size();
  out.hashes.sha256 = sha256(as_bytes(content));
  return out;
}

/// A client of the interop profile, which alone knows hash prefixes and bins.
Updater interop(Device& device) {
  UpdaterOptions options;
  options.profile = Profile::kInterop;
  options.limits = limits_of(Profile::kInterop);
  options.anchor = device.repo.root_file(1);
  return {device.repo, device.store, device.clock, std::move(options)};
}

}  // namespace

TEST_CASE("trusted set: diamonds are trusted along the path taken (FORMAT 2.6.6)", "[manifest]") {
  Device device;
  auto& repo = device.repo;
  for (const auto* parent : {"parent-a", "parent-b"}) {
    repo.signers[parent].emplace_back(parent);
    repo.delegate(parent, {std::string(parent) + "/*"}, Terminating::kNo);
    Delegations delegations;
    // each parent names its own key for "shared"
    const SigningKey key(std::string("shared of ") + parent);
    delegations.keys.emplace(key.id(), key.key());
    Delegation shared;
    shared.name = "shared";
    shared.paths = {std::string(parent) + "/*"};
    shared.role = {{key.id()}, 1};
    delegations.roles.push_back(shared);
    repo.roles[parent].delegations = delegations;
  }
  repo.signers["shared"].emplace_back("shared of parent-a");
  for (const auto* path : {"parent-a/x", "parent-b/x"}) {
    TargetInfo info;
    info.path = path;
    info.length = 1;
    info.hashes.sha256 = sha256(as_bytes("x"));
    repo.roles["shared"].targets[path] = info;
  }
  repo.bump();
  auto client = device.updater();
  REQUIRE(client.refresh());
  const auto a = client.find("parent-a/x");
  REQUIRE(a);
  CHECK(a->has_value());
  CHECK(code_of(client.find("parent-b/x")) == Errc::kBadSignature);
}

TEST_CASE("trusted set: a terminating role ends the search (FORMAT 2.6.6)", "[manifest]") {
  for (const auto terminating : {Terminating::kYes, Terminating::kNo}) {
    Device device;
    auto& repo = device.repo;
    repo.signers["second"].emplace_back("second");
    repo.delegate("rel-gw3", {release_pattern("gw3")}, terminating);
    repo.delegate("second", {release_pattern("gw3")}, Terminating::kNo);
    TargetInfo info;
    info.path = "releases/gw3/9/x";
    info.length = 1;
    info.hashes.sha256 = sha256(as_bytes("x"));
    repo.roles["second"].targets[info.path] = info;
    repo.bump();
    auto client = device.updater();
    REQUIRE(client.refresh());
    const auto found = client.find(info.path);
    REQUIRE(found);
    CHECK(found->has_value() == (terminating == Terminating::kNo));
    // nobody may speak for a path outside his delegation
    const auto outside = client.find("releases/gw4/9/x");
    REQUIRE(outside);
    CHECK_FALSE(outside->has_value());
  }
}

TEST_CASE(
    "trusted set: a terminating role ends the search for its delegator's siblings, too (FORMAT "
    "2.6.6)",
    "[manifest]") {
  for (const auto terminating : {Terminating::kYes, Terminating::kNo}) {
    Device device;
    auto& repo = device.repo;
    for (const auto* name : {"first", "below", "second"}) repo.signers[name].emplace_back(name);
    repo.delegate("first", {"x/*"}, Terminating::kNo);
    repo.delegate("second", {"x/*"}, Terminating::kNo);
    const SigningKey key("below");
    Delegation below;
    below.name = "below";
    below.paths = {"x/*"};
    below.role = {{key.id()}, 1};
    below.terminating = terminating;
    Delegations delegations;
    delegations.keys.emplace(key.id(), key.key());
    delegations.roles.push_back(below);
    repo.roles["first"].delegations = delegations;
    repo.roles["below"];
    TargetInfo info;
    info.path = "x/1";
    info.length = 1;
    info.hashes.sha256 = sha256(as_bytes("x"));
    repo.roles["second"].targets[info.path] = info;
    repo.bump();
    auto client = device.updater();
    REQUIRE(client.refresh());
    const auto found = client.find(info.path);
    REQUIRE(found);
    CHECK(found->has_value() == (terminating == Terminating::kNo));
  }
}

TEST_CASE("trusted set: the first role that lists a path speaks for it (FORMAT 2.6.6)",
          "[manifest]") {
  Device device;
  auto& repo = device.repo;
  for (const auto* name : {"first", "second"}) {
    repo.signers[name].emplace_back(name);
    repo.delegate(name, {"x/*", "releases/gw3/*/*"}, Terminating::kNo);
    repo.roles[name].targets["x/1"] = info_of("x/1", name);
    repo.add_release(fakes::sample_release(name == std::string("first") ? 7 : 8, "7.0.0"), name);
  }
  auto& all = repo.roles["targets"].delegations->roles;
  all.erase(all.begin());  // the product's own role, which is terminating
  repo.roles.erase("rel-gw3");
  repo.bump();
  auto client = device.updater();
  REQUIRE(client.refresh());
  const auto found = client.find("x/1");
  REQUIRE(found);
  REQUIRE(found->has_value());
  CHECK((*found)->hashes.sha256 == sha256(as_bytes("first")));
  const auto offers = client.releases("gw3");
  REQUIRE(offers);
  REQUIRE(offers->size() == 1);
  CHECK(offers->front().summary.release_counter == ReleaseCounter(7));
}

TEST_CASE("trusted set: delegations in a circle end (FORMAT 2.6.6)", "[manifest]") {
  Device device;
  auto& repo = device.repo;
  repo.signers["one"].emplace_back("one");
  repo.signers["two"].emplace_back("two");
  repo.delegate("one", {"x/*"}, Terminating::kNo);
  for (const auto& [from, to] : {std::pair{"one", "two"}, std::pair{"two", "one"}}) {
    const SigningKey key(to);
    Delegation next;
    next.name = to;
    next.paths = {"x/*"};
    next.role = {{key.id()}, 1};
    Delegations delegations;
    delegations.keys.emplace(key.id(), key.key());
    delegations.roles.push_back(next);
    repo.roles[from].delegations = delegations;
  }
  repo.bump();
  auto client = device.updater();
  REQUIRE(client.refresh());
  const auto found = client.find("x/1");
  INFO(outcome(found));
  REQUIRE(found);
  CHECK_FALSE(found->has_value());
}

TEST_CASE("trusted set: hash bins and hash prefixes are searched in interop", "[manifest]") {
  enum class By : std::uint8_t { kBins, kPrefixes };
  for (const auto by : {By::kBins, By::kPrefixes}) {
    Device device;
    auto& repo = device.repo;
    const SigningKey key("bins");
    Delegations delegations;
    delegations.keys.emplace(key.id(), key.key());
    SuccinctRoles bins{{{key.id()}, 1}, 3, "bin"};
    // SHA-256("a") starts with 0xca: bin 110 = 6 of 8
    const auto holder = by == By::kBins ? bins.bin_of("a") : std::string("bin-6");
    CHECK(holder == "bin-6");
    if (by == By::kBins) delegations.succinct = bins;
    if (by == By::kPrefixes) {
      for (const auto* prefix : {"00", "ca9"}) {
        Delegation one;
        one.name = prefix == std::string("00") ? "bin-0" : "bin-6";
        one.role = {{key.id()}, 1};
        one.path_hash_prefixes = {prefix};
        delegations.roles.push_back(one);
      }
    }
    repo.roles.erase("rel-gw3");
    repo.roles["targets"].delegations = delegations;
    for (const auto* bin : {"bin-0", "bin-6", "bin-8", "other"}) {
      repo.signers[bin] = {key};
      repo.roles[bin].targets["a"] = info_of("a", bin);
    }
    repo.bump();
    auto client = interop(device);
    REQUIRE(client.refresh());
    repo.requests.clear();
    const auto found = client.find("a");
    INFO(outcome(found));
    REQUIRE(found);
    REQUIRE(found->has_value());
    CHECK((*found)->hashes.sha256 == sha256(as_bytes("bin-6")));
    CHECK(repo.requests == std::vector<std::string>{"2.bin-6.json"});
    // the same key, and not one of the bins
    auto set = client.trusted();
    for (const auto* stranger : {"bin-8", "other"}) {
      const auto added = set.add_targets(
          {"targets", stranger}, repo.metadata_files.at("2." + std::string(stranger) + ".json"));
      CHECK(code_of(added) == Errc::kBadSignature);
    }
  }
}

TEST_CASE("trusted set: a repository without consistent snapshots has plain names in interop",
          "[manifest]") {
  Device device;
  auto& repo = device.repo;
  repo.root.consistent_snapshot = false;
  repo.publish_root();
  const std::string content = "content";
  repo.roles["targets"].targets["file"] = info_of("file", content);
  repo.publish();
  for (const auto* role : {"snapshot", "targets", "rel-gw3"}) {
    auto numbered = repo.metadata_files.extract("1." + std::string(role) + ".json");
    numbered.key() = std::string(role) + ".json";
    repo.metadata_files.insert(std::move(numbered));
  }
  repo.target_files["file"] = Bytes(content.begin(), content.end());
  auto client = interop(device);
  const auto report = client.refresh();
  INFO(outcome(report));
  REQUIRE(report);
  const auto found = client.find("file");
  REQUIRE(found);
  REQUIRE(found->has_value());
  CHECK(client.fetch(**found, 100));
  CHECK(repo.requests.back() == "file");
  auto strict = device.updater();
  CHECK(code_of(strict.refresh()) == Errc::kMalformed);
}
