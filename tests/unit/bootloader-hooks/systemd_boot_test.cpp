#include "bootloader-hooks/systemd_boot.hpp"

#include <algorithm>
#include <map>

#include <catch2/catch.hpp>

#include "fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::boot;

namespace {

const std::string kEntries = "/esp/loader/entries";
const SystemdBoot::Paths kPaths{"/esp", "/efivars/LoaderEntrySelected", "/proc/boot_id"};

Bytes variable(std::string_view text) {
  Bytes out{6, 0, 0, 0};
  for (const char c : text) {
    out.push_back(static_cast<std::uint8_t>(c));
    out.push_back(0);
  }
  out.insert(out.end(), {0, 0});
  return out;
}

void files(fakes::FakeDisk& disk, const std::vector<std::string>& names) {
  disk.make_durable(kEntries);
  for (const auto& name : names) {
    const auto ours = SystemdBootName::parse(name);
    disk.put(kEntries + "/" + name, ours ? systemd_boot_entry(ours->slot) : name);
  }
}

std::vector<std::string> names(fakes::FakeDisk& disk) {
  return *disk.list(kEntries);
}

/// What systemd-boot does at a start, from its documentation: an entry without image is none;
/// used-up entries last, then the highest number; a counted entry is renamed before it is started.
/// Returns the slot's letter.
char firmware_starts(fakes::FakeDisk& disk) {
  struct Entry {
    bool used_up = false;
    long generation = 0;
    char slot = '?';
    std::string name;
  };
  std::vector<Entry> entries;
  for (const auto& name : names(disk)) {
    long generation = 0;
    char slot = '?';
    unsigned left = 1;
    if (std::sscanf(name.c_str(), "pawl_%ld_%c+%u", &generation, &slot, &left) < 2) continue;
    const auto content = disk.content(kEntries + "/" + name);
    if (as_text(content).find("efi /") == std::string_view::npos) continue;  // names no image
    entries.push_back({left == 0, generation, slot, name});
  }
  REQUIRE_FALSE(entries.empty());
  const auto best = std::min_element(entries.begin(), entries.end(), [](auto& x, auto& y) {
    return std::pair(x.used_up, -x.generation) < std::pair(y.used_up, -y.generation);
  });
  unsigned left = 0;
  unsigned done = 0;
  const auto plus = best->name.find('+');
  if (plus != std::string::npos &&
      std::sscanf(best->name.c_str() + plus, "+%u-%u", &left, &done) >= 1 && left > 0) {
    const auto next = best->name.substr(0, plus) + "+" + std::to_string(left - 1) + "-" +
                      std::to_string(done + 1) + ".conf";
    REQUIRE(disk.rename(kEntries + "/" + best->name, kEntries + "/" + next));
  }
  return best->slot;
}

}  // namespace

TEST_CASE("systemd-boot names: read and written alike (FORMAT 5.3.1)", "[boot][systemd]") {
  struct Row {
    const char* name;
    SystemdBootName is;
    SlotState state;
  };
  const auto row =
      GENERATE(Row{"pawl_1_a.conf", {1, Slot::kA, {}, 0}, {SlotCondition::kGood, Tries(0)}},
               Row{"pawl_12_b+3.conf", {12, Slot::kB, 3, 0}, {SlotCondition::kTrial, Tries(3)}},
               Row{"pawl_12_b+2-1.conf", {12, Slot::kB, 2, 1}, {SlotCondition::kTrial, Tries(2)}},
               Row{"pawl_12_b+0-3.conf", {12, Slot::kB, 0, 3}, {SlotCondition::kTrial, Tries(0)}},
               Row{"pawl_0_a+0.conf", {0, Slot::kA, 0, 0}, {SlotCondition::kBad, Tries(0)}});
  const auto name = SystemdBootName::parse(row.name);
  REQUIRE(name);
  CHECK(*name == row.is);
  CHECK(name->state() == row.state);
  CHECK(name->format() == row.name);
}

