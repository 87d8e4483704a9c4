#include "updater/engine.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "fakes/fake_device.hpp"
#include "updater/verbs.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::FakeDevice;

namespace {

const std::string kState = "/dev/boot/state";

/// 1.1.0 lifts the floor above 1.0.0; 1.2.0 does not lift it.
fakes::ReleaseFactory lifting() {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 1, 1});
  factory.add("1.1.0", {2, 2, 2});
  return factory;
}
fakes::ReleaseFactory level() {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 2, 1});
  factory.add("1.1.0", {2, 2, 2});
  return factory;
}

void install_and_start(FakeDevice& fake) {
  auto device = fake.device();
  REQUIRE(install(device, {}));
  REQUIRE(fake.start() == "b");
  REQUIRE(boot_up(device));
}

void commit_newest(FakeDevice& fake) {
  install_and_start(fake);
  auto device = fake.device();
  REQUIRE(trial(device)->end == TrialResult::End::kCommitted);
}

}  // namespace

TEST_CASE("commit: the floor rises, the slot below it becomes a copy", "[updater][engine]") {
  auto factory = lifting();
  FakeDevice fake(factory, "1.0.0");
  commit_newest(fake);
  CHECK(fake.sealing.counter == SecurityVersion(2));
  CHECK(fake.floors().security_version == SecurityVersion(2));
  CHECK(fake.whole_version("a") == "1.1.0");
  CHECK(fake.disk.text(kState) == "primary=b trial=- tries=0 bad=-\n");
  CHECK(fake.record().holds(Slot::kA) == fake.record().holds(Slot::kB));
  CHECK(fake.disk.content("/var/installed/a.manifest.json") ==
        fake.disk.content("/var/installed/b.manifest.json"));
}

TEST_CASE("the record of a state is on the disk before its action", "[updater][engine]") {
  auto factory = lifting();
  FakeDevice fake(factory, "1.0.0");
  commit_newest(fake);
  CHECK(fake.sealing.calls == std::vector<std::string>{"cell: add in staging",
                                                       "cell: new release alone in committing",
                                                       "counter up in committing"});
  FakeDevice other(factory, "1.0.0");
  install_and_start(other);
  other.health.problem = "sick";
  auto device = other.device();
  REQUIRE(trial(device));
  CHECK(other.sealing.calls ==
        std::vector<std::string>{"cell: add in staging", "cell: old release alone in reverting"});
}

TEST_CASE("commit: a slot that is not below the floor stays as it is", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  commit_newest(fake);
  CHECK(fake.floors().security_version == SecurityVersion(2));
  CHECK(fake.whole_version("a") == "1.0.0");
  CHECK(fake.disk.text(kState) == "primary=b trial=- tries=0 bad=-\n");
}

TEST_CASE("commit: a damaged running slot is not copied over the other", "[updater][engine]") {
  auto factory = lifting();
  FakeDevice fake(factory, "1.0.0");
  install_and_start(fake);
  auto rootfs = fake.disk.content("/dev/slots/b");
  rootfs[9000] ^= 1U;
  fake.disk.put_device("/dev/slots/b", rootfs);
  auto device = fake.device();
  const auto judged = trial(device);
  REQUIRE(judged);
  CHECK(judged->end == TrialResult::End::kCommitted);
  CHECK_FALSE(judged->healed);
  const std::string why = "why=the running slot does not hold component rootfs of this release";
  CHECK_THAT(fake.log.lines, Catch::VectorContains("heal.failed " + why));
  CHECK(fake.disk.text(kState) == "primary=b trial=- tries=0 bad=a\n");
  rootfs[9000] ^= 1U;
  fake.disk.put_device("/dev/slots/b", rootfs);
  CHECK(trial(device)->healed);  // the next run
  CHECK(fake.disk.text(kState) == "primary=b trial=- tries=0 bad=-\n");
}

TEST_CASE("an event that has no place in the state changes nothing", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  REQUIRE(boot_up(device));
  auto engine = device.engine();
  REQUIRE(engine.open());
  CHECK(engine.healthy().error().code() == Errc::kUsage);
  CHECK(engine.cancel().error().what() == "cancel has no place in state idle");
  CHECK(fake.record().state == State::kIdle);
}

