#include "bootloader-hooks/u_boot.hpp"

#include "tools.hpp"

using namespace pawl;
using namespace pawl::boot;
using namespace pawl::fakes;

namespace {

/// U-Boot's words for the shipped script, over the environment that fw_setenv writes: what
/// `saveenv` stores is what U-Boot would, and `bootefi` says which file was loaded.
constexpr const char* kWords = R"sh(
for line in $(fw_printenv -c "$CONFIG" | grep ^pawl_); do eval "$line"; done
pawl_device="virtio 0:1" kernel_addr_r=40400000 pawl_fdt=40000000
test() { if [ "$2" = -gt ]; then [ "${1:-0}" -gt "$3" ]; else [ "$@" ]; fi; }
setenv() { name=$1; shift; eval "$name=\"\$*\""; }
setexpr() { eval "$1=\$(($2 $3 $4))"; }
saveenv() { test -z "$FULL" && fw_setenv -c "$CONFIG" pawl_tries "$pawl_tries"; }
load() { echo "loads $1 $2 $4"; }
fdt() { case "$1" in set) echo "says $3 $4" ;; esac; }
bootefi() { :; }
reset() { exit 0; }
)sh";

class Board {
 public:
  Board() {
    shell("truncate -s 12288 " + file("flash"));
    write_text(file("fw_env.config"),
               file("flash") + " 0x1000 0x1000\n" + file("flash") + " 0x2000 0x1000\n");
    write_text(file("env.txt"),
               "board=demo\npawl_primary=a\npawl_trial=-\npawl_tries=0\npawl_bad=-\n");
    shell("fw_setenv -c " + file("fw_env.config") + " -f " + file("env.txt") +
          " board demo 2>&1; for v in primary=a trial=- tries=0 bad=-; do fw_setenv -c " +
          file("fw_env.config") + " -f " + file("env.txt") + " pawl_${v%=*} -- ${v#*=}; done");
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string printed(const std::string& name) const {
    auto out = shell("fw_printenv -n -c " + file("fw_env.config") + " " + name);
    if (out.ends_with('\n')) out.pop_back();
    return out;
  }
  /// One start with the shipped script.
  [[nodiscard]] std::string start(const std::string& before = "") const {
    write_text(file("boot.sh"), "CONFIG=" + file("fw_env.config") + "\nFULL=\n" + kWords + before +
                                    "\n" + shipped("u-boot/pawl.cmd"));
    return shell("sh " + file("boot.sh"));
  }
  [[nodiscard]] UBoot boot() { return {disk_, {file("fw_env.config"), file("slot"), ""}}; }
  void damage(std::size_t at) const {
    shell("printf '\\377\\377' | dd of=" + file("flash") + " bs=1 seek=" + std::to_string(at) +
          " conv=notrunc 2>&1");
  }

 private:
  TemporaryFolder folder_;
  PosixDisk disk_;
};

constexpr const char* kStartsA = "loads virtio 0:1 /EFI/pawl/a.efi\nsays pawl,slot a\n";
constexpr const char* kStartsB = "loads virtio 0:1 /EFI/pawl/b.efi\nsays pawl,slot b\n";

}  // namespace

TEST_CASE("U-Boot's fw_setenv and we read what the other wrote (FORMAT 5.12.1)", "[boot][u-boot]") {
  Board board;
  auto boot = board.boot();
  CHECK(*boot.primary() == Slot::kA);
  REQUIRE(boot.try_once(Slot::kB, Tries(3)));
  CHECK(board.printed("pawl_trial") == "b");
  CHECK(board.printed("pawl_tries") == "3");
  CHECK(board.printed("board") == "demo");
  shell("fw_setenv -c " + board.file("fw_env.config") + " pawl_tries 2");
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(2)});
  for (unsigned i = 0; i < 300; ++i) {  // the flag wraps; both stay of one opinion
    REQUIRE(boot.try_once(Slot::kB, Tries(1 + i % 2)));
    if (i % 50 == 0) CHECK(board.printed("pawl_tries") == std::to_string(1 + i % 2));
  }
  REQUIRE(boot.commit(Slot::kB));
  CHECK(board.printed("pawl_primary") == "b");
}

TEST_CASE("U-Boot: with either copy damaged fw_printenv and we read the other one",
          "[boot][u-boot]") {
  for (const std::size_t at : {0x1000U, 0x1005U, 0x1ffeU, 0x2000U, 0x2004U, 0x2801U}) {
    Board board;
    auto boot = board.boot();
    REQUIRE(boot.try_once(Slot::kB, Tries(3)));
    REQUIRE(boot.try_once(Slot::kB, Tries(2)));
    board.damage(at);
    const auto tries = boot.state(Slot::kB)->tries_left;
    CHECK(board.printed("pawl_tries") == std::to_string(tries.get()));
    REQUIRE(boot.commit(Slot::kB));  // heals the damaged one
    CHECK(board.printed("pawl_primary") == "b");
  }
  Board board;
  board.damage(0x1000);
  board.damage(0x2000);
  CHECK(board.boot().primary().error().code() == Errc::kBootloader);
}

TEST_CASE(
    "U-Boot's script starts a trial as often as it has tries, then the primary (FORMAT 5.11.2, "
    "5.11.3)",
    "[boot][u-boot]") {
  Board board;
  auto boot = board.boot();
  CHECK(board.start() == kStartsA);
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  CHECK(board.start() == kStartsB);
  CHECK(boot.state(Slot::kB)->tries_left == Tries(1));
  CHECK(board.start() == kStartsB);
  CHECK(board.start() == kStartsA);
  CHECK(*boot.state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(0)});
  REQUIRE(boot.commit(Slot::kB));
  for (int i = 0; i < 10; ++i) CHECK(board.start() == kStartsB);  // a committed slot is not counted
  REQUIRE(boot.try_once(Slot::kA, Tries(1)));
  REQUIRE(boot.mark_bad(Slot::kA));
  CHECK(board.start() == kStartsB);
}

TEST_CASE("U-Boot's script does not try what it cannot count, nor an unknown slot",
          "[boot][u-boot]") {
  Board board;
  auto boot = board.boot();
  REQUIRE(boot.try_once(Slot::kB, Tries(2)));
  CHECK(board.start("FULL=1") == kStartsA);
  CHECK(board.start("pawl_trial=c") == kStartsA);
  CHECK(board.start("unset pawl_primary pawl_trial pawl_tries") == kStartsA);
  CHECK(board.start("pawl_primary=b; pawl_tries=") == kStartsB);
}
