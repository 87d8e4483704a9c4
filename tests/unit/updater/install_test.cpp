#include <catch2/catch.hpp>

#include "fakes/fake_device.hpp"
#include "updater/verbs.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::FakeDevice;

namespace {

fakes::ReleaseFactory two_releases() {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 1, 1});
  factory.add("1.1.0", {2, 2, 1});
  return factory;
}

Error refused(FakeDevice& fake, const InstallRequest& request = {}) {
  auto device = fake.device();
  auto done = install(device, request);
  REQUIRE_FALSE(done);
  return std::move(done).error();
}

/// Nothing half-done: no trial, the running slot as it was, and no byte of the other one changed.
void check_untouched(FakeDevice& fake) {
  CHECK(fake.disk.text("/dev/boot/state") == "primary=a trial=- tries=0 bad=-\n");
  CHECK(fake.whole_version("a") == "1.0.0");
  CHECK(fake.disk.content("/dev/slots/b") == Bytes(FakeDevice::kSlotSize, 0xff));
  CHECK_FALSE(fake.disk.has("/dev/esp/b.efi"));
  CHECK(fake.record().state == State::kIdle);
}

void flip(Bytes& bytes, std::size_t at) {
  bytes[at] ^= 1U;
}

manifest::Component& component(fakes::ReleaseFactory& factory, std::size_t number) {
  return factory.releases.at("1.1.0").release.components[number];
}

}  // namespace

TEST_CASE("install: a flipped byte is refused by name", "[updater][install]") {
  auto factory = two_releases();
  SECTION("index") {
    const auto& blob = component(factory, 0).payloads[0].index;
    flip(factory.blobs.files[to_hex(blob.sha256)], 70);
    FakeDevice fake(factory, "1.0.0");
    const auto error = refused(fake);
    CHECK(error.code() == Errc::kHashMismatch);
    CHECK_THAT(error.what(), Catch::StartsWith("payload index of component rootfs (blobs/" +
                                               to_hex(blob.sha256).substr(0, 12)));
    check_untouched(fake);
  }
  SECTION("container") {
    const auto& blob = component(factory, 1).payloads[0].container;
    flip(factory.blobs.files[to_hex(blob.sha256)], 4200);
    FakeDevice fake(factory, "1.0.0");
    const auto error = refused(fake);
    CHECK(error.code() == Errc::kHashMismatch);
    CHECK_THAT(error.what(),
               Catch::StartsWith("component uki: blobs/" + to_hex(blob.sha256).substr(0, 12)));
    CHECK(fake.disk.text("/dev/boot/state") == "primary=a trial=- tries=0 bad=b\n");
    CHECK_FALSE(fake.disk.has("/dev/esp/b.efi"));
    CHECK(fake.start() == "a");
  }
  SECTION("manifest") {
    for (auto& [path, bytes] : factory.repo.target_files) {
      if (path.find("/1.1.0/") != std::string::npos) flip(bytes, 40);
    }
    FakeDevice fake(factory, "1.0.0");
    const auto error = refused(fake);
    CHECK(error.code() == Errc::kHashMismatch);
    CHECK_THAT(error.what(), Catch::Contains("releases/gw3/1.1.0/manifest.json"));
    check_untouched(fake);
  }
}

TEST_CASE("install: a flipped byte in each metadata file names its role", "[updater][install]") {
  auto factory = two_releases();
  const auto* role = GENERATE("timestamp", "snapshot", "targets", "rel-gw3");
  for (auto& [name, bytes] : factory.repo.metadata_files) {
    if (name.find(role) != std::string::npos) flip(bytes, bytes.size() / 2);
  }
  FakeDevice fake(factory, "1.0.0");
  const auto error = refused(fake);
  INFO(error.what());
  CHECK((error.code() == Errc::kHashMismatch || error.code() == Errc::kBadSignature ||
         error.code() == Errc::kMalformed));
  CHECK_THAT(error.what(), Catch::Contains(role));
  check_untouched(fake);
}

TEST_CASE("install: rollback names both numbers", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.1.0");
  auto device = fake.device();
  CHECK(install(device, {})->end == InstallResult::End::kNothing);
  const auto error = refused(fake, {"1.0.0", DryRun::kNo});
  CHECK(error.code() == Errc::kRollback);
  CHECK_THAT(error.what(), Catch::Contains("1") && Catch::Contains("2"));
}

TEST_CASE("install: a release that is not listed", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  CHECK(refused(fake, {"9.9.9", DryRun::kNo}).code() == Errc::kNotForDevice);
  fake.config.device.product = "gw4";
  CHECK(refused(fake).code() == Errc::kNotForDevice);
  check_untouched(fake);
}

