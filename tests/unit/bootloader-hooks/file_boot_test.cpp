#include "bootloader-hooks/file_boot.hpp"

#include <catch2/catch.hpp>

#include "fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::boot;
using fakes::Fate;

namespace {

const FileBoot::Paths kPaths{"/dev/boot/state", "/dev/run/booted"};

void prepare(fakes::FakeDisk& disk) {
  disk.put(kPaths.state, "primary=a trial=- tries=0 bad=-\n");
  disk.put(kPaths.booted, "slot=a boot_id=0d1c-1\n");
}

}  // namespace

TEST_CASE("booted marker: one spelling (FORMAT 5.2.1)", "[boot][file]") {
  const auto good = Booted::parse("slot=b boot_id=0d1c-77AF\n");
  REQUIRE(good);
  CHECK(good->slot == Slot::kB);
  CHECK(good->boot_id == "0d1c-77AF");
  const auto* bad =
      GENERATE("", "slot=b boot_id=1", "slot=c boot_id=1\n", "slot=b\n", "slot=b boot_id=\n",
               "slot=b boot_id=a b\n", "boot_id=1 slot=b\n", "slot=b boot_id=1\n\n",
               "slot=bb boot_id=1\n", "slat=b boot_id=1\n", "slot=\n");
  INFO(bad);
  const auto refused = Booted::parse(bad);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kMalformed);
  CHECK(Booted::parse("slot=b boot_id=" + std::string(65, '1') + "\n").error().code() ==
        Errc::kMalformed);
  CHECK(Booted::parse(std::string(129, '1')).error().code() == Errc::kTooLarge);
}

TEST_CASE("file backend: a whole trial, then commit", "[boot][file]") {
  fakes::FakeDisk disk;
  prepare(disk);
  FileBoot boot(disk, kPaths);
  CHECK(*boot.current() == Slot::kA);
  CHECK(*boot.boot_id() == "0d1c-1");
  CHECK(*boot.primary() == Slot::kA);
  REQUIRE(boot.try_once(Slot::kB, Tries(3)));
  CHECK(disk.text(kPaths.state) == "primary=a trial=b tries=3 bad=-\n");
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(3)});
  REQUIRE(boot.commit(Slot::kB));
  CHECK(*boot.primary() == Slot::kB);
  REQUIRE(boot.mark_bad(Slot::kA));
  CHECK(boot.state(Slot::kA)->condition == SlotCondition::kBad);
  REQUIRE(boot.mark_good(Slot::kA));
  CHECK(boot.state(Slot::kA)->condition == SlotCondition::kGood);
  CHECK_FALSE(*boot.boot_file(Slot::kA));
}

TEST_CASE("file backend: a damaged or missing file is the loader's error", "[boot][file]") {
  fakes::FakeDisk disk;
  prepare(disk);
  FileBoot boot(disk, kPaths);
  disk.put(kPaths.state, "primary=a");
  disk.put(kPaths.booted, "slot=?");
  CHECK(boot.primary().error().code() == Errc::kBootloader);
  CHECK(boot.try_once(Slot::kB, Tries(3)).error().code() == Errc::kBootloader);
  CHECK(boot.current().error().code() == Errc::kBootloader);
  FileBoot nowhere(disk, {"/dev/boot/none", "/dev/run/none"});
  CHECK(nowhere.current().error().code() == Errc::kBootloader);
  CHECK(nowhere.primary().error().code() == Errc::kIo);
}

TEST_CASE("file backend: a transition cut anywhere leaves the old or the new state",
          "[boot][file][powercut]") {
  const auto fate = GENERATE(Fate::kLost, Fate::kKept, Fate::kMixed);
  const auto torn = GENERATE(0U, 1U);
  for (unsigned cut = 0;; ++cut) {
    fakes::FakeDisk disk;
    prepare(disk);
    disk.policy = {fate, fate, torn, cut};
    disk.ops_left = cut;
    FileBoot boot(disk, kPaths);
    const auto done = boot.try_once(Slot::kB, Tries(2));
    disk.power_on();
    INFO("cut before durable operation " << cut << ": " << disk.last_op);
    const auto text = disk.text(kPaths.state);
    const bool next = text == "primary=a trial=b tries=2 bad=-\n";
    REQUIRE((next || text == "primary=a trial=- tries=0 bad=-\n"));
    if (!done) continue;
    CHECK(next);
    CHECK(cut == 5);  // create, write, sync, rename, sync of the directory
    break;
  }
}

TEST_CASE("file backend: repeating a transition writes nothing but syncs", "[boot][file]") {
  fakes::FakeDisk disk;
  prepare(disk);
  FileBoot boot(disk, kPaths);
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  disk.ops = 0;
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  CHECK(disk.ops == 1);
  CHECK(disk.last_op == "sync directory /dev/boot");
}
