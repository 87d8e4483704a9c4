#include "updater/verbs.hpp"

#include <catch2/catch.hpp>

#include "fakes/fake_device.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::FakeDevice;

namespace {

/// 1.0.0 from the factory, 1.1.0 newer, same floor.
fakes::ReleaseFactory two_releases() {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 1, 1});
  factory.add("1.1.0", {2, 1, 1});
  return factory;
}

void install_newest(FakeDevice& fake) {
  auto device = fake.device();
  const auto done = install(device, {});
  REQUIRE(done);
  REQUIRE(done->end == InstallResult::End::kArmed);
}

TrialResult boot_and_judge(FakeDevice& fake) {
  auto device = fake.device();
  REQUIRE(boot_up(device));
  auto judged = trial(device);
  REQUIRE(judged);
  return *judged;
}

}  // namespace

TEST_CASE("install, restart, trial, commit", "[updater][verbs]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  install_newest(fake);
  CHECK(fake.whole_version("b") == "1.1.0");
  CHECK(fake.record().state == State::kArmed);
  CHECK(fake.disk.text("/dev/boot/state") == "primary=a trial=b tries=3 bad=-\n");
  CHECK(fake.start() == "b");
  const auto judged = boot_and_judge(fake);
  CHECK(judged.end == TrialResult::End::kCommitted);
  CHECK(fake.disk.text("/dev/boot/state") == "primary=b trial=- tries=0 bad=-\n");
  CHECK(fake.record().state == State::kIdle);
  CHECK(fake.record().last == Outcome{Ending::kCommitted, "1.1.0", ""});
  CHECK(fake.floors().release_counter == ReleaseCounter(2));
  CHECK(fake.floors().security_version == SecurityVersion(1));
  auto device = fake.device();
  CHECK(install(device, {})->end == InstallResult::End::kNothing);
}

TEST_CASE("a bad trial is reverted without help", "[updater][verbs]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  install_newest(fake);
  CHECK(fake.start() == "b");
  fake.health.problem = "no answer";
  const auto judged = boot_and_judge(fake);
  CHECK(judged.end == TrialResult::End::kReverted);
  CHECK(judged.reason == "health check 20-second: no answer");
  CHECK(fake.disk.text("/dev/boot/state") == "primary=a trial=- tries=0 bad=b\n");
  CHECK(fake.start() == "a");
  auto device = fake.device();
  CHECK(boot_up(device)->version == "1.0.0");
  CHECK(fake.floors().release_counter == ReleaseCounter(1));
}