TEST_CASE("install: wrong hardware and expired metadata", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  fake.config.device.hardware = "z";
  CHECK(refused(fake).code() == Errc::kNotForDevice);
  fake.config.device.hardware = "b";
  fake.clock.time = fakes::at("2026-12-20T00:00:00Z");
  CHECK(refused(fake).code() == Errc::kExpired);
  check_untouched(fake);
}

TEST_CASE("install: a slot that is too small", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  fake.disk.put_device("/dev/slots/b", 8192, 0xff);
  const auto error = refused(fake);
  CHECK(error.code() == Errc::kNoSpace);
  CHECK(error.what() == "/dev/slots/b has 8192 bytes, component rootfs needs 10000");
  CHECK(error.hint() == "the slot of this device is too small for this release");
  CHECK(fake.disk.content("/dev/slots/b") == Bytes(8192, 0xff));
  CHECK(fake.record().state == State::kIdle);
}

TEST_CASE("install: a full file system for the boot artefact", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  REQUIRE(check(device));  // the metadata are stored before the room gets short
  std::uint64_t used = fake.disk.capacity;
  fake.disk.capacity = ~std::uint64_t{0} / 2;
  used = fake.disk.capacity - *fake.disk.free_bytes("/dev/esp");
  fake.disk.capacity = used + 4000;  // the UKI needs 5000
  const auto error = refused(fake);
  CHECK(error.code() == Errc::kNoSpace);
  CHECK_THAT(error.what(), Catch::StartsWith("/dev/esp has 4000 bytes free"));
  check_untouched(fake);
}

TEST_CASE("install: a read-only target", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  fake.disk.read_only = {"/dev/slots/b"};
  const auto error = refused(fake);
  CHECK(error.code() == Errc::kIo);
  CHECK(error.hint() == "the file system is mounted read-only");
  check_untouched(fake);
}

TEST_CASE("install: a component without a place on this device", "[updater][install]") {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 1, 1});
  auto& images = factory.add("1.1.0", {2, 1, 1});
  images.release.components[1].slot_role = manifest::SlotRole::kModel;
  images.release.components[1].install.kind = manifest::InstallKind::kFile;
  factory.repo.add_release(images.release);
  factory.repo.bump();
  FakeDevice fake(factory, "1.0.0");
  const auto error = refused(fake);
  CHECK(error.code() == Errc::kNotForDevice);
  CHECK(error.what() == "component uki (model, file) has no place on this device");
  check_untouched(fake);
}

TEST_CASE("install: flash that does not hold what was written", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  fake.disk.decay("/dev/slots/b", 5000);
  const auto error = refused(fake);
  CHECK(error.code() == Errc::kHashMismatch);
  CHECK_THAT(error.what(), Catch::Contains("component rootfs: window 1 does not read back"));
  CHECK(fake.disk.text("/dev/boot/state") == "primary=a trial=- tries=0 bad=b\n");
  CHECK(fake.record().state == State::kInstalling);
}

TEST_CASE("install: resumes at the first window that is not there", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  const auto& image = factory.releases.at("1.1.0").rootfs;
  auto partial = Bytes(FakeDevice::kSlotSize, 0xff);
  std::copy_n(image.begin(), 8192, partial.begin());
  fake.disk.put_device("/dev/slots/b", partial);
  auto device = fake.device();
  const auto done = install(device, {});
  REQUIRE(done);
  CHECK(done->totals.windows == 5);  // 3 of the root file system, 2 of the UKI
  CHECK(done->totals.present == 2);
}

TEST_CASE("install: an interrupted one is finished after the metadata expired",
          "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  fake.disk.decay("/dev/slots/b", 5000);
  REQUIRE(refused(fake).code() == Errc::kHashMismatch);
  fake.clock.time = fakes::at("2026-12-20T00:00:00Z");
  fake.disk.decay("/dev/slots/b", 1U << 20U);
  CHECK(refused(fake, {"1.0.0", DryRun::kNo}).code() == Errc::kExpired);  // not another one
  auto device = fake.device();
  const auto done = install(device, {});
  REQUIRE(done);
  CHECK(done->end == InstallResult::End::kArmed);
  CHECK(fake.whole_version("b") == "1.1.0");
}

TEST_CASE("install: a dry run changes nothing", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  const auto done = install(device, {std::nullopt, DryRun::kYes});
  REQUIRE(done);
  CHECK(done->end == InstallResult::End::kPlanned);
  CHECK(done->version == "1.1.0");
  check_untouched(fake);
}

