#include "bootloader-hooks/uefi.hpp"

#include <map>

#include <catch2/catch.hpp>

#include "fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::boot;

namespace {

Bytes option(std::string_view description, std::uint32_t attributes = 1) {
  Bytes out{static_cast<std::uint8_t>(attributes), 0, 0, 0, 4, 0};
  for (const char c : description) out.insert(out.end(), {static_cast<std::uint8_t>(c), 0});
  out.insert(out.end(), {0, 0, 0x7f, 0xff, 4, 0});  // end of the text, an empty device path
  return out;
}

/// The firmware: each store is whole; the one that finds `stores_left` at 0 does not happen.
class FakeFirmware final : public EfiVariables {
 public:
  std::map<std::string, Bytes> held;
  unsigned stores = 0;
  unsigned stores_left = ~0U;

  Result<std::vector<std::string>> names() override {
    std::vector<std::string> out;
    for (const auto& [name, value] : held) out.push_back(name);
    return out;
  }
  Result<std::optional<Bytes>> get(const std::string& name) override {
    const auto at = held.find(name);
    return at == held.end() ? std::optional<Bytes>() : at->second;
  }
  Status set(const std::string& name, ByteView value) override {
    PAWL_CHECK(count());
    held[name] = Bytes(value.begin(), value.end());
    return Ok{};
  }
  Status remove(const std::string& name) override {
    PAWL_CHECK(count());
    held.erase(name);
    return Ok{};
  }
  /// What UEFI 2.10, section 3.1 does at a start: BootNext, forgotten first, else the first entry.
  std::uint16_t start() {
    auto& chosen = held.contains("BootNext") ? held["BootNext"] : held["BootOrder"];
    const auto number = static_cast<std::uint16_t>(chosen[0] | chosen[1] << 8U);
    held["BootCurrent"] = {chosen[0], chosen[1]};
    held.erase("BootNext");
    return number;
  }

 private:
  Status count() {
    if (stores_left == 0) return fail(Errc::kIo, "power cut");
    --stores_left;
    ++stores;
    return Ok{};
  }
};

FakeFirmware firmware(const Bytes& order) {
  FakeFirmware out;
  out.held = {{"Boot0001", option("pawl-a")}, {"Boot001F", option("pawl-b")},
              {"Boot0003", option("PXE")},    {"BootOrder", order},
              {"BootCurrent", {1, 0}},        {"Timeout", {0, 0}}};
  return out;
}

const Bytes kBoth{1, 0, 0x1f, 0, 3, 0};
const Bytes kOnlyA{1, 0, 3, 0};
const Uefi::Paths kPaths{"/efi", "/proc/boot_id"};

}  // namespace

TEST_CASE("UEFI: BootNext is the trial, BootOrder the commit (FORMAT 5.14.2, 5.14.3)",
          "[boot][uefi]") {
  auto uefi = firmware(kOnlyA);
  fakes::FakeDisk disk;
  disk.put(kPaths.boot_id, "0d1c-1\n");
  Uefi boot(disk, uefi, kPaths);
  CHECK(*boot.current() == Slot::kA);
  CHECK(*boot.boot_id() == "0d1c-1");
  CHECK(*boot.primary() == Slot::kA);
  CHECK(boot.state(Slot::kB)->condition == SlotCondition::kBad);
  REQUIRE(boot.try_once(Slot::kB, Tries(3)));
  CHECK(uefi.stores == 1);
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(1)});
  CHECK(uefi.start() == 0x1f);
  CHECK(*boot.current() == Slot::kB);
  CHECK(boot.state(Slot::kB)->condition == SlotCondition::kBad);  // used up
  CHECK(uefi.start() == 1);
  REQUIRE(boot.try_once(Slot::kB, Tries(1)));
  CHECK(uefi.start() == 0x1f);
  REQUIRE(boot.commit(Slot::kB));
  CHECK(uefi.held["BootOrder"] == Bytes{0x1f, 0, 1, 0, 3, 0});
  for (int i = 0; i < 10; ++i) CHECK(uefi.start() == 0x1f);  // a committed slot is not counted
  REQUIRE(boot.mark_bad(Slot::kA));
  CHECK(uefi.held["BootOrder"] == Bytes{0x1f, 0, 3, 0});
  REQUIRE(boot.mark_good(Slot::kA));
  CHECK(uefi.held["BootOrder"] == Bytes{0x1f, 0, 1, 0, 3, 0});
  CHECK(**boot.boot_file(Slot::kB) == "/efi/EFI/pawl/b.efi");
}

TEST_CASE("UEFI: every transition is there or not, whichever store a power cut meets",
          "[boot][uefi][powercut]") {
  struct Row {
    const char* what;
    Status (*act)(Uefi&);
    SlotState before;
    SlotState after;
    unsigned stores;
  };
  const SlotState trial{SlotCondition::kTrial, Tries(1)};
  const SlotState good{SlotCondition::kGood, Tries(0)};
  const SlotState bad{SlotCondition::kBad, Tries(0)};
  const auto row = GENERATE_COPY(values<Row>(
      {{"bad", [](Uefi& boot) { return boot.mark_bad(Slot::kB); }, trial, bad, 2},
       {"good", [](Uefi& boot) { return boot.mark_good(Slot::kB); }, trial, good, 1},
       {"commit", [](Uefi& boot) { return boot.commit(Slot::kB); }, trial, good, 2},
       {"commit a", [](Uefi& boot) { return boot.commit(Slot::kA); }, trial, good, 1}}));
  for (unsigned cut = 0;; ++cut) {
    auto uefi = firmware(kBoth);
    uefi.held["BootNext"] = {0x1f, 0};
    uefi.stores_left = cut;
    fakes::FakeDisk disk;
    Uefi boot(disk, uefi, kPaths);
    const auto done = row.act(boot);
    INFO(row.what << ", cut before store " << cut);
    CHECK(*boot.state(Slot::kB) == (done ? row.after : row.before));
    uefi.stores_left = ~0U;
    REQUIRE(row.act(boot));
    CHECK(*boot.state(Slot::kB) == row.after);
    if (!done) continue;
    CHECK(cut == row.stores);
    break;
  }
}