TEST_CASE("systemd-boot names: others are not ours (FORMAT 5.3.2)", "[boot][systemd]") {
  const auto* name =
      GENERATE("", "pawl_1_a", "pawl_1_a.conf.tmp", "debian.conf", "pawl__a.conf", "pawl_1_c.conf",
               "pawl_1.conf", "pawl_01_a.conf", "pawl_1_a+.conf", "pawl_1_a+03.conf",
               "pawl_1_a+10.conf", "pawl_1_a+2-.conf", "pawl_1_a+2-0.conf", "pawl_1_a+2-1-1.conf",
               "pawl_1_ab.conf", "pawl_-1_a.conf", "pawl_1000000000_a.conf", "pawl_1_a-1.conf",
               "pawl_1_.conf", "pawl_1_a+2-01.conf");
  INFO(name);
  const auto parsed = SystemdBootName::parse(name);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::kMalformed);
}

TEST_CASE("systemd-boot: trial, commit, revert as one new entry each (FORMAT 5.3.3)",
          "[boot][systemd]") {
  fakes::FakeDisk disk;
  files(disk, {"pawl_1_a.conf", "pawl_0_b+0.conf", "debian.conf"});
  SystemdBoot boot(disk, kPaths);
  CHECK(*boot.primary() == Slot::kA);
  CHECK(firmware_starts(disk) == 'a');
  REQUIRE(boot.try_once(Slot::kB, Tries(3)));
  CHECK(names(disk) == std::vector<std::string>{"debian.conf", "pawl_1_a.conf", "pawl_2_b+3.conf"});
  CHECK(firmware_starts(disk) == 'b');
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(2)});
  CHECK(firmware_starts(disk) == 'b');
  REQUIRE(boot.commit(Slot::kB));
  CHECK(names(disk) == std::vector<std::string>{"debian.conf", "pawl_1_a.conf", "pawl_2_b.conf"});
  CHECK(*boot.primary() == Slot::kB);
  CHECK(firmware_starts(disk) == 'b');
  REQUIRE(boot.mark_bad(Slot::kA));
  CHECK(boot.state(Slot::kA)->condition == SlotCondition::kBad);
  REQUIRE(boot.try_once(Slot::kA, Tries(1)));
  CHECK(names(disk) == std::vector<std::string>{"debian.conf", "pawl_2_b.conf", "pawl_3_a+1.conf"});
  CHECK(firmware_starts(disk) == 'a');
  CHECK(firmware_starts(disk) == 'b');  // used up
  CHECK(*boot.state(Slot::kA) == SlotState{SlotCondition::kTrial, Tries(0)});
  REQUIRE(boot.mark_bad(Slot::kA));
  CHECK(firmware_starts(disk) == 'b');
}

TEST_CASE("systemd-boot: commit of the other slot ends a trial", "[boot][systemd]") {
  fakes::FakeDisk disk;
  files(disk, {"pawl_4_a.conf", "pawl_5_b+2-1.conf"});
  SystemdBoot boot(disk, kPaths);
  REQUIRE(boot.commit(Slot::kA));
  CHECK(firmware_starts(disk) == 'a');
  CHECK(names(disk) == std::vector<std::string>{"pawl_5_b+2-1.conf", "pawl_6_a.conf"});
}

TEST_CASE("systemd-boot: a healed slot comes after the primary", "[boot][systemd]") {
  fakes::FakeDisk disk;
  files(disk, {"pawl_4_a.conf", "pawl_7_b+0.conf"});
  SystemdBoot boot(disk, kPaths);
  REQUIRE(boot.mark_good(Slot::kB));
  CHECK(names(disk) == std::vector<std::string>{"pawl_3_b.conf", "pawl_4_a.conf"});
  CHECK(firmware_starts(disk) == 'a');
}

TEST_CASE("systemd-boot: refusals", "[boot][systemd]") {
  fakes::FakeDisk disk;
  files(disk, {"pawl_4_a.conf"});
  SystemdBoot boot(disk, kPaths);
  CHECK(boot.try_once(Slot::kA, Tries(3)).error().code() == Errc::kBootloader);
  CHECK(boot.try_once(Slot::kB, Tries(0)).error().code() == Errc::kUsage);
  CHECK(boot.mark_bad(Slot::kA).error().code() == Errc::kBootloader);
  CHECK(boot.commit(Slot::kB).error().code() == Errc::kBootloader);
  CHECK(boot.state(Slot::kB)->condition == SlotCondition::kBad);
  fakes::FakeDisk empty;
  files(empty, {"debian.conf"});
  CHECK(SystemdBoot(empty, kPaths).primary().error().code() == Errc::kBootloader);
}

