// SIGKILL of the real program at random moments: the next start finishes or gives up, nothing is
// lost, a whole slot always boots.
#include <iomanip>
#include <iostream>
#include <random>

#include <catch2/catch.hpp>

#include "fakes/child.hpp"
#include "fakes/device_folder.hpp"
#include "fakes/temporary_folder.hpp"

using namespace pawl;
using fakes::DeviceFolder;
using std::chrono::microseconds;

namespace {

constexpr std::size_t kImage = std::size_t{12} << 20U;
constexpr std::size_t kSlot = std::size_t{13} << 20U;

unsigned rounds() {
  const char* wish = std::getenv("PAWL_KILL_ROUNDS");
  return wish == nullptr ? 20U : static_cast<unsigned>(std::strtoul(wish, nullptr, 10));
}

fakes::ReleaseFactory& factory() {
  static fakes::ReleaseFactory made = [] {
    fakes::ReleaseFactory out;
    out.rootfs_size = kImage;
    out.window_log2 = 16;
    out.add("1.0.0", {1, 1, 1});
    out.add("1.1.0", {2, 2, 2});  // lifts the floor: the commit also copies a whole slot
    fakes::renew(out.repo);
    return out;
  }();
  return made;
}

fakes::ChildResult run_verb(const DeviceFolder& device, const std::string& verb,
                            std::optional<microseconds> kill_after = std::nullopt) {
  return fakes::run_child({PAWL_BINARY_DIR "/bin/pawl-updater", verb, "--config",
                           (device.path / "updater.toml").string(), "--state",
                           (device.path / "state").string(), "--progress", "json"},
                          kill_after);
}

void succeed(const DeviceFolder& device, const std::string& verb) {
  const auto done = run_verb(device, verb);
  INFO(verb << ": " << done.out);
  REQUIRE(done.status == 0);
}

std::string state_of(const DeviceFolder& device) {
  const auto record = fakes::slurp(device.path / "state/journal/record.json");
  const auto at = record.find("\"state\":\"");
  return at == std::string::npos ? "none"
                                 : record.substr(at + 9, record.find('"', at + 9) - at - 9);
}

/// From wherever the kill left it to the committed new release.
void finish(DeviceFolder& device) {
  for (int i = 0; i < 6; ++i) {
    REQUIRE_FALSE(device.start().empty());
    succeed(device, "boot");
    const auto state = state_of(device);
    if (state == "trial") succeed(device, "trial");
    if (state == "idle" || state == "installing" || state == "none") {
      succeed(device, "install");
      succeed(device, "trial");  // heals what an interrupted copy left
    }
    if (state_of(device) == "idle") return;
  }
  FAIL("never settles");
}

}  // namespace

TEST_CASE("SIGKILL at random moments loses nothing", "[integration][kill]") {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  std::cout << "kill: seed " << seed << "\n";
  fakes::TemporaryFolder clean_folder;
  DeviceFolder clean(factory(), clean_folder.path(), kSlot, "1.0.0");
  const auto install_time = run_verb(clean, "install").took;
  REQUIRE(clean.start() == "b");
  succeed(clean, "boot");
  const auto trial_time = run_verb(clean, "trial").took;
  REQUIRE(clean.whole_version("a") == "1.1.0");
  std::map<std::string, unsigned> outcomes;
  for (unsigned round = 0; round < rounds(); ++round) {
    fakes::TemporaryFolder folder;
    DeviceFolder device(factory(), folder.path(), kSlot, "1.0.0");
    const bool kill_install = round % 2 == 0;
    if (!kill_install) {
      succeed(device, "install");
      REQUIRE(device.start() == "b");
      succeed(device, "boot");
    }
    const auto whole = kill_install ? install_time : trial_time;
    const microseconds moment(
        std::uniform_int_distribution<long>(0, static_cast<long>(whole.count()))(random));
    const std::string verb = kill_install ? "install" : "trial";
    const auto killed = run_verb(device, verb, moment);
    const auto state = state_of(device);
    INFO("round " << round << ": " << verb << " killed after " << moment.count() << " us in "
                  << state);
    const auto up = device.start();
    REQUIRE_FALSE(up.empty());
    REQUIRE(device.whole_version(up));
    finish(device);
    CHECK(device.whole_version("b") == "1.1.0");
    CHECK(device.boot_state() == "primary=b trial=- tries=0 bad=-\n");
    CHECK(device.whole_version("a") == "1.1.0");
    ++outcomes[verb + (killed.status == -1 ? " killed in " : " was done before the kill, in ") +
               state + ", finished"];
  }
  for (const auto& [outcome, count] : outcomes) {
    std::cout << "kill: " << std::setw(3) << count << " x " << outcome << "\n";
  }
}