TEST_CASE("a slot of which nothing is known has no stored release", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  const auto release = fake.device().stored_release(Slot::kB, fake.record());
  REQUIRE_FALSE(release);
  CHECK(release.error().code() == Errc::kIo);
}

TEST_CASE("commit by hand; commit with nothing on trial", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  CHECK(commit(device)->end == TrialResult::End::kNothing);
  install_and_start(fake);
  CHECK(commit(device)->end == TrialResult::End::kCommitted);
  CHECK(fake.health.runs == 0);
  CHECK(trial(device)->end == TrialResult::End::kNothing);
}

TEST_CASE("trial: every check runs, one problem reverts", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  install_and_start(fake);
  fake.health.problem = "sick";
  auto device = fake.device();
  const auto judged = trial(device);
  REQUIRE(judged);
  CHECK(judged->end == TrialResult::End::kReverted);
  CHECK(judged->checks.size() == 2);
  CHECK(fake.record().last == Outcome{Ending::kReverted, "1.1.0", "health check 20-second: sick"});
  CHECK(fake.sealing.opens_for(factory.releases.at("1.0.0").release));
  CHECK_FALSE(fake.sealing.opens_for(factory.releases.at("1.1.0").release));
}

TEST_CASE("rollback: on trial, before the restart, of a half-written slot", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  SECTION("on trial") {
    install_and_start(fake);
    const auto done = rollback(device);
    REQUIRE(done);
    CHECK(done->end == RollbackResult::End::kReverted);
    CHECK(fake.record().last->ending == Ending::kReverted);
    CHECK(fake.disk.text(kState) == "primary=a trial=- tries=0 bad=b\n");
    CHECK(status(device)->restart_due);
  }
  SECTION("armed") {
    REQUIRE(install(device, {}));
    CHECK(rollback(device)->end == RollbackResult::End::kCancelled);
    CHECK(fake.record().last->ending == Ending::kCancelled);
    CHECK(fake.disk.text(kState) == "primary=a trial=- tries=0 bad=b\n");
    CHECK_FALSE(status(device)->restart_due);
  }
  SECTION("half written") {
    fake.disk.decay("/dev/slots/b", 5000);
    REQUIRE_FALSE(install(device, {}));
    CHECK(rollback(device)->end == RollbackResult::End::kCancelled);
    CHECK(fake.record().state == State::kIdle);
    CHECK(rollback(device).error().code() == Errc::kRollback);  // b holds nothing whole
  }
}

TEST_CASE("rollback after a commit: a new trial of the other slot", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  commit_newest(fake);
  auto device = fake.device();
  const auto done = rollback(device);
  REQUIRE(done);
  CHECK(done->end == RollbackResult::End::kArmed);
  CHECK(done->version == "1.0.0");
  CHECK(fake.disk.text(kState) == "primary=b trial=a tries=3 bad=-\n");
  REQUIRE(fake.start() == "a");
  REQUIRE(boot_up(device));
  REQUIRE(trial(device)->end == TrialResult::End::kCommitted);
  CHECK(fake.disk.text(kState) == "primary=a trial=- tries=0 bad=-\n");
  CHECK(fake.floors().release_counter == ReleaseCounter(2));  // never lowered
  CHECK(fake.floors().security_version == SecurityVersion(2));
}

TEST_CASE("rollback after a commit: given up before the restart, the slot stays good",
          "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  commit_newest(fake);
  auto device = fake.device();
  REQUIRE(rollback(device));
  CHECK(rollback(device)->end == RollbackResult::End::kCancelled);
  CHECK(fake.disk.text(kState) == "primary=b trial=- tries=0 bad=-\n");
  CHECK(rollback(device)->end == RollbackResult::End::kArmed);
}

