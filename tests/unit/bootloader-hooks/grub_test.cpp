#include "bootloader-hooks/grub.hpp"

#include <catch2/catch.hpp>

#include "fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::boot;
using fakes::Fate;

namespace {

const Grub::Paths kPaths{"/esp", "/efivars/LoaderImageIdentifier", "/proc/boot_id"};
const std::string kEnv0 = "/esp/pawl/env.0";
const std::string kEnv1 = "/esp/pawl/env.1";
const std::string kHead = "# GRUB Environment Block\n";

std::string filled(std::string text) {
  text.resize(GrubBlock::kBytes, '#');
  return text;
}

std::string block(unsigned generation, const std::string& primary = "a") {
  return filled(kHead + "pawl_generation=" + std::to_string(generation) +
                "\npawl_primary=" + primary + "\npawl_trial=-\npawl_tries=0\npawl_bad=-\n");
}

Bytes variable(std::string_view text) {
  Bytes out{6, 0, 0, 0};
  for (const char c : text) {
    out.push_back(static_cast<std::uint8_t>(c));
    out.push_back(0);
  }
  out.insert(out.end(), {0, 0});
  return out;
}

void prepare(fakes::FakeDisk& disk, const std::string& first, const std::string& second) {
  disk.put(kEnv0, first);
  disk.put(kEnv1, second);
  disk.put(kPaths.image, variable("\\EFI\\pawl\\B.efi"));
  disk.put(kPaths.boot_id, "0d1c-1\n");
}

}  // namespace

TEST_CASE("GRUB: a whole trial, then commit, each in the older file (FORMAT 5.13.3)",
          "[boot][grub]") {
  fakes::FakeDisk disk;
  prepare(disk, block(4), block(3));
  Grub boot(disk, kPaths);
  CHECK(*boot.current() == Slot::kB);
  CHECK(*boot.boot_id() == "0d1c-1");
  CHECK(*boot.primary() == Slot::kA);
  REQUIRE(boot.try_once(Slot::kB, Tries(3)));
  CHECK(disk.text(kEnv0) == block(4));
  CHECK(disk.text(kEnv1) ==
        filled(kHead +
               "pawl_generation=5\npawl_primary=a\npawl_trial=b\npawl_tries=3\npawl_bad=-\n"));
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(3)});
  REQUIRE(boot.commit(Slot::kB));
  CHECK(disk.text(kEnv0) == block(6, "b"));
  REQUIRE(boot.mark_bad(Slot::kA));
  CHECK(boot.state(Slot::kA)->condition == SlotCondition::kBad);
  CHECK(**boot.boot_file(Slot::kA) == "/esp/EFI/pawl/a.efi");
}

TEST_CASE("GRUB: the whole block of the higher generation counts (FORMAT 5.13.2)", "[boot][grub]") {
  struct Row {
    std::string first;
    std::string second;
    Slot primary;
  };
  const auto row = GENERATE(values<Row>({{block(4, "a"), block(3, "b"), Slot::kA},
                                         {block(4, "a"), block(10, "b"), Slot::kB},
                                         {block(4, "a"), block(4, "b"), Slot::kA},
                                         {"", block(3, "b"), Slot::kB},
                                         {block(9, "a").substr(0, 512), block(3, "b"), Slot::kB},
                                         {block(9, "a") + "#", block(3, "b"), Slot::kB},
                                         {block(3, "a"), std::string(1024, '#'), Slot::kA}}));
  fakes::FakeDisk disk;
  prepare(disk, row.first, row.second);
  CHECK(*Grub(disk, kPaths).primary() == row.primary);
}

TEST_CASE("GRUB: a lost file is made again by the next transition", "[boot][grub]") {
  fakes::FakeDisk disk;
  prepare(disk, block(4), block(3));
  REQUIRE(disk.remove(kEnv1));
  REQUIRE(Grub(disk, kPaths).commit(Slot::kB));
  CHECK(disk.text(kEnv1) == block(5, "b"));
}

