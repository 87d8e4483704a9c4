// Power is cut before every durable operation of every step of an update, with what was not synced
// lost, kept or mixed and the cut write torn. Whatever happens: a whole slot boots and opens the
// sealed state, no floor goes down or above what boots, and the next starts finish the update.
#include <algorithm>
#include <iostream>

#include <catch2/catch.hpp>

#include "fakes/bundle.hpp"
#include "fakes/fake_device.hpp"
#include "updater/bundle.hpp"
#include "updater/verbs.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::CutPolicy;
using fakes::FakeDevice;
using fakes::Fate;

namespace {

constexpr unsigned kRounds = 8;  // starts until everything is settled

/// 1.1.0 lifts the floor above 1.0.0; 1.2.0 leaves it.
fakes::ReleaseFactory& factory() {
  static fakes::ReleaseFactory made = [] {
    fakes::ReleaseFactory out;
    out.add("1.0.0", {1, 1, 1});
    out.add("1.1.0", {2, 2, 2});
    return out;
  }();
  return made;
}

/// Whether a power cut may end in a reverted release. A release that was written, is healthy and
/// has tries left is never given up because power was lost.
enum class Reverts : std::uint8_t { kNever, kMay };

/// What one scenario starts from and does until the power goes.
struct Scenario {
  const char* name;
  void (*prepare)(FakeDevice&);
  Status (*act)(FakeDevice&);
  const char* ends_with;  // the release that runs when everything is settled
  Reverts reverts = Reverts::kNever;
  Status (*again)(FakeDevice&) = nullptr;  // finishes an interrupted install; else `install`
};

/// As it leaves the factory, with the same release in both slots.
void fill_both(FakeDevice& fake) {
  const auto& images = factory().releases.at("1.0.0");
  auto rootfs = images.rootfs;
  rootfs.resize(FakeDevice::kSlotSize);
  fake.disk.put_device("/dev/slots/b", rootfs);
  fake.disk.put("/dev/esp/b.efi", images.uki);
}
void install_now(FakeDevice& fake) {
  fill_both(fake);
  auto device = fake.device();
  REQUIRE(install(device, {}));
}
void start_trial(FakeDevice& fake) {
  install_now(fake);
  REQUIRE(fake.start() == "b");
  auto device = fake.device();
  REQUIRE(boot_up(device));
}
void commit_now(FakeDevice& fake) {
  start_trial(fake);
  auto device = fake.device();
  REQUIRE(trial(device));
}
void restart_into_trial(FakeDevice& fake) {
  install_now(fake);
  REQUIRE(fake.start() == "b");
}
void last_try(FakeDevice& fake) {
  install_now(fake);
  for (int i = 0; i < 3; ++i) REQUIRE(fake.start() == "b");
  auto device = fake.device();
  REQUIRE(boot_up(device));
}
void fall_back(FakeDevice& fake) {
  install_now(fake);
  for (int i = 0; i < 3; ++i) REQUIRE(fake.start() == "b");  // hangs before userspace, thrice
  REQUIRE(fake.start() == "a");
}

template <class T>
Status status_of(Result<T> result) {
  PAWL_CHECK(std::move(result));
  return Ok{};
}
Status act_install(FakeDevice& fake) {
  auto device = fake.device();
  return status_of(install(device, {}));
}
/// A stick with 1.1.0, plugged in as long as the device needs it.
void plug_in_bundle(FakeDevice& fake) {
  fill_both(fake);
  const auto& release = factory().releases.at("1.1.0").release;
  auto parts = fakes::bundle_parts(factory().repo, release);
  for (const auto& [digest, bytes] : factory().blobs.files) {
    parts.push_back({manifest::BundlePart::kBlob, digest, bytes});
  }
  fake.disk.put("/media/stick.pawl", fakes::write_bundle(parts));
}
Status act_install_bundle(FakeDevice& fake) {
  auto device = fake.device();
  return status_of(install_bundle(device, "/media/stick.pawl", {}));
}
Status act_boot(FakeDevice& fake) {
  auto device = fake.device();
  return status_of(boot_up(device));
}
Status act_trial(FakeDevice& fake) {
  auto device = fake.device();
  return status_of(trial(device));
}
Status act_commit(FakeDevice& fake) {
  auto device = fake.device();
  return status_of(commit(device));
}
Status act_bad_trial(FakeDevice& fake) {
  fake.health.problem = "sick";
  auto device = fake.device();
  const auto done = status_of(trial(device));
  return done ? Status(Ok{}) : act_trial(fake);
}
Status act_rollback(FakeDevice& fake) {
  auto device = fake.device();
  return status_of(rollback(device));
}

const CutPolicy kPolicies[] = {
    {Fate::kLost, Fate::kLost, 0, 0},   {Fate::kKept, Fate::kKept, 0, 0},
    {Fate::kLost, Fate::kKept, 1, 0},   {Fate::kKept, Fate::kLost, 4, 0},
    {Fate::kMixed, Fate::kMixed, 1, 1}, {Fate::kMixed, Fate::kMixed, 7, 2},
};

/// A slot that the loader may start at any time is whole and not below the floor: a loader that
/// falls back finds nothing else.
void check_startable(FakeDevice& fake) {
  for (const auto slot : {Slot::kA, Slot::kB}) {
    const auto state = fake.boot.state(slot);
    REQUIRE(state);
    if (state->condition != boot::SlotCondition::kGood) continue;
    const auto version = fake.whole_version(std::string(boot::letter(slot)));
    REQUIRE(version);
    CHECK(fake.factory().releases.at(*version).release.security_version >= fake.sealing.counter);
  }
}

/// The rules that hold at every moment a slot is up.
void check_invariants(FakeDevice& fake, const manifest::Floors& before, SecurityVersion counter) {
  const auto version = fake.whole_version(fake.running());
  REQUIRE(version);
  const auto& release = fake.factory().releases.at(*version).release;
  CHECK(fake.sealing.opens_for(release));
  const auto floors = fake.floors();
  CHECK(floors.security_version <= release.security_version);
  CHECK(fake.sealing.counter <= release.security_version);
  CHECK(floors.security_version >= before.security_version);
  CHECK(floors.release_counter >= before.release_counter);
  CHECK(fake.sealing.counter >= counter);
  check_startable(fake);
}

/// Power on until a slot is up.
void start_whole(FakeDevice& fake) {
  for (unsigned i = 0; i < kRounds; ++i) {
    if (!fake.start().empty()) return;
  }
  FAIL("no slot comes up");
}

/// Life goes on: starts, trials, and the install again when it was not finished.
void settle(FakeDevice& fake, const Scenario& scenario) {
  for (unsigned i = 0; i < kRounds; ++i) {
    auto device = fake.device();
    const auto booted = boot_up(device);
    INFO((booted ? "boots" : booted.error().what()));
    REQUIRE(booted);
    if (fake.record().state == State::kInstalling) {
      const auto finished = scenario.again != nullptr ? scenario.again(fake) : act_install(fake);
      REQUIRE(finished);
    }
    if (fake.record().state == State::kTrial) REQUIRE(trial(device));
    const auto now = status(device);
    REQUIRE(now);
    if (fake.record().state == State::kIdle && !now->restart_due) {
      REQUIRE(trial(device));  // as at every start, when the system is up
      return;
    }
    start_whole(fake);
  }
  FAIL("never settles: " << fake.disk.text("/var/journal/record.json"));
}

/// A hook that is told how an update ended is told at least once (FORMAT 5.15.4).
bool was_told(const FakeDevice& fake, const Outcome& outcome) {
  const bool kept = outcome.ending == Ending::kCommitted;
  const std::string point = kept ? "post-commit " : "post-rollback ";
  const auto says = [&](const std::string& line) {
    return line.starts_with(point) && line.find(" " + outcome.version) != std::string::npos;
  };
  return std::any_of(fake.hooks.ran.begin(), fake.hooks.ran.end(), says);
}

unsigned run(const Scenario& scenario, const CutPolicy& policy) {
  FakeDevice pristine(factory(), "1.0.0");
  scenario.prepare(pristine);
  for (unsigned cut = 0;; ++cut) {
    FakeDevice fake(factory(), "1.0.0");
    fake.hooks.count = 1;
    scenario.prepare(fake);
    const auto before = fake.floors();
    const auto counter = fake.sealing.counter;
    fake.disk.policy = policy;
    fake.disk.policy.seed += cut;
    fake.disk.ops_left = cut;
    const auto done = scenario.act(fake);
    const bool off = fake.disk.is_off();
    INFO(scenario.name << ": power cut before durable operation " << cut << ": "
                       << fake.disk.last_op);
    if (off) {
      fake.disk.power_on();
      start_whole(fake);
      fake.health.problem.clear();
      check_invariants(fake, before, counter);
    } else {
      REQUIRE(done);
      fake.disk.ops_left = fakes::FakeDisk::kNoCut;
    }
    settle(fake, scenario);
    check_invariants(fake, before, counter);
    const auto last = fake.record().last;
    if (last) CHECK(was_told(fake, *last));
    if (scenario.reverts == Reverts::kNever && last) CHECK(last->ending != Ending::kReverted);
    if (!off) {
      CHECK(fake.whole_version(fake.running()) == std::string(scenario.ends_with));
      return cut;
    }
  }
}

void run_all(const Scenario& scenario) {
  unsigned cuts = 0;
  for (const auto& policy : kPolicies) {
    const auto operations = run(scenario, policy);
    CHECK(operations > 0);
    cuts += operations;
  }
  std::cout << "powercut: " << scenario.name << ": " << cuts << " cuts\n";
}

}  // namespace

