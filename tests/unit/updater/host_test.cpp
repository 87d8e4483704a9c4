#include "updater/host.hpp"

#include <catch2/catch.hpp>

#include "fakes/fake_device.hpp"
#include "updater/slot_use.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::FakeDevice;
using fakes::FakeDisk;

namespace {

/// Block devices by path; everything else is a file.
struct Machine {
  FakeDisk disk;
  std::map<std::string, PathIdentity> paths;
  LinuxHost host{disk,
                 [this](const std::string& path) -> Result<PathIdentity> {
                   const auto at = paths.find(path);
                   if (at == paths.end()) return fail(Errc::kIo, path + ": stat", 2);
                   return at->second;
                 },
                 [](const std::string&) { return true; }};

  Machine() {
    paths["/dev/sda1"] = {true, 8, 1, 0};
    paths["/dev/sda"] = {true, 8, 0, 0};
    paths["/dev/disk/by-partlabel/root-a"] = {true, 8, 1, 0};
    paths["/slots/a.img"] = {false, 8, 1, 77};
    disk.put("/proc/self/mountinfo", "22 1 8:17 / / rw - ext4 /dev/sdb1 rw\n");
    disk.put("/proc/swaps", "Filename\tType\n/dev/zram0 partition 1 0 100\n");
    disk.put("/sys/dev/block/8:1/dev", "8:1\n");
    disk.make_durable("/sys/dev/block/8:1/holders");
  }
  void supply(const std::string& name, const std::map<std::string, std::string>& files) {
    for (const auto& [file, text] : files) {
      disk.put("/sys/class/power_supply/" + name + "/" + file, text + "\n");
    }
  }
  std::string use_of(const std::string& path) {
    const auto use = host.use_of(path);
    REQUIRE(use);
    return *use;
  }
};

fakes::ReleaseFactory two_releases(std::optional<unsigned> battery,
                                   std::optional<std::uint64_t> room) {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 1, 1});
  auto release = factory.add("1.1.0", {2, 2, 1}).release;
  release.requirements.battery_percent = battery;
  release.requirements.free_bytes = room;
  factory.repo.add_release(release);
  factory.repo.bump();
  return factory;
}

}  // namespace

TEST_CASE("host: a device that is mounted, swapped to or held is in use", "[updater][host]") {
  Machine machine;
  CHECK(machine.use_of("/dev/sda1").empty());
  CHECK(machine.use_of("/slots/a.img").empty());
  SECTION("mounted, whatever it is called") {
    machine.disk.put("/proc/self/mountinfo",
                     "22 1 8:17 / / rw - ext4 /dev/sdb1 rw\n23 22 8:1 / /srv rw - ext4 x rw\n");
    CHECK(machine.use_of("/dev/disk/by-partlabel/root-a") == "mounted at /srv");
    CHECK(machine.use_of("/slots/a.img").empty());  // a file on that file system
  }
  SECTION("another number that ends the same") {
    machine.disk.put("/proc/self/mountinfo", "23 22 18:1 / /srv rw - ext4 x rw\n");
    CHECK(machine.use_of("/dev/sda1").empty());
  }
  SECTION("held, as dm-verity holds its root") {
    machine.disk.put("/sys/dev/block/8:1/holders/dm-0", "");
    CHECK(machine.use_of("/dev/sda1") == "held by dm-0");
  }
  SECTION("swap, by another name") {
    machine.disk.put("/proc/swaps", "Filename\tType\n/dev/disk/by-partlabel/root-a partition 1\n");
    CHECK(machine.use_of("/dev/sda1") == "swap");
  }
  SECTION("a disk, one of whose partitions is mounted") {
    machine.disk.put("/sys/dev/block/8:0/sda1/partition", "1\n");
    machine.disk.put("/sys/dev/block/8:0/sda1/dev", "8:1\n");
    CHECK(machine.use_of("/dev/sda").empty());
    machine.disk.put("/proc/self/mountinfo", "23 22 8:1 / /srv rw - ext4 x rw\n");
    CHECK(machine.use_of("/dev/sda") == "sda1 of it is mounted at /srv");
  }
  CHECK_FALSE(machine.host.use_of("/dev/none"));
}

TEST_CASE("host: no table of mounts is no answer", "[updater][host]") {
  Machine machine;
  REQUIRE(machine.disk.remove("/proc/self/mountinfo"));
  const auto use = machine.host.use_of("/dev/sda1");
  REQUIRE_FALSE(use);
  CHECK(use.error().code() == Errc::kIo);
}

