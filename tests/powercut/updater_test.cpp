// Power is cut before every durable operation of every step of an update, with what was not synced
// lost, kept or mixed and the cut write torn. Whatever happens: a whole slot boots and opens the
// sealed state, no floor goes down or above what boots, and the next starts finish the update.
#include <iostream>

#include <catch2/catch.hpp>

#include "fakes/fake_device.hpp"
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

/// What one scenario starts from and does until the power goes.
struct Scenario {
  const char* name;
  void (*prepare)(FakeDevice&);
  Status (*act)(FakeDevice&);
  const char* ends_with;  // the release that runs when everything is settled
};

void install_now(FakeDevice& fake) {
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
void none(FakeDevice&) {}
void restart_into_trial(FakeDevice& fake) {
  install_now(fake);
  REQUIRE(fake.start() == "b");
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
Status act_boot(FakeDevice& fake) {
  auto device = fake.device();
  return status_of(boot_up(device));
}
Status act_trial(FakeDevice& fake) {
  auto device = fake.device();
  return status_of(trial(device));
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

const Scenario kScenarios[] = {
    {"install", none, act_install, "1.1.0"},
    {"boot of a trial", restart_into_trial, act_boot, "1.1.0"},
    {"trial that commits", start_trial, act_trial, "1.1.0"},
    {"trial that reverts", start_trial, act_bad_trial, "1.0.0"},
    {"boot after the loader fell back", fall_back, act_boot, "1.0.0"},
    {"rollback of a trial", start_trial, act_rollback, "1.0.0"},
    {"rollback before the restart", install_now, act_rollback, "1.0.0"},
    {"rollback to a healed slot", commit_now, act_rollback, "1.1.0"},
};

const CutPolicy kPolicies[] = {
    {Fate::kLost, Fate::kLost, 0, 0},   {Fate::kKept, Fate::kKept, 0, 0},
    {Fate::kLost, Fate::kKept, 1, 0},   {Fate::kKept, Fate::kLost, 4, 0},
    {Fate::kMixed, Fate::kMixed, 1, 1}, {Fate::kMixed, Fate::kMixed, 7, 2},
};

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
}

/// Power on until a slot is up.
void start_whole(FakeDevice& fake) {
  for (unsigned i = 0; i < kRounds; ++i) {
    if (!fake.start().empty()) return;
  }
  FAIL("no slot comes up");
}

/// Life goes on: starts, trials, and the install again when it was not finished.
void settle(FakeDevice& fake) {
  for (unsigned i = 0; i < kRounds; ++i) {
    auto device = fake.device();
    const auto booted = boot_up(device);
    INFO((booted ? "boots" : booted.error().what()));
    REQUIRE(booted);
    if (fake.record().state == State::kInstalling) REQUIRE(install(device, {}));
    if (fake.record().state == State::kTrial) REQUIRE(trial(device));
    const auto now = status(device);
    REQUIRE(now);
    if (fake.record().state == State::kIdle && !now->restart_due) return;
    start_whole(fake);
  }
  FAIL("never settles: " << fake.disk.text("/var/journal/record.json"));
}

unsigned run(const Scenario& scenario, const CutPolicy& policy) {
  FakeDevice pristine(factory(), "1.0.0");
  scenario.prepare(pristine);
  for (unsigned cut = 0;; ++cut) {
    FakeDevice fake(factory(), "1.0.0");
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
    settle(fake);
    check_invariants(fake, before, counter);
    if (!off) {
      CHECK(fake.whole_version(fake.running()) == std::string(scenario.ends_with));
      return cut;
    }
  }
}

}  // namespace

TEST_CASE("power cut before every durable operation", "[updater][powercut]") {
  const auto& scenario = GENERATE(from_range(std::begin(kScenarios), std::end(kScenarios)));
  unsigned cuts = 0;
  for (const auto& policy : kPolicies) {
    const auto operations = run(scenario, policy);
    CHECK(operations > 0);
    cuts += operations;
  }
  std::cout << "powercut: " << scenario.name << ": " << cuts << " cuts\n";
}
