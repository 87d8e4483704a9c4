#include "bootloader-hooks/uefi.hpp"

#include "tools.hpp"

using namespace pawl;
using namespace pawl::boot;
using namespace pawl::fakes;

namespace {

/// efibootmgr on a folder of variables, as libefivar allows it.
class Machine {
 public:
  Machine() {
    std::filesystem::create_directories(folder_.file("vars"));
    make(1, "pawl-a");
    make(2, "pawl-b");
    run("-o 0001,0002");
  }
  void run(const std::string& words) const { static_cast<void>(tool(words)); }
  [[nodiscard]] std::string tool(const std::string& words) const {
    return shell("LIBEFIVAR_OPS=efivarfs EFIVARFS_PATH=" + folder_.file("vars/") + " efibootmgr " +
                 words + " 2>&1");
  }
  Efivarfs& variables() { return variables_; }
  Disk& disk() { return disk_; }

 private:
  void make(unsigned number, const std::string& description) {
    Bytes option{1, 0, 0, 0, 4, 0};
    for (const char c : description) option.insert(option.end(), {static_cast<std::uint8_t>(c), 0});
    option.insert(option.end(), {0, 0, 0x7f, 0xff, 4, 0});
    REQUIRE(variables_.set("Boot000" + std::to_string(number), option));
  }
  TemporaryFolder folder_;
  PosixDisk disk_;
  Efivarfs variables_{disk_, folder_.file("vars")};
};

}  // namespace

TEST_CASE("UEFI: efibootmgr and we read what the other wrote (FORMAT 5.14.2)", "[boot][uefi]") {
  Machine machine;
  Uefi boot(machine.disk(), machine.variables(), {"/efi", ""});
  CHECK(*boot.primary() == Slot::kA);
  CHECK(boot.state(Slot::kB)->condition == SlotCondition::kGood);
  REQUIRE(boot.mark_bad(Slot::kB));
  CHECK_THAT(machine.tool(""), Catch::Contains("BootOrder: 0001\n"));
  REQUIRE(boot.try_once(Slot::kB, Tries(1)));
  CHECK_THAT(machine.tool(""), Catch::Contains("BootNext: 0002\n"));
  machine.run("-N");
  CHECK(boot.state(Slot::kB)->condition == SlotCondition::kBad);
  machine.run("-n 0002");
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(1)});
  REQUIRE(boot.commit(Slot::kB));
  const auto shown = machine.tool("");
  CHECK_THAT(shown, Catch::Contains("BootOrder: 0002,0001\n"));
  CHECK_THAT(shown, !Catch::Contains("BootNext"));
  machine.run("-o 0001,0002");
  CHECK(*boot.primary() == Slot::kA);
  machine.run("-b 0002 -A");  // not active
  CHECK(boot.try_once(Slot::kB, Tries(1)).error().code() == Errc::kBootloader);
}