TEST_CASE("install: armed already, on trial, and not restarted after a revert",
          "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  REQUIRE(install(device, {}));
  CHECK(install(device, {})->end == InstallResult::End::kArmed);
  factory.add("1.2.0", {3, 1, 1});
  const auto newer = refused(fake);
  CHECK(newer.code() == Errc::kBusy);
  CHECK(newer.what() == "an update to 1.1.0 is armed");
  REQUIRE(fake.start() == "b");
  REQUIRE(boot_up(device));
  const auto requests = factory.repo.requests.size();
  CHECK(refused(fake).code() == Errc::kBusy);
  CHECK(factory.repo.requests.size() == requests);  // refused before anything is asked
  REQUIRE(rollback(device));
  const auto error = refused(fake);
  CHECK(error.code() == Errc::kBusy);
  CHECK(error.what() == "slot b is running but slot a is the primary slot");
  CHECK(error.hint() == "restart the device first");
}

TEST_CASE("install: two runs at a time", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  const auto held = fake.disk.lock("/var/lock");
  REQUIRE(held);
  CHECK(refused(fake).code() == Errc::kBusy);
}

TEST_CASE("check: says what there is, and writes nothing when nothing is new",
          "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  auto device = fake.device();
  const auto first = check(device);
  REQUIRE(first);
  REQUIRE(first->release);
  CHECK(first->release->version == "1.1.0");
  fake.disk.ops = 0;
  REQUIRE(check(device));
  CHECK(fake.disk.ops == 0);
}

TEST_CASE("install: an interrupted one is not finished past bad signatures", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  fake.disk.decay("/dev/slots/b", 5000);
  REQUIRE(refused(fake).code() == Errc::kHashMismatch);
  factory.repo.signers["timestamp"] = {fakes::SigningKey("thief")};
  factory.repo.bump();
  CHECK(refused(fake).code() == Errc::kBadSignature);
  CHECK(fake.record().state == State::kInstalling);
}

TEST_CASE("install: what a killed run renamed is made durable", "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.0.0");
  const auto& uki = factory.releases.at("1.1.0").uki;
  fake.disk.put("/dev/esp/b.efi.new", uki);
  REQUIRE(fake.disk.rename("/dev/esp/b.efi.new", "/dev/esp/b.efi"));  // nobody synced
  auto device = fake.device();
  REQUIRE(install(device, {}));
  fake.disk.power_on();
  CHECK(fake.disk.content("/dev/esp/b.efi") == uki);
}

TEST_CASE("install: an index of another size, and two components for one place",
          "[updater][install]") {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 1, 1});
  auto& images = factory.add("1.1.0", {2, 1, 1});
  auto& components = images.release.components;
  SECTION("index") {
    components[0].payloads[0].container.size += 1;
    factory.repo.add_release(images.release);
    factory.repo.bump();
    FakeDevice fake(factory, "1.0.0");
    const auto error = refused(fake);
    CHECK(error.code() == Errc::kMalformed);
    CHECK_THAT(error.what(), Catch::Contains("has other sizes than the manifest"));
    check_untouched(fake);
  }
  SECTION("place") {
    components[1] = components[0];
    components[1].name = "second";
    factory.repo.add_release(images.release);
    factory.repo.bump();
    FakeDevice fake(factory, "1.0.0");
    const auto error = refused(fake);
    CHECK(error.code() == Errc::kNotForDevice);
    CHECK(error.what() == "component second has the place of another");
    check_untouched(fake);
  }
}

TEST_CASE("install: a release with nothing but deltas of another image", "[updater][install]") {
  fakes::ReleaseFactory factory;
  factory.add("1.0.0", {1, 1, 1});
  auto& images = factory.add("1.1.0", {2, 1, 1});
  auto& index = images.release.components[0].payloads[0].index;
  auto bytes = factory.blobs.files.at(to_hex(index.sha256));
  bytes[32] = 1;  // the first byte of the base image's digest (FORMAT 4.2)
  index.sha256 = sha256(bytes);
  factory.blobs.files[to_hex(index.sha256)] = bytes;
  factory.repo.add_release(images.release);
  factory.repo.bump();
  FakeDevice fake(factory, "1.0.0");
  const auto error = refused(fake);
  CHECK(error.code() == Errc::kNotForDevice);
  CHECK_THAT(error.what(), Catch::Contains("delta"));
  check_untouched(fake);
}

TEST_CASE("install: the newest release was withdrawn after it was committed",
          "[updater][install]") {
  auto factory = two_releases();
  FakeDevice fake(factory, "1.1.0");
  factory.repo.roles["rel-gw3"].targets.erase(manifest::release_path("gw3", "1.1.0"));
  factory.repo.bump();
  auto device = fake.device();
  CHECK(install(device, {})->end == InstallResult::End::kNothing);
}
