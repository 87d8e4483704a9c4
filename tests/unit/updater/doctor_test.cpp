#include "updater/doctor.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "fakes/fake_device.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::FakeDevice;
using Verdict = Finding::Verdict;

namespace {

fakes::ReleaseFactory& one_release() {
  static fakes::ReleaseFactory made = [] {
    fakes::ReleaseFactory out;
    out.add("1.0.0", {1, 1, 1});
    return out;
  }();
  return made;
}

/// A device with which nothing is wrong.
struct Sound : FakeDevice {
  Sound() : FakeDevice(one_release(), "1.0.0") {
    config.build_epoch = fakes::at("2026-11-01T00:00:00Z");
    config.health.directory = "/etc/health.d";
    config.boot.reboot = "/sbin/reboot";
    config.repository = "/repo";
    disk.put("/etc/health.d/10-check", "");
    disk.make_durable("/repo");
  }
  Result<std::string> id = std::string("spiffe://example.org/device/d1");

  std::vector<Finding> findings() {
    auto made = device();
    return examine(made, [this]() -> Result<std::string> {
      if (id) return *id;
      return fail(id.error().code(), id.error().what());
    });
  }
  Finding finding(const std::string& subject) {
    const auto all = findings();
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const Finding& one) { return one.subject == subject; });
    REQUIRE(at != all.end());
    return *at;
  }
};

struct Row {
  const char* subject;
  void (*spoil)(Sound&);
  Verdict verdict;
  Errc code;  // of a fault
  const char* text;
};

}  // namespace

TEST_CASE("doctor: nothing is wrong with a sound device but what it does not have",
          "[updater][doctor]") {
  Sound device;
  const auto before = device.disk.ops;
  const auto all = device.findings();
  CHECK(device.disk.ops == before);  // no durable operation
  CHECK(all.size() == 13);
  for (const auto& one : all) {
    INFO(one.subject << ": " << one.text);
    CHECK(one.verdict == Verdict::kGood);
    CHECK(one.hint.empty());
    CHECK_FALSE(one.text.empty());
  }
}

TEST_CASE("doctor: each fault is named, with what an update would fail with", "[updater][doctor]") {
  const auto row =
      GENERATE(Row{"trust", [](Sound& d) { d.config.trust_root = "/none"; }, Verdict::kFault,
                   Errc::kIo, "/none"},
               Row{"trust", [](Sound& d) { d.disk.put("/etc/root.json", "{}"); }, Verdict::kFault,
                   Errc::kMalformed, "/etc/root.json"},
               Row{"clock",
                   [](Sound& d) { d.clock.time = UtcTime{}; },
                   Verdict::kWarning,
                   {},
                   "1970-01-01T00:00:00Z, before the image was built"},
               Row{"clock",
                   [](Sound& d) { d.config.build_epoch = UtcTime{}; },
                   Verdict::kWarning,
                   {},
                   "nothing says that it cannot be"},
               Row{"loader", [](Sound& d) { d.disk.put("/dev/run/booted", "slot=c\n"); },
                   Verdict::kFault, Errc::kBootloader, ""},
               Row{"loader", [](Sound& d) { d.disk.put("/dev/boot/state", "primary=\n"); },
                   Verdict::kFault, Errc::kBootloader, ""},
               Row{"watchdog",
                   [](Sound& d) { d.host.dog = Watchdog::kNone; },
                   Verdict::kWarning,
                   {},
                   "there is no hardware watchdog"},
               Row{"watchdog",
                   [](Sound& d) { d.host.dog = Watchdog::kIdle; },
                   Verdict::kWarning,
                   {},
                   "no hardware watchdog is armed"},
               Row{"slot a", [](Sound& d) { d.config.slots[0].rootfs = "/dev/none"; },
                   Verdict::kFault, Errc::kIo, "/dev/none"},
               Row{"slot b", [](Sound& d) { d.disk.read_only = {"/dev/slots/b"}; }, Verdict::kFault,
                   Errc::kIo, "/dev/slots/b"},
               Row{"slot b", [](Sound& d) { d.host.uses["/dev/slots/b"] = "mounted at /srv"; },
                   Verdict::kFault, Errc::kBusy, "in use: mounted at /srv"},
               Row{"slot b", [](Sound& d) { d.host.same["/dev/slots/b"] = "/dev/slots/a"; },
                   Verdict::kFault, Errc::kConfig, "lead to one place"},
               Row{"slot b", [](Sound& d) { d.config.slots[1].uki = "/none/b.efi"; },
                   Verdict::kFault, Errc::kIo, "/none is not there"},
               Row{"state", [](Sound& d) { d.disk.capacity = std::uint64_t{1} << 20U; },
                   Verdict::kFault, Errc::kNoSpace, "/var has"},
               Row{"journal",
                   [](Sound& d) {
                     (void)static_cast<bool>(d.disk.remove("/var/installed/a.manifest.json"));
                   },
                   Verdict::kWarning,
                   {},
                   "not known which release runs"},
               Row{"health", [](Sound& d) { d.host.not_executable = {"/etc/health.d/10-check"}; },
                   Verdict::kFault, Errc::kConfig, "/etc/health.d has no executable health check"},
               Row{"health", [](Sound& d) { d.config.health.directory = "/none"; }, Verdict::kFault,
                   Errc::kConfig, "/none has no executable"},
               Row{"restart",
                   [](Sound& d) { d.config.boot.reboot.reset(); },
                   Verdict::kWarning,
                   {},
                   "no program restarts"},
               Row{"restart", [](Sound& d) { d.host.not_executable = {"/sbin/reboot"}; },
                   Verdict::kFault, Errc::kConfig, "/sbin/reboot of [boot] reboot"},
               Row{"server", [](Sound& d) { d.config.repository = "/none"; }, Verdict::kFault,
                   Errc::kIo, "/none is not there"});
  Sound device;
  row.spoil(device);
  const auto found = device.finding(row.subject);
  INFO(row.subject << ": " << found.text);
  CHECK(found.verdict == row.verdict);
  if (row.verdict == Verdict::kFault) CHECK(found.code == row.code);
  if (row.verdict == Verdict::kWarning) CHECK_FALSE(found.hint.empty());
  CHECK_THAT(found.text, Catch::Contains(row.text));
}

TEST_CASE("doctor: who the device is to its server, and what it runs on", "[updater][doctor]") {
  Sound device;
  device.config.server.emplace(
      Config::Server{*http::Origin::parse("https://127.0.0.1:1"),
                     *identity::SpiffeId::parse("spiffe://example.org/distributor")});
  CHECK_THAT(device.finding("server").text, Catch::Contains("spiffe://example.org/device/d1"));
  device.id = fail(Errc::kExpired, "the SVID has expired");
  CHECK(device.finding("server").code == Errc::kExpired);
  device.host.charge = 12;
  CHECK(device.finding("power").text == "on battery, 12 percent");
}