TEST_CASE("systemd-boot: the UKI of a slot keeps its place (FORMAT 5.3.1)", "[boot][systemd]") {
  fakes::FakeDisk disk;
  files(disk, {"pawl_4_a.conf"});
  SystemdBoot boot(disk, kPaths);
  CHECK(**boot.boot_file(Slot::kA) == "/esp/EFI/pawl/a.efi");
  CHECK(**boot.boot_file(Slot::kB) == "/esp/EFI/pawl/b.efi");
}

TEST_CASE("systemd-boot: a slot that never had an entry gets one, whole (FORMAT 5.3.1)",
          "[boot][systemd]") {
  fakes::FakeDisk disk;
  files(disk, {"pawl_4_a.conf"});
  SystemdBoot boot(disk, kPaths);
  REQUIRE(boot.mark_bad(Slot::kB));
  CHECK(names(disk) == std::vector<std::string>{"pawl_4_a.conf"});
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  CHECK(names(disk) == std::vector<std::string>{"pawl_4_a.conf", "pawl_5_b+2.conf"});
  // No version line: the order of two entries is that of their names alone.
  CHECK(as_text(disk.content(kEntries + "/pawl_5_b+2.conf")) ==
        "title pawl b\nsort-key pawl\nefi /EFI/pawl/b.efi\n");
  CHECK(firmware_starts(disk) == 'b');

  fakes::FakeDisk other;
  files(other, {"pawl_4_b.conf"});
  REQUIRE(SystemdBoot(other, kPaths).mark_good(Slot::kA));
  CHECK(names(other) == std::vector<std::string>{"pawl_3_a.conf", "pawl_4_b.conf"});
}

TEST_CASE("systemd-boot: the running entry comes from the loader's variable (FORMAT 5.3.4)",
          "[boot][systemd]") {
  fakes::FakeDisk disk;
  disk.put(kPaths.selected, variable("pawl_5_b+3.conf"));
  disk.put(kPaths.boot_id, "2b9c-1\n");
  SystemdBoot boot(disk, kPaths);
  CHECK(*boot.current() == Slot::kB);
  CHECK(*boot.boot_id() == "2b9c-1");
  disk.put(kPaths.selected, variable("debian.conf"));
  CHECK(boot.current().error().code() == Errc::kBootloader);
  disk.put(kPaths.boot_id, "a b\n");
  CHECK(boot.boot_id().error().code() == Errc::kMalformed);

  const auto good = variable("pawl_5_b.conf");
  for (std::size_t n = 0; n < good.size(); ++n) {
    INFO(n);
    const auto cut = parse_loader_entry(ByteView(good).first(n));
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code() == Errc::kMalformed);
  }
  auto wide = good;
  wide[5] = 1;
  CHECK(parse_loader_entry(wide).error().code() == Errc::kMalformed);
  auto control = good;
  control[4] = 7;
  CHECK(parse_loader_entry(control).error().code() == Errc::kMalformed);
  CHECK(parse_loader_entry(Bytes(1026)).error().code() == Errc::kTooLarge);
}

TEST_CASE("systemd-boot: an entry that a power cut left empty is none (FORMAT 5.3.5)",
          "[boot][systemd]") {
  fakes::FakeDisk disk;
  files(disk, {"pawl_2_b.conf", "pawl_3_a.conf"});
  disk.put(kEntries + "/pawl_3_a.conf", GENERATE("", "title pawl a\n", "efi /EFI/pawl/b.efi\n"));
  SystemdBoot boot(disk, kPaths);
  CHECK(*boot.primary() == Slot::kB);
  CHECK(boot.state(Slot::kA)->condition == SlotCondition::kBad);
  CHECK(boot.commit(Slot::kA).error().code() == Errc::kBootloader);
  REQUIRE(boot.mark_bad(Slot::kA));  // it is already
  REQUIRE(boot.try_once(Slot::kA, Tries(3)));
  CHECK(names(disk) == std::vector<std::string>{"pawl_2_b.conf", "pawl_3_a+3.conf"});
  CHECK(firmware_starts(disk) == 'a');
}

