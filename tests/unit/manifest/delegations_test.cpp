#include <catch2/catch.hpp>

#include "device.hpp"
#include "manifest/trusted_set.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc::kUsage : result.error().code();
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