TEST_CASE("GRUB: no whole block, a foreign state, an unknown image (FORMAT 5.13.4)",
          "[boot][grub]") {
  fakes::FakeDisk disk;
  prepare(disk, "", "");
  CHECK(Grub(disk, kPaths).primary().error().code() == Errc::kBootloader);
  prepare(disk, block(2, "c"), block(1));
  CHECK(Grub(disk, kPaths).primary().error().code() == Errc::kBootloader);
  prepare(disk, block(999'999'999), block(1));
  CHECK_THAT(Grub(disk, kPaths).commit(Slot::kB).error().what(), Catch::Contains("used up"));
  for (const auto* image : {"\\EFI\\pawl\\c.efi", "\\EFI\\debian\\grubx64.efi", "a.efi"}) {
    disk.put(kPaths.image, variable(image));
    CHECK(Grub(disk, kPaths).current().error().code() == Errc::kBootloader);
  }
  disk.put(kPaths.image, "123");
  CHECK(Grub(disk, kPaths).current().error().code() == Errc::kBootloader);
}

TEST_CASE("GRUB blocks: one form is read (FORMAT 5.13.1)", "[boot][grub]") {
  const auto good = GrubBlock::parse(
      filled(kHead + "# WARNING: by tools\nsaved=x\npawl_generation=12\npawl_bad=-\n"));
  REQUIRE(good);
  CHECK(good->generation == 12);
  CHECK(*good->format() == filled(kHead + "pawl_generation=12\npawl_bad=-\nsaved=x\n"));
  const auto bad = GENERATE(
      filled(kHead), filled(kHead + "pawl_generation=\n"), filled(kHead + "pawl_generation=01\n"),
      filled(kHead + "pawl_generation=1000000000\n"), filled(kHead + "pawl_generation=1x\n"),
      filled(kHead + "pawl_generation=1\nx\n"), filled(kHead + "pawl_generation=1\n=x\n"),
      filled(kHead + "pawl_generation=1\na=b\\c\n"), filled("pawl_generation=1\n"),
      (kHead + "pawl_generation=1\nfull=" + std::string(1024, 'x')).substr(0, 1024),
      filled(kHead + "pawl_generation=1\n").substr(1));
  INFO(bad.substr(0, 60));
  const auto refused = GrubBlock::parse(bad);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kMalformed);
}

TEST_CASE("GRUB blocks: what does not fit is refused", "[boot][grub]") {
  auto full = *GrubBlock::parse(block(1));
  full.variables.set("x", std::string(1024, 'x'));
  CHECK(full.format().error().code() == Errc::kBootloader);
}

TEST_CASE("GRUB: a transition cut anywhere leaves the old or the new state",
          "[boot][grub][powercut]") {
  const auto fate = GENERATE(Fate::kLost, Fate::kKept, Fate::kMixed);
  const auto torn = GENERATE(0U, 1U, 2U);
  for (unsigned cut = 0;; ++cut) {
    fakes::FakeDisk disk;
    prepare(disk, block(4), block(3));
    disk.policy = {fate, fate, torn, cut};
    disk.ops_left = cut;
    const auto done = Grub(disk, kPaths).try_once(Slot::kB, Tries(2));
    disk.power_on();
    INFO("cut before durable operation " << cut << ": " << disk.last_op);
    CHECK(disk.text(kEnv0) == block(4));
    const auto state = Grub(disk, kPaths).state(Slot::kB);
    REQUIRE(state);
    const bool next = *state == SlotState{SlotCondition::kTrial, Tries(2)};
    REQUIRE((next || *state == SlotState{SlotCondition::kGood, Tries(0)}));
    if (!done) continue;
    CHECK(next);
    CHECK(cut == 7);  // create, write, sync, rename, directory; then the entry itself and again
    break;
  }
}

TEST_CASE("GRUB: repeating a transition writes nothing but syncs", "[boot][grub]") {
  fakes::FakeDisk disk;
  prepare(disk, block(4), block(3));
  Grub boot(disk, kPaths);
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  disk.ops = 0;
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  CHECK(disk.ops == 1);
  CHECK(disk.last_op == "sync directory /esp/pawl");
}
