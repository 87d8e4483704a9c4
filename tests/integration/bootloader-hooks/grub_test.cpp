#include "bootloader-hooks/grub.hpp"

#include "tools.hpp"

using namespace pawl;
using namespace pawl::boot;
using namespace pawl::fakes;

namespace {

/// GRUB itself, as a program (grub-emu), with the shipped grub.cfg on a FAT image. It has no
/// chainloader, so that functions of those names say what would be started.
constexpr const char* kWords =
    "function chainloader { echo \"STARTS=$1=\"; }\nfunction boot { true; }\n";

class Machine {
 public:
  Machine() {
    shell("truncate -s 4M " + image() + " && /usr/sbin/mkfs.vfat -n ESP " + image() +
          " && mmd -i " + image() + " ::pawl ::boot ::boot/grub");
    write_text(file("grub.cfg"), kWords + shipped("grub/grub.cfg"));
    shell("mcopy -i " + image() + " " + file("grub.cfg") + " ::boot/grub/grub.cfg");
    write_text(file("map"), "(hd0) " + image() + "\n");
    for (const auto* name : {"env.0", "env.1"}) {
      shell("mkdir -p " + file("esp/pawl") + " && grub-editenv " + env(name) +
            " create && grub-editenv " + env(name) +
            " set pawl_generation=1 pawl_primary=a pawl_trial=- pawl_tries=0 pawl_bad=-");
    }
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string env(const std::string& name) const { return file("esp/pawl/" + name); }
  [[nodiscard]] std::string listed(const std::string& name) const {
    return shell("grub-editenv " + env(name) + " list");
  }
  /// One start: the slot's letter. The files go to the FAT image and come back as GRUB left them.
  [[nodiscard]] std::string start() const {
    for (const auto* name : {"env.0", "env.1"}) {
      shell("mdel -i " + image() + " ::pawl/" + name + " 2>&1 || true");
      if (std::filesystem::exists(env(name))) {
        shell("mcopy -i " + image() + " " + env(name) + " ::pawl/" + name);
      }
    }
    const auto screen = shell("TERM=xterm timeout 60 script -qec 'grub-emu -m " + file("map") +
                              " -d /boot/grub -r hd0' /dev/null </dev/null; true");
    for (const auto* name : {"env.0", "env.1"}) {
      if (std::filesystem::exists(env(name))) {
        shell("mcopy -n -o -i " + image() + " ::pawl/" + std::string(name) + " " + env(name));
      }
    }
    const auto at = screen.find("STARTS=(hd0)/EFI/pawl/");
    INFO(screen);
    REQUIRE(at != std::string::npos);
    return screen.substr(at + std::string("STARTS=(hd0)/EFI/pawl/").size(), 5);
  }
  [[nodiscard]] Grub boot() { return {disk_, {file("esp"), "", ""}}; }

 private:
  [[nodiscard]] std::string image() const { return file("esp.img"); }
  TemporaryFolder folder_;
  PosixDisk disk_;
};

}  // namespace

TEST_CASE("GRUB's grub-editenv and we read what the other wrote (FORMAT 5.13.1)", "[boot][grub]") {
  Machine machine;
  auto boot = machine.boot();
  CHECK(*boot.primary() == Slot::kA);
  REQUIRE(boot.try_once(Slot::kB, Tries(3)));
  CHECK(machine.listed("env.1") ==
        "pawl_generation=2\npawl_primary=a\npawl_trial=b\npawl_tries=3\npawl_bad=-\n");
  shell("grub-editenv " + machine.env("env.1") + " set pawl_tries=1 saved_entry=x");
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(1)});
  REQUIRE(boot.commit(Slot::kB));
  CHECK(
      machine.listed("env.0") ==
      "pawl_generation=3\npawl_primary=b\npawl_trial=-\npawl_tries=0\npawl_bad=-\nsaved_entry=x\n");
}

TEST_CASE("GRUB's script starts a trial as often as it has tries, then the primary (FORMAT 5.11.2)",
          "[boot][grub]") {
  Machine machine;
  auto boot = machine.boot();
  CHECK(machine.start() == "a.efi");
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  CHECK(machine.start() == "b.efi");
  CHECK(boot.state(Slot::kB)->tries_left == Tries(1));
  CHECK(machine.start() == "b.efi");
  CHECK(machine.start() == "a.efi");
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(0)});
  REQUIRE(boot.try_once(Slot::kB, kMaxTries));
  CHECK(machine.start() == "b.efi");
  CHECK(boot.state(Slot::kB)->tries_left == Tries(8));
  REQUIRE(boot.commit(Slot::kB));
  for (int i = 0; i < 3; ++i) CHECK(machine.start() == "b.efi");  // a committed slot is not counted
}

TEST_CASE("GRUB's script and we choose the same of two files, also with a damaged one",
          "[boot][grub]") {
  Machine machine;
  auto boot = machine.boot();
  REQUIRE(boot.commit(Slot::kB));  // env.1, generation 2
  REQUIRE(boot.commit(Slot::kA));  // env.0, generation 3
  const auto newest = read_text(machine.env("env.0"));
  const auto damage = GENERATE(0, 1, 2);
  if (damage == 0) write_text(machine.env("env.0"), "");
  if (damage == 1) std::filesystem::remove(machine.env("env.0"));
  if (damage == 2) write_text(machine.env("env.0"), std::string(1024, '#'));
  CHECK(*boot.primary() == Slot::kB);
  CHECK(machine.start() == "b.efi");
  REQUIRE(boot.commit(Slot::kA));  // heals
  CHECK(read_text(machine.env("env.0")) == newest);
  CHECK(machine.start() == "a.efi");
}