TEST_CASE("UEFI: refusals, and repeating stores nothing", "[boot][uefi]") {
  fakes::FakeDisk disk;
  auto uefi = firmware(kBoth);
  Uefi boot(disk, uefi, kPaths);
  CHECK(boot.try_once(Slot::kA, Tries(1)).error().code() == Errc::kBootloader);
  CHECK(boot.try_once(Slot::kB, Tries(0)).error().code() == Errc::kUsage);
  CHECK(boot.mark_bad(Slot::kA).error().code() == Errc::kBootloader);
  REQUIRE(boot.try_once(Slot::kB, Tries(1)));
  REQUIRE(boot.try_once(Slot::kB, Tries(1)));
  CHECK(uefi.stores == 1);
  REQUIRE(boot.commit(Slot::kA));
  REQUIRE(boot.commit(Slot::kA));
  CHECK(uefi.stores == 2);
  REQUIRE(boot.mark_good(Slot::kB));
  CHECK(uefi.stores == 2);
}

TEST_CASE("UEFI: entries that are missing, inactive, doubled or not the first (FORMAT 5.14.1)",
          "[boot][uefi]") {
  fakes::FakeDisk disk;
  auto uefi = firmware(kOnlyA);
  Uefi boot(disk, uefi, kPaths);
  uefi.held["Boot001F"] = option("pawl-b", 0);  // not active: the firmware skips it
  CHECK(boot.try_once(Slot::kB, Tries(1)).error().code() == Errc::kBootloader);
  CHECK(boot.commit(Slot::kB).error().code() == Errc::kBootloader);
  CHECK(boot.mark_good(Slot::kB).error().code() == Errc::kBootloader);
  CHECK(boot.mark_bad(Slot::kB));
  CHECK(boot.state(Slot::kB)->condition == SlotCondition::kBad);
  uefi.held["Boot001F"] = option("pawl-b");
  uefi.held["Boot002a"] = option("pawl-b");  // not a name of the firmware
  CHECK(boot.state(Slot::kB));
  uefi.held["Boot0020"] = option("pawl-b");
  CHECK(boot.state(Slot::kB).error().code() == Errc::kBootloader);
  uefi = firmware({3, 0, 1, 0});
  CHECK(boot.primary().error().code() == Errc::kBootloader);
  uefi = firmware({});
  CHECK(boot.primary().error().code() == Errc::kBootloader);
  uefi = firmware({1, 0, 3});  // half a number
  CHECK_THAT(boot.primary().error().what(), Catch::Contains("BootOrder is not a list of numbers"));
  uefi = firmware(kOnlyA);
  uefi.held["BootCurrent"] = {3, 0};
  CHECK(boot.current().error().code() == Errc::kBootloader);
  uefi.held.erase("BootCurrent");
  CHECK(boot.current().error().code() == Errc::kBootloader);
}

TEST_CASE("UEFI load options: every truncation is refused, foreign text is nobody's",
          "[boot][uefi]") {
  const auto good = option("pawl-a");
  CHECK(LoadOption::parse(good)->active);
  CHECK(LoadOption::parse(good)->description == "pawl-a");
  const auto text_end = good.size() - 4;
  for (std::size_t n = 0; n < text_end; ++n) {
    INFO(n);
    const auto cut = LoadOption::parse(ByteView(good).first(n));
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code() == Errc::kMalformed);
  }
  auto wide = good;
  wide[7] = 1;
  CHECK(LoadOption::parse(wide)->description.empty());
  CHECK(LoadOption::parse(option("\x01pawl-a"))->description.empty());
}

TEST_CASE("efivarfs: a variable is one file with attributes, stored by one write (FORMAT 5.14.4)",
          "[boot][uefi]") {
  const std::string guid = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  fakes::FakeDisk disk;
  disk.put("/vars/BootNext" + guid, ByteView(Bytes{7, 0, 0, 0, 1, 0}));
  disk.put("/vars/BootNext-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "other");
  disk.put("/vars/BootShort" + guid, "abc");
  disk.put("/vars/BootLong" + guid, ByteView(Bytes(4101, 0)));
  Efivarfs variables(disk, "/vars");
  CHECK(*variables.names() == std::vector<std::string>{"BootLong", "BootNext", "BootShort"});
  CHECK(**variables.get("BootNext") == Bytes{1, 0});
  CHECK_FALSE(*variables.get("BootOrder"));
  CHECK(variables.get("BootShort").error().code() == Errc::kBootloader);
  CHECK(variables.get("BootLong").error().code() == Errc::kTooLarge);
  disk.ops = 0;
  REQUIRE(variables.set("BootOrder", Bytes{2, 0, 1, 0}));
  CHECK(disk.ops == 2);  // opened, written; no sync, which efivarfs does not know
  CHECK(disk.content("/vars/BootOrder" + guid) == Bytes{7, 0, 0, 0, 2, 0, 1, 0});
  REQUIRE(variables.remove("BootNext"));
  CHECK_FALSE(*variables.get("BootNext"));
}
