#include "bootloader-hooks/systemd_boot.hpp"

#include <catch2/catch.hpp>

#include "fakes/fake_device.hpp"
#include "updater/verbs.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::FakeDevice;

namespace {

const std::string kEntries = "/efi/loader/entries";
const std::string kUkis = "/efi/EFI/pawl/";

/// The device of FakeDevice, started by systemd-boot from an ESP.
class EspDevice {
 public:
  explicit EspDevice(fakes::ReleaseFactory& factory)
      : fake(factory, "1.0.0"), boot(fake.disk, {"/efi", "/efivars/selected", "/proc/boot_id"}) {
    fake.disk.put(kUkis + "a.efi", factory.releases.at("1.0.0").uki);
    fake.disk.put(kUkis + "b.efi", old_uki());
    fake.disk.put(kEntries + "/pawl_4_a.conf", boot::systemd_boot_entry(Slot::kA));
    fake.disk.put(kEntries + "/pawl_3_b.conf", boot::systemd_boot_entry(Slot::kB));
    started("pawl_4_a.conf");
  }
  /// What the loader leaves behind when it starts an entry.
  void started(const std::string& name) {
    Bytes variable{6, 0, 0, 0};
    for (const char c : name) {
      variable.push_back(static_cast<std::uint8_t>(c));
      variable.push_back(0);
    }
    variable.insert(variable.end(), {0, 0});
    fake.disk.put("/efivars/selected", variable);
    fake.disk.put("/proc/boot_id", "boot-" + name.substr(5, 1) + "\n");
  }
  [[nodiscard]] Device device() {
    return {fake.config,  {"/var"},   fake.disk,           boot,
            fake.sealing, fake.clock, fake.factory().repo, fake.factory().blobs,
            fake.health,  fake.host,  fake.hooks,          fake.progress,
            fake.log};
  }
  [[nodiscard]] std::vector<std::string> names() { return *fake.disk.list(kEntries); }

  FakeDevice fake;
  boot::SystemdBoot boot;

 private:
  static Bytes old_uki() { return fakes::ReleaseFactory::pattern("old", 3000); }
};

}  // namespace

TEST_CASE("systemd-boot: an install, a trial and a commit by names on the ESP", "[updater][esp]") {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 1, 1});
  factory.add("1.1.0", {2, 2, 2});
  EspDevice esp(factory);
  auto device = esp.device();
  REQUIRE(install(device, {}));
  using Names = std::vector<std::string>;
  CHECK(esp.names() == Names{"pawl_4_a.conf", "pawl_5_b+3.conf"});
  CHECK(esp.fake.disk.content(kUkis + "b.efi") == factory.releases.at("1.1.0").uki);
  REQUIRE(esp.fake.disk.rename(kEntries + "/pawl_5_b+3.conf", kEntries + "/pawl_5_b+2-1.conf"));
  esp.started("pawl_5_b+3.conf");
  REQUIRE(boot_up(device));
  const auto judged = trial(device);
  REQUIRE(judged);
  CHECK(judged->end == TrialResult::End::kCommitted);
  CHECK(judged->healed);  // 1.1.0 lifts the floor above 1.0.0
  CHECK(esp.names() == Names{"pawl_4_a.conf", "pawl_5_b.conf"});
  CHECK(esp.fake.disk.content(kUkis + "a.efi") == factory.releases.at("1.1.0").uki);
}