TEST_CASE("rollback after a commit: refusals (FORMAT 5.4.6)", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  commit_newest(fake);
  auto device = fake.device();
  SECTION("below the floor: both numbers") {
    fake.sealing.counter = SecurityVersion(3);
    const auto done = rollback(device);
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::kRollback);
    CHECK(done.error().what() ==
          "release 1.0.0 has security version 2, the floor of this device is 3");
  }
  SECTION("a byte differs") {
    auto rootfs = fake.disk.content("/dev/slots/a");
    rootfs[77] ^= 1U;
    fake.disk.put_device("/dev/slots/a", rootfs);
    const auto done = rollback(device);
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::kHashMismatch);
    CHECK_THAT(done.error().what(), Catch::Contains("/dev/slots/a"));
  }
  SECTION("marked bad") {
    REQUIRE(fake.boot.mark_bad(Slot::kA));
    CHECK(rollback(device).error().code() == Errc::kBootloader);
  }
  SECTION("another manifest, though of the same images") {
    auto release = factory.releases.at("1.0.0").release;
    release.version = "1.0.9";
    fake.disk.put("/var/installed/a.manifest.json", release.serialise());
    const auto done = rollback(device);
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::kHashMismatch);
    CHECK(done.error().what() == "/var/installed/a.manifest.json is not the manifest of 1.0.0");
  }
  CHECK(fake.record().state == State::kIdle);
}

TEST_CASE("a trial the journal does not know is ended (FORMAT 5.4.5)", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  REQUIRE(install(device, {}));
  fake.disk.put("/var/journal/record.json", "{damaged");
  REQUIRE(fake.start() == "b");
  const auto booted = boot_up(device);
  REQUIRE(booted);
  CHECK(booted->state == State::kIdle);
  CHECK(fake.disk.text(kState) == "primary=a trial=- tries=0 bad=b\n");
  const auto& events = fake.log.events;
  CHECK(std::count(events.begin(), events.end(), "journal.damaged") == 1);
}

TEST_CASE("floors: lost or damaged, they start again from what runs (FORMAT 5.5.1)",
          "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  commit_newest(fake);
  auto device = fake.device();
  if (GENERATE(true, false)) {
    REQUIRE(fake.disk.remove("/var/journal/floors.json"));
  } else {
    fake.disk.put("/var/journal/floors.json", "{");
  }
  REQUIRE(boot_up(device));
  CHECK(fake.floors().release_counter == ReleaseCounter(2));
  CHECK(fake.floors().security_version == SecurityVersion(2));
}

TEST_CASE("records that the medium does not give are not taken for lost ones",
          "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  install_and_start(fake);
  const auto path = GENERATE("/var/journal/record.json", "/var/journal/floors.json");
  INFO(path);
  fake.disk.readable[path] = 0;
  auto device = fake.device();
  const auto code = [](const auto& done) { return done ? Errc{} : done.error().code(); };
  CHECK(code(boot_up(device)) == Errc::kIo);
  CHECK(code(trial(device)) == Errc::kIo);
  const auto shown = status(device);  // of the floors it says that they cannot be read
  CHECK(((shown && !shown->floors_problem.empty()) || code(shown) == Errc::kIo));
  fake.disk.readable.clear();
  CHECK(fake.record().state == State::kTrial);
  CHECK(trial(device)->end == TrialResult::End::kCommitted);
}

TEST_CASE("the loader fell back: the trial is over and nothing else moved (FORMAT 5.1.5)",
          "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  REQUIRE(install(device, {}));
  for (int i = 0; i < 3; ++i) REQUIRE(fake.start() == "b");
  REQUIRE(fake.start() == "a");
  const auto booted = boot_up(device);
  REQUIRE(booted);
  REQUIRE(booted->ended);
  CHECK(booted->ended->ending == Ending::kReverted);
  CHECK(booted->ended->reason == "the boot loader went back to slot a");
  CHECK(fake.floors().release_counter == ReleaseCounter(1));
  CHECK(fake.sealing.opens_for(factory.releases.at("1.0.0").release));
}

TEST_CASE("status: reads only", "[updater][engine]") {
  auto factory = level();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  fake.disk.ops = 0;
  const auto fresh = status(device);
  REQUIRE(fresh);
  CHECK(fake.disk.ops == 0);
  CHECK(fresh->running == Slot::kA);
  CHECK(fresh->slots[0].holds->version == "1.0.0");
  CHECK(fresh->floor_kind == "tpm");
  REQUIRE(install(device, {}));
  CHECK(status(device)->restart_due);
  REQUIRE(fake.start() == "b");
  REQUIRE(boot_up(device));
  CHECK_FALSE(status(device)->restart_due);
  CHECK(status(device)->slots[1].state.tries_left == boot::Tries(2));
}

TEST_CASE("a device without TPM says so", "[updater][engine]") {
  NoTpm none;
  CHECK(none.floor_kind() == "soft");
  CHECK(*none.floor() == SecurityVersion(0));
}
