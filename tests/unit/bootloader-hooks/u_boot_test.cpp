#include "bootloader-hooks/u_boot.hpp"

#include <catch2/catch.hpp>

#include "fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::boot;
using fakes::Fate;

namespace {

constexpr std::size_t kSize = 2048;
const UBoot::Paths kPaths{"/etc/fw_env.config", "/proc/slot", "/proc/boot_id"};
const std::string kConfig = "# two copies\n/dev/mmcblk0 0x1000 0x800\n/dev/mmcblk0 0x2000 0x800\n";
constexpr std::size_t kFirst = 0x1000;
constexpr std::size_t kSecond = 0x2000;

Bytes copy(std::uint8_t flag, const std::string& primary = "a") {
  UBootCopy out;
  out.flag = flag;
  for (const auto& line : {"board=x", "pawl_trial=-", "pawl_tries=0", "pawl_bad=-"}) {
    REQUIRE(out.variables.append(line));
  }
  out.variables.set("pawl_primary", primary);
  return *out.format(kSize);
}

void prepare(fakes::FakeDisk& disk, const Bytes& first, const Bytes& second) {
  Bytes device(0x3000, 0xff);
  std::copy(first.begin(), first.end(), device.begin() + kFirst);
  std::copy(second.begin(), second.end(), device.begin() + kSecond);
  disk.put_device("/dev/mmcblk0", device);
  disk.put(kPaths.environment, kConfig);
  disk.put(kPaths.booted, std::string_view("b\0", 2));
  disk.put(kPaths.boot_id, "0d1c-1\n");
}

Bytes damaged(Bytes bytes, std::size_t at) {
  bytes[at] ^= 1U;
  return bytes;
}

}  // namespace

TEST_CASE("U-Boot: a whole trial, then commit, each one write (FORMAT 5.12.3)", "[boot][u-boot]") {
  fakes::FakeDisk disk;
  prepare(disk, copy(7), copy(6));
  UBoot boot(disk, kPaths);
  CHECK(*boot.current() == Slot::kB);
  CHECK(*boot.boot_id() == "0d1c-1");
  CHECK(*boot.primary() == Slot::kA);
  disk.ops = 0;
  REQUIRE(boot.try_once(Slot::kB, Tries(3)));
  CHECK(disk.ops == 2);
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(3)});
  const auto after = disk.content("/dev/mmcblk0");
  CHECK(std::equal(after.begin() + kFirst, after.begin() + kFirst + kSize, copy(7).begin()));
  CHECK(UBootCopy::parse(ByteView(after).subspan(kSecond, kSize))->flag == 8);
  CHECK(UBootCopy::parse(ByteView(after).subspan(kSecond, kSize))->variables.get("board") == "x");
  REQUIRE(boot.commit(Slot::kB));
  CHECK(*boot.primary() == Slot::kB);
  REQUIRE(boot.mark_bad(Slot::kA));
  CHECK(boot.state(Slot::kA)->condition == SlotCondition::kBad);
  REQUIRE(boot.mark_good(Slot::kA));
  CHECK(boot.state(Slot::kA)->condition == SlotCondition::kGood);
  CHECK_FALSE(*boot.boot_file(Slot::kA));
}

TEST_CASE("U-Boot: the newer whole copy counts, also over the wrap (FORMAT 5.12.2)",
          "[boot][u-boot]") {
  struct Row {
    Bytes first;
    Bytes second;
    Slot primary;
  };
  const auto row = GENERATE(values<Row>({{copy(7, "a"), copy(6, "b"), Slot::kA},
                                         {copy(6, "a"), copy(7, "b"), Slot::kB},
                                         {copy(255, "a"), copy(0, "b"), Slot::kB},
                                         {copy(0, "a"), copy(255, "b"), Slot::kA},
                                         {copy(3, "a"), copy(3, "b"), Slot::kA},
                                         {damaged(copy(7, "a"), 100), copy(6, "b"), Slot::kB},
                                         {damaged(copy(7, "a"), 0), copy(6, "b"), Slot::kB},
                                         {Bytes(), copy(6, "b"), Slot::kB},
                                         {copy(6, "a"), damaged(copy(7, "b"), 2047), Slot::kA}}));
  fakes::FakeDisk disk;
  prepare(disk, row.first, row.second);
  CHECK(*UBoot(disk, kPaths).primary() == row.primary);
}

TEST_CASE("U-Boot: what is damaged is written next, the whole copy stays", "[boot][u-boot]") {
  fakes::FakeDisk disk;
  prepare(disk, damaged(copy(7), 20), copy(6, "b"));
  UBoot boot(disk, kPaths);
  REQUIRE(boot.try_once(Slot::kA, Tries(1)));
  const auto after = disk.content("/dev/mmcblk0");
  CHECK(std::equal(after.begin() + kSecond, after.begin() + kSecond + kSize, copy(6, "b").begin()));
  CHECK(boot.state(Slot::kA)->condition == SlotCondition::kTrial);
}