TEST_CASE("power cut: install", "[powercut][install]") {
  run_all({"install", fill_both, act_install, "1.1.0"});
}
TEST_CASE("power cut: install from a bundle (FORMAT 14.3.4)", "[powercut][bundle]") {
  run_all({"install from a bundle", plug_in_bundle, act_install_bundle, "1.1.0", Reverts::kNever,
           act_install_bundle});
}
TEST_CASE("power cut: boot of a trial", "[powercut][boot]") {
  run_all({"boot of a trial", restart_into_trial, act_boot, "1.1.0"});
}
TEST_CASE("power cut: trial that commits", "[powercut][commit]") {
  run_all({"trial that commits", start_trial, act_trial, "1.1.0"});
}
TEST_CASE("power cut: commit by hand", "[powercut][commit]") {
  run_all({"commit by hand", start_trial, act_commit, "1.1.0"});
}
TEST_CASE("power cut: trial that commits on its last try", "[powercut][last-try]") {
  run_all({"trial that commits on its last try", last_try, act_trial, "1.1.0", Reverts::kMay});
}
TEST_CASE("power cut: trial that reverts", "[powercut][revert]") {
  run_all({"trial that reverts", start_trial, act_bad_trial, "1.0.0", Reverts::kMay});
}
TEST_CASE("power cut: boot after the loader fell back", "[powercut][fell-back]") {
  run_all({"boot after the loader fell back", fall_back, act_boot, "1.0.0", Reverts::kMay});
}
TEST_CASE("power cut: rollback of a trial", "[powercut][rollback]") {
  run_all({"rollback of a trial", start_trial, act_rollback, "1.0.0", Reverts::kMay});
}
TEST_CASE("power cut: rollback before the restart", "[powercut][cancel]") {
  run_all({"rollback before the restart", install_now, act_rollback, "1.0.0"});
}
TEST_CASE("power cut: rollback after a commit", "[powercut][back]") {
  run_all({"rollback after a commit", commit_now, act_rollback, "1.1.0"});
}