TEST_CASE("host: the charge that counts is the lowest of the device's own batteries (FORMAT 3.4.7)",
          "[updater][host]") {
  Machine machine;
  CHECK(*machine.host.battery() == std::nullopt);
  machine.supply("BAT0", {{"type", "Battery"}, {"capacity", "80"}});
  CHECK(*machine.host.battery() == 80);
  machine.supply("BAT1", {{"type", "Battery"}, {"capacity", "35"}, {"present", "1"}});
  CHECK(*machine.host.battery() == 35);
  machine.supply("BAT10", {{"type", "Battery"}, {"capacity", "60"}});  // listed after the lowest
  CHECK(*machine.host.battery() == 35);
  machine.supply("mouse", {{"type", "Battery"}, {"capacity", "3"}, {"scope", "Device"}});
  machine.supply("BAT2", {{"type", "Battery"}, {"capacity", "1"}, {"present", "0"}});
  machine.supply("AC", {{"type", "Mains"}, {"online", "0"}});
  CHECK(*machine.host.battery() == 35);
  SECTION("mains") {
    machine.supply("AC", {{"type", "Mains"}, {"online", "1"}});
    CHECK(*machine.host.battery() == std::nullopt);
  }
  SECTION("a battery that does not tell counts as empty") {
    const auto* said = GENERATE("", "full", "101", "-1", "50%");
    machine.supply("BAT3", {{"type", "Battery"}, {"capacity", said}});
    INFO(said);
    CHECK(*machine.host.battery() == 0);
  }
}

TEST_CASE("host: a watchdog is armed when one is active", "[updater][host]") {
  Machine machine;
  CHECK(*machine.host.watchdog() == Watchdog::kNone);
  machine.disk.put("/sys/class/watchdog/watchdog0/state", "inactive\n");
  CHECK(*machine.host.watchdog() == Watchdog::kIdle);
  machine.disk.put("/sys/class/watchdog/watchdog1/state", "active\n");
  CHECK(*machine.host.watchdog() == Watchdog::kArmed);
}

TEST_CASE("install: a slot that somebody uses is not written", "[updater][install][host]") {
  auto factory = two_releases({}, {});
  FakeDevice fake(factory, "1.0.0");
  SECTION("mounted") {
    fake.host.uses["/dev/slots/b"] = "mounted at /srv";
  }
  SECTION("the running one under another name") {
    fake.host.same["/dev/slots/b"] = "/dev/slots/a";
  }
  auto device = fake.device();
  const auto done = install(device, {});
  REQUIRE_FALSE(done);
  const bool one = !fake.host.same.empty();
  CHECK(done.error().code() == (one ? Errc::kConfig : Errc::kBusy));
  CHECK(done.error().what() ==
        (one ? "/dev/slots/b and /dev/slots/a lead to one place, the running slot"
             : "/dev/slots/b is in use: mounted at /srv"));
  CHECK(fake.disk.content("/dev/slots/b") == Bytes(FakeDevice::kSlotSize, 0xff));
  CHECK(fake.record().state == State::kIdle);
}

TEST_CASE("heal: a slot that somebody uses stays as it is", "[updater][verbs][host]") {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 1, 1});
  factory.add("1.1.0", {2, 2, 2});
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  REQUIRE(install(device, {}));
  REQUIRE(fake.start() == "b");
  REQUIRE(boot_up(device));
  fake.host.uses["/dev/slots/a"] = "mounted at /srv";
  const auto judged = trial(device);
  REQUIRE(judged);
  CHECK(judged->end == TrialResult::End::kCommitted);
  CHECK_FALSE(judged->healed);
  CHECK(fake.whole_version("a") == "1.0.0");
  fake.host.uses.clear();
  CHECK(trial(device)->healed);
  CHECK(fake.whole_version("a") == "1.1.0");
}

TEST_CASE(
    "install: what a release needs of battery and room is asked of the machine (FORMAT 3.4.5)",
    "[updater][install][host]") {
  SECTION("battery") {
    auto factory = two_releases(40, {});
    FakeDevice fake(factory, "1.0.0");
    auto device = fake.device();
    fake.host.charge = 39;
    const auto refused = install(device, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kBusy);
    CHECK(refused.error().what() == "battery is at 39 percent, the release needs 40");
    CHECK(fake.record().state == State::kIdle);
    fake.host.charge = 40;
    CHECK(install(device, {}));
  }
  SECTION("mains") {
    auto factory = two_releases(100, {});
    FakeDevice fake(factory, "1.0.0");
    auto device = fake.device();
    CHECK(install(device, {}));
  }
  SECTION("room for the state") {
    auto factory = two_releases({}, std::uint64_t{1} << 40U);
    FakeDevice fake(factory, "1.0.0");
    fake.disk.capacity = std::uint64_t{1} << 30U;
    auto device = fake.device();
    const auto refused = install(device, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kNoSpace);
  }
}
