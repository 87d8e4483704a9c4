#include "updater/hooks.hpp"

#include <catch2/catch.hpp>

#include "fakes/fake_device.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::FakeDevice;

namespace {

fakes::ReleaseFactory& two_releases() {
  static fakes::ReleaseFactory made = [] {
    fakes::ReleaseFactory out;
    out.add("1.0.0", {1, 1, 1});
    out.add("1.1.0", {2, 1, 1});
    return out;
  }();
  return made;
}

/// A device whose image has hooks.
struct Hooked : FakeDevice {
  Hooked() : FakeDevice(two_releases(), "1.0.0") { hooks.count = 1; }
  void restart_into_trial() {
    auto made = device();
    REQUIRE(install(made, {}));
    REQUIRE(start() == "b");
    REQUIRE(boot_up(made));
  }
  [[nodiscard]] std::vector<std::string> after(std::size_t known) const {
    return {hooks.ran.begin() + static_cast<std::ptrdiff_t>(known), hooks.ran.end()};
  }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("hooks: each is told once, in the order of an update (FORMAT 5.15.1)",
          "[updater][hooks]") {
  Hooked fake;
  fake.restart_into_trial();
  CHECK(fake.hooks.ran == Lines{"pre-install b 1.1.0", "post-install b 1.1.0"});
  auto device = fake.device();
  REQUIRE(trial(device));
  CHECK(fake.after(2) == Lines{"post-commit b 1.1.0"});
  REQUIRE(boot_up(device));
  REQUIRE(trial(device));
  CHECK(fake.hooks.ran.size() == 3);  // and never again
}

TEST_CASE("hooks: a refusal before the first byte leaves the slot as it was (FORMAT 5.15.3)",
          "[updater][hooks]") {
  Hooked fake;
  const auto code = GENERATE(Errc::kBusy, Errc::kTimeout, Errc::kIo);
  fake.hooks.refuses[HookPoint::kPreInstall] = code;
  auto device = fake.device();
  const auto refused = install(device, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == code);
  CHECK(fake.disk.content("/dev/slots/b") == Bytes(FakeDevice::kSlotSize, 0xff));
  CHECK(fake.record().state == State::kIdle);
  CHECK(install(device, {std::nullopt, DryRun::kYes}));  // asks nobody
  CHECK(fake.hooks.ran.size() == 1);
}

TEST_CASE("hooks: a refusal after the last byte arms nothing, and the next install asks again",
          "[updater][hooks]") {
  Hooked fake;
  fake.hooks.refuses[HookPoint::kPostInstall] = Errc::kBusy;
  auto device = fake.device();
  const auto refused = install(device, {});
  REQUIRE_FALSE(refused);
  CHECK(fake.record().state == State::kInstalling);
  CHECK(fake.disk.text("/dev/boot/state") == "primary=a trial=- tries=0 bad=b\n");
  CHECK(fake.start() == "a");
  fake.hooks.refuses.clear();
  const auto again = install(device, {});
  REQUIRE(again);
  CHECK(again->totals.present == again->totals.windows);
  CHECK(fake.record().state == State::kArmed);
}

TEST_CASE("hooks: an image without hooks costs no write", "[updater][hooks]") {
  Hooked fake;
  fake.hooks.count = 0;
  fake.restart_into_trial();
  auto device = fake.device();
  REQUIRE(trial(device));
  CHECK_FALSE(fake.disk.has("/var/journal/told"));
}

TEST_CASE("hooks: what is said after an end changes nothing", "[updater][hooks]") {
  Hooked fake;
  fake.hooks.refuses[HookPoint::kPostCommit] = Errc::kTimeout;
  fake.restart_into_trial();
  auto device = fake.device();
  CHECK(trial(device)->end == TrialResult::End::kCommitted);
  const auto told = fake.hooks.ran.size();
  CHECK(trial(device)->end == TrialResult::End::kNothing);
  CHECK(fake.hooks.ran.size() == told);
}

TEST_CASE("hooks: every end of an update is told, with its reason", "[updater][hooks]") {
  Hooked fake;
  SECTION("an unhealthy trial, twice the same") {
    for (int i = 0; i < 2; ++i) {
      fake.restart_into_trial();
      fake.health.problem = "sick";
      const auto known = fake.hooks.ran.size();
      auto device = fake.device();
      REQUIRE(trial(device));
      CHECK(fake.after(known) == Lines{"post-rollback b 1.1.0: health check 20-second: sick"});
      tell_before_restart(device, "1.1.0");
      CHECK(fake.hooks.ran.back() == "pre-reboot b 1.1.0");
      REQUIRE(fake.start() == "a");
      REQUIRE(boot_up(device));
    }
  }
  SECTION("the loader fell back: told when the system is up, not in the early start") {
    fake.restart_into_trial();
    for (int i = 0; i < 2; ++i) REQUIRE(fake.start() == "b");
    REQUIRE(fake.start() == "a");
    const auto known = fake.hooks.ran.size();
    auto device = fake.device();
    REQUIRE(boot_up(device));
    CHECK(fake.hooks.ran.size() == known);
    REQUIRE(trial(device));
    CHECK(fake.after(known) == Lines{"post-rollback b 1.1.0: the boot loader went back to slot a"});
  }
  SECTION("given up before the restart") {
    auto device = fake.device();
    REQUIRE(install(device, {}));
    const auto known = fake.hooks.ran.size();
    REQUIRE(rollback(device));
    CHECK(fake.after(known) == Lines{"post-rollback b 1.1.0: given up before the restart"});
  }
  SECTION("kept by the operator") {
    fake.restart_into_trial();
    const auto known = fake.hooks.ran.size();
    auto device = fake.device();
    REQUIRE(commit(device));
    CHECK(fake.after(known) == Lines{"post-commit b 1.1.0"});
  }
}