TEST_CASE(
    "U-Boot: two damaged copies, a missing or foreign variable, an unknown slot (FORMAT 5.11.1, "
    "5.12.5)",
    "[boot][u-boot]") {
  fakes::FakeDisk disk;
  prepare(disk, damaged(copy(7), 20), damaged(copy(6), 20));
  CHECK(UBoot(disk, kPaths).primary().error().code() == Errc::kBootloader);
  CHECK(UBoot(disk, kPaths).try_once(Slot::kB, Tries(1)).error().code() == Errc::kBootloader);
  prepare(disk, copy(7, "c"), copy(6, "c"));
  CHECK(UBoot(disk, kPaths).primary().error().code() == Errc::kBootloader);
  prepare(disk, copy(7, "a trial=b"), copy(6));
  CHECK(UBoot(disk, kPaths).primary().error().code() == Errc::kBootloader);
  UBootCopy empty;
  empty.flag = 9;
  prepare(disk, *empty.format(kSize), copy(6));
  CHECK_THAT(UBoot(disk, kPaths).primary().error().what(),
             Catch::Contains("pawl_primary is not set"));
  for (const auto text : {std::string_view("b"), std::string_view("c\0", 2), std::string_view()}) {
    disk.put(kPaths.booted, text);
    CHECK(UBoot(disk, kPaths).current().error().code() == Errc::kBootloader);
  }
  REQUIRE(disk.remove(kPaths.booted));
  CHECK(UBoot(disk, kPaths).current().error().code() == Errc::kBootloader);
}

TEST_CASE("U-Boot: what does not fit into a copy is refused", "[boot][u-boot]") {
  UBootCopy full;
  for (const auto& line : {"pawl_primary=a", "pawl_trial=-", "pawl_tries=0", "pawl_bad=-"}) {
    REQUIRE(full.variables.append(line));
  }
  full.variables.set("x", std::string(kSize - 5 - 57 - 4, 'x'));
  const auto bytes = full.format(kSize);
  REQUIRE(bytes);
  fakes::FakeDisk disk;
  prepare(disk, *bytes, *bytes);
  CHECK(*UBoot(disk, kPaths).primary() == Slot::kA);
  REQUIRE(UBoot(disk, kPaths).mark_bad(Slot::kB));  // fits: one letter for another
  full.variables.set("x", std::string(kSize, 'x'));
  CHECK(full.format(kSize).error().code() == Errc::kBootloader);
}

TEST_CASE("U-Boot copies: damage and truncation are refused (FORMAT 5.12.1)", "[boot][u-boot]") {
  const auto good = copy(1);
  REQUIRE(UBootCopy::parse(good));
  for (std::size_t n = 0; n < good.size(); n += 13) {
    CHECK(UBootCopy::parse(ByteView(good).first(n)).error().code() == Errc::kMalformed);
  }
  CHECK(UBootCopy::parse(Bytes((1U << 20U) + 1)).error().code() == Errc::kTooLarge);
  UBootCopy nameless;
  CHECK(nameless.variables.append("=x").error().code() == Errc::kMalformed);
  CHECK(nameless.variables.append("x").error().code() == Errc::kMalformed);
}

TEST_CASE("U-Boot places: two copies of one size that do not overlap (FORMAT 5.12.4)",
          "[boot][u-boot]") {
  const auto places =
      UBootPlaces::parse("/dev/a 0x10 4096 0x1000 1 # one\n\n  /dev/b\t16 0x1000\n");
  REQUIRE(places);
  CHECK(places->copies[0].path == "/dev/a");
  CHECK(places->copies[1].offset == 16);
  CHECK(places->size == 4096);
  const auto* bad = GENERATE(
      "", "/dev/a 0 0x1000\n", "/dev/a 0 0x1000\n/dev/b 0 0x800\n",
      "/dev/a 0 0x1000\n/dev/a 0x800 0x1000\n", "/dev/a 0 0x1000\n/dev/a 0 0x1000\n",
      "/dev/a 0 0x40\n/dev/b 0 0x40\n", "/dev/a 0 0x200000\n/dev/b 0 0x200000\n",
      "dev/a 0 4096\n/dev/b 0 4096\n", "/dev/mtd0 0 4096\n/dev/mtd1 0 4096\n",
      "/dev/a -8 4096\n/dev/b 0 4096\n", "/dev/a 0x 4096\n/dev/b 0 4096\n", "/dev/a 0\n/dev/b 0\n",
      "/dev/a 0 4096 x\n/dev/b 0 4096\n", "/dev/a 0 4096\n/dev/b 0 4096\n/dev/c 0 4096\n",
      "/dev/a 0xfffffffffffff000 4096\n/dev/b 0 4096\n");
  INFO(bad);
  const auto refused = UBootPlaces::parse(bad);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kBootloader);
  CHECK(UBootPlaces::parse(std::string(4097, '\n')).error().code() == Errc::kTooLarge);
}

TEST_CASE(
    "U-Boot: a transition cut anywhere and torn at each sector leaves the old or the new state",
    "[boot][u-boot][powercut]") {
  const auto fate = GENERATE(Fate::kLost, Fate::kKept, Fate::kMixed);
  const auto torn = GENERATE(0U, 1U, 2U, 3U, 4U);
  for (unsigned cut = 0;; ++cut) {
    fakes::FakeDisk disk;
    prepare(disk, copy(7), copy(6));
    disk.policy = {fate, fate, torn, cut};
    disk.ops_left = cut;
    const auto done = UBoot(disk, kPaths).try_once(Slot::kB, Tries(2));
    disk.power_on();
    INFO("cut before durable operation " << cut << ": " << disk.last_op);
    const auto state = UBoot(disk, kPaths).state(Slot::kB);
    REQUIRE(state);
    const bool next = *state == SlotState{SlotCondition::kTrial, Tries(2)};
    REQUIRE((next || *state == SlotState{SlotCondition::kGood, Tries(0)}));
    if (!done) continue;
    CHECK(next);
    CHECK(cut == 2);  // write, sync
    break;
  }
}

TEST_CASE("U-Boot: repeating a transition writes nothing but syncs", "[boot][u-boot]") {
  fakes::FakeDisk disk;
  prepare(disk, copy(7), copy(6));
  UBoot boot(disk, kPaths);
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  disk.ops = 0;
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  CHECK(disk.ops == 1);
  CHECK(disk.last_op == "sync /dev/mmcblk0");
}