TEST_CASE("systemd-boot: of two entries of one slot the later transition counts (FORMAT 5.3.2)",
          "[boot][systemd]") {
  struct Row {
    std::string old, fresh;  // what a transition replaces, and by what
    SlotState state;
  };
  const auto row = GENERATE(
      Row{"pawl_3_a+1-2.conf", "pawl_3_a.conf", {SlotCondition::kGood, Tries(0)}},     // commit
      Row{"pawl_3_a.conf", "pawl_3_a+0.conf", {SlotCondition::kBad, Tries(0)}},        // mark_bad
      Row{"pawl_3_a+2-1.conf", "pawl_3_a+0.conf", {SlotCondition::kBad, Tries(0)}},    // mark_bad
      Row{"pawl_1_a.conf", "pawl_3_a+3.conf", {SlotCondition::kTrial, Tries(3)}},      // try_once
      Row{"pawl_3_a+3.conf", "pawl_3_a+2-1.conf", {SlotCondition::kTrial, Tries(2)}},  // the loader
      Row{"pawl_3_a+0-3.conf", "pawl_3_a.conf", {SlotCondition::kGood, Tries(0)}});
  INFO(row.old << " " << row.fresh);
  fakes::FakeDisk disk;
  files(disk, {"pawl_2_b.conf", row.old, row.fresh});
  SystemdBoot boot(disk, kPaths);
  CHECK(*boot.state(Slot::kA) == row.state);
  REQUIRE(boot.commit(Slot::kA));
  CHECK(names(disk) == std::vector<std::string>{"pawl_2_b.conf", "pawl_3_a.conf"});
}

TEST_CASE("systemd-boot: the new entry is whole and synced before the old one goes (FORMAT 5.3.3)",
          "[boot][systemd]") {
  fakes::FakeDisk disk;
  files(disk, {"pawl_2_b.conf", "pawl_3_a+2-1.conf"});
  unsigned cuts = 0;
  for (;; ++cuts) {
    auto copy = disk;
    copy.ops_left = cuts;
    SystemdBoot boot(copy, kPaths);
    if (boot.commit(Slot::kA)) break;
    INFO(cuts << " " << copy.last_op);
    REQUIRE(cuts < 6);
    CHECK(copy.last_op.find("rename") == std::string::npos);
    if (cuts == 2) CHECK(copy.last_op.find("pawl_3_a.conf") != std::string::npos);
  }
  CHECK(cuts == 6);  // make, write, sync; sync of the directory; remove, sync of the directory
}

TEST_CASE(
    "systemd-boot: wherever the power goes, the slot starts and the repeat ends alike (FORMAT "
    "5.3.3)",
    "[boot][systemd]") {
  fakes::FakeDisk disk;
  files(disk, {"pawl_2_b.conf", "pawl_3_a+2-1.conf"});
  const auto entries = GENERATE(fakes::Fate::kLost, fakes::Fate::kKept, fakes::Fate::kMixed);
  const auto data = GENERATE(fakes::Fate::kLost, fakes::Fate::kKept);
  for (unsigned cut = 0; cut < 6; ++cut) {
    for (unsigned seed = 0; seed < 8; ++seed) {
      auto copy = disk;
      copy.policy = {data, entries, 0, seed};
      copy.ops_left = cut;
      REQUIRE_FALSE(SystemdBoot(copy, kPaths).commit(Slot::kA));
      copy.power_on();
      INFO(cut << " " << seed);
      CHECK(firmware_starts(copy) == 'a');
      REQUIRE(SystemdBoot(copy, kPaths).commit(Slot::kA));
      CHECK(names(copy) == std::vector<std::string>{"pawl_2_b.conf", "pawl_3_a.conf"});
    }
  }
}
