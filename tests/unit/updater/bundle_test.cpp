#include "updater/bundle.hpp"

#include <catch2/catch.hpp>

#include "fakes/bundle.hpp"
#include "fakes/fake_device.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::FakeDevice;
using manifest::BundlePart;

namespace {

const std::string kStick = "/media/stick.pawl";

/// A device without a server that works, and a stick with every blob.
struct Stick {
  fakes::ReleaseFactory factory;
  std::optional<FakeDevice> fake;

  Stick() {
    factory.add("1.0.0", {1, 1, 1});
    factory.add("1.1.0", {2, 1, 1});
    factory.add("1.2.0", {3, 1, 1});
    fake.emplace(factory, "1.0.0");
  }
  std::vector<fakes::BundleFilePart> parts(const std::string& version) {
    auto out = fakes::bundle_parts(factory.repo, factory.releases.at(version).release);
    for (const auto& [digest, bytes] : factory.blobs.files) {
      out.push_back({BundlePart::kBlob, digest, bytes});
    }
    return out;
  }
  void put(const std::vector<fakes::BundleFilePart>& parts) {
    fake->disk.put(kStick, fakes::write_bundle(parts));
  }
  Result<InstallResult> install(const InstallRequest& request = {}) {
    auto device = fake->device();
    factory.repo.broken["timestamp.json"] = Errc::kTransport;  // the server is never asked
    auto out = install_bundle(device, kStick, request);
    factory.repo.broken.clear();
    return out;
  }
};

void check_refused(Stick& stick, Errc code, const InstallRequest& request = {}) {
  const auto before = stick.fake->disk.content("/dev/slots/b");
  const auto result = stick.install(request);
  REQUIRE_FALSE(result);
  INFO(result.error().what());
  CHECK(result.error().code() == code);
  CHECK(stick.fake->disk.content("/dev/slots/b") == before);
  CHECK(stick.fake->record().state == State::kIdle);
}

}  // namespace

TEST_CASE("bundle: the release it carries is installed without a server (FORMAT 14.3.4)",
          "[updater][bundle]") {
  Stick stick;
  stick.put(stick.parts("1.1.0"));  // its metadata lists 1.2.0 too
  const auto planned = stick.install({std::nullopt, DryRun::kYes});
  REQUIRE(planned);
  CHECK(planned->end == InstallResult::End::kPlanned);
  const auto done = stick.install();
  INFO((done ? "ok" : done.error().what()));
  REQUIRE(done);
  CHECK(done->end == InstallResult::End::kArmed);
  CHECK(done->version == "1.1.0");
  CHECK(stick.fake->start() == "b");
  CHECK(stick.fake->whole_version("b") == "1.1.0");
}

TEST_CASE("bundle: what a device refuses from a server it refuses from a stick (FORMAT 14.3.1)",
          "[updater][bundle]") {
  Stick stick;
  SECTION("another version than the one asked for") {
    stick.put(stick.parts("1.1.0"));
    check_refused(stick, Errc::kUsage, {"1.2.0"});
  }
  SECTION("another product") {
    auto parts = stick.parts("1.1.0");
    for (auto& part : parts) {
      if (part.part == BundlePart::kTarget) part.name.replace(9, 3, "gw4");
    }
    stick.put(parts);
    check_refused(stick, Errc::kNotForDevice);
  }
  SECTION("a missing payload") {
    auto parts = stick.parts("1.1.0");
    const auto& release = stick.factory.releases.at("1.1.0").release;
    const auto index = to_hex(release.components[0].payloads[0].index.sha256);
    std::erase_if(parts, [&](const auto& part) { return part.name == index; });
    stick.put(parts);
    check_refused(stick, Errc::kTransport);
  }
  SECTION("a payload of another length") {
    auto parts = stick.parts("1.1.0");
    const auto& release = stick.factory.releases.at("1.1.0").release;
    const auto index = to_hex(release.components[0].payloads[0].index.sha256);
    for (auto& part : parts) {
      if (part.name == index) part.bytes.push_back(0);
    }
    stick.put(parts);
    check_refused(stick, Errc::kHashMismatch);
  }
  SECTION("a manifest that is not the listed one") {
    auto parts = stick.parts("1.1.0");
    for (auto& part : parts) {
      if (part.part == BundlePart::kTarget) part.bytes.back() = ' ';
    }
    stick.put(parts);
    check_refused(stick, Errc::kHashMismatch);
  }
  SECTION("metadata that has expired") {
    stick.put(stick.parts("1.1.0"));
    stick.fake->clock.time = fakes::at("2026-12-20T00:00:00Z");
    check_refused(stick, Errc::kOffline);
  }
}

TEST_CASE("bundle: a window that was changed on the stick stops the install (FORMAT 14.3.1)",
          "[updater][bundle]") {
  Stick stick;
  auto parts = stick.parts("1.1.0");
  const auto& release = stick.factory.releases.at("1.1.0").release;
  const auto container = to_hex(release.components[0].payloads[0].container.sha256);
  for (auto& part : parts) {
    if (part.name == container) part.bytes[part.bytes.size() / 2] ^= 1U;
  }
  stick.put(parts);
  const auto result = stick.install();
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == Errc::kHashMismatch);
  CHECK(stick.fake->start() == "a");
}

TEST_CASE("bundle: an older release on a stick is a rollback, the running one is nothing to do",
          "[updater][bundle]") {
  Stick stick;
  stick.put(stick.parts("1.2.0"));
  REQUIRE(stick.install());
  REQUIRE(stick.fake->start() == "b");
  {
    auto device = stick.fake->device();
    REQUIRE(boot_up(device));
    REQUIRE(trial(device));
  }
  const auto again = stick.install();
  REQUIRE(again);
  CHECK(again->end == InstallResult::End::kNothing);
  stick.put(stick.parts("1.1.0"));
  const auto older = stick.install();
  REQUIRE_FALSE(older);
  CHECK(older.error().code() == Errc::kRollback);
  CHECK(older.error().attack() == "rollback");
}

TEST_CASE(
    "bundle: an install that was authorised is finished after the bundle's time "
    "(FORMAT 14.3.4)",
    "[updater][bundle]") {
  for (unsigned cut = 20; cut < 200; cut += 5) {
    Stick stick;
    stick.put(stick.parts("1.1.0"));
    stick.fake->disk.ops_left = cut;
    REQUIRE_FALSE(stick.install());
    stick.fake->disk.power_on();
    stick.fake->disk.ops_left = fakes::FakeDisk::kNoCut;
    REQUIRE(stick.fake->start() == "a");
    if (stick.fake->record().state != State::kInstalling) continue;
    if (!stick.fake->disk.has("/var/installed/b.manifest.json")) continue;
    stick.fake->clock.time = fakes::at("2026-12-20T00:00:00Z");
    const auto done = stick.install();
    INFO((done ? "ok" : done.error().what()));
    REQUIRE(done);
    CHECK(stick.fake->start() == "b");
    return;
  }
  FAIL("no cut left an unfinished install");
}
