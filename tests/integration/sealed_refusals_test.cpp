// When the TPM is not taken into use, and when the sealed state is not moved: each refusal by its
// own name, with nothing changed.
#include <catch2/catch.hpp>

#include "tests/fakes/sealed_device.hpp"
#include "tpm/event_log.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::code;
using fakes::fault;
using fakes::SealedDevice;
using tpm::Fault;

namespace {

fakes::MeasuredFactory& factory() {
  static fakes::MeasuredFactory made = [] {
    fakes::MeasuredFactory out;
    out.rootfs_size = 5000;
    out.add("1.0.0", {1, 5, 5});
    out.add("1.1.0", {2, 7, 7});
    return out;
  }();
  return made;
}

Result<ProvisionResult> first_provision(SealedDevice& fake) {
  fake.seal.close();
  auto device = fake.tpm_device();
  auto out = provision(device, {});
  fake.seal.close();
  return out;
}
bool has_owner(SealedDevice& fake) {
  fake.seal.close();
  auto context = fake.machine.connect();
  return context->permanent()->owner_auth_set;
}
Record installing(const std::string& version) {
  const auto& release = factory().releases.at(version).release;
  Record out;
  out.state = State::kInstalling;
  out.target = Slot::kB;
  out.release = ReleaseId::of(release, sha256(as_bytes(release.serialise())));
  return out;
}

}  // namespace

TEST_CASE("provision: refused before the TPM is told anything", "[sealed][swtpm][refusals]") {
  struct Row {
    const char* why;
    void (*change)(SealedDevice&);
    Errc code;
  };
  const auto row = GENERATE(values<Row>({
      {"no TPM in the configuration", [](auto& d) { d.config.tpm.reset(); }, Errc::kConfig},
      {"another slot is the primary one",
       [](auto& d) { d.disk.put("/dev/boot/state", "primary=b trial=- tries=0 bad=-\n"); },
       Errc::kBusy},
      {"an update is under way",
       [](auto& d) { d.disk.put("/var/journal/record.json", installing("1.1.0").format()); },
       Errc::kBusy},
      {"firmware with more events than a record holds",
       [](auto& d) {
         d.drivers = DeviceRecord::kMaxFirmware;
         d.measure("a");
       },
       Errc::kTooLarge},
  }));
  INFO(row.why);
  SealedDevice fake(factory(), "1.0.0");
  row.change(fake);
  CHECK(code(first_provision(fake)) == row.code);
  CHECK_FALSE(has_owner(fake));
  CHECK_FALSE(fake.disk.has("/var/seal/records.blob"));
}

TEST_CASE("provision: no more of an event log is read than a log may have",
          "[sealed][swtpm][refusals]") {
  SealedDevice fake(factory(), "1.0.0");
  fake.disk.put(fakes::kLog, Bytes(tpm::kMaxEventLog * 2));
  fake.disk.readable[fakes::kLog] = tpm::kMaxEventLog + tpm::kMaxEventLog / 2;
  CHECK(code(first_provision(fake)) == Errc::kTooLarge);  // and not kIo
  CHECK_FALSE(has_owner(fake));
}

TEST_CASE("provision: a TPM whose owner is not this device is left alone",
          "[sealed][swtpm][refusals]") {
  SealedDevice fake(factory(), "1.0.0");
  REQUIRE(first_provision(fake));
  REQUIRE(fake.disk.remove("/var/seal/srk.name"));
  const auto refused = first_provision(fake);
  CHECK(fault(refused) == Fault::kAuth);
  CHECK_FALSE(refused.error().hint().empty());
}

TEST_CASE("A pinned name that is none opens nothing", "[sealed][swtpm][refusals]") {
  SealedDevice fake(factory(), "1.0.0");
  REQUIRE(first_provision(fake));
  auto name = fake.disk.content("/var/seal/srk.name");
  name.pop_back();
  fake.disk.put("/var/seal/srk.name", name);
  CHECK(fault(fake.seal.open(Slot::kA)) == Fault::kTampered);
  REQUIRE(fake.disk.remove("/var/seal/srk.name"));
  CHECK(fault(fake.seal.open(Slot::kA)) == Fault::kNotProvisioned);
}

TEST_CASE("The cell is not pointed at a slot that it does not allow", "[sealed][swtpm][refusals]") {
  SealedDevice fake(factory(), "1.0.0");
  REQUIRE(first_provision(fake));
  REQUIRE(fake.seal.open(Slot::kA));
  CHECK(fault(fake.seal.withdraw(Slot::kB, std::nullopt)) == Fault::kTampered);
  fake.seal.close();
  CHECK(fake.opens("a", "1.0.0").empty());
}

TEST_CASE("A slot that was given up is told to restart", "[sealed][swtpm][refusals]") {
  SealedDevice fake(factory(), "1.0.0");
  REQUIRE(first_provision(fake));
  auto device = fake.tpm_device();
  REQUIRE(install(device, {"1.1.0", DryRun::kNo}));
  REQUIRE(fake.start() == "b");
  REQUIRE(boot_up(device));
  REQUIRE(fake.seal.withdraw(Slot::kA, std::nullopt));
  fake.seal.close();
  const auto refused = fake.seal.open(Slot::kB);
  REQUIRE(fault(refused) == Fault::kPolicyRefused);
  CHECK(refused.error().hint() == "restart the device");
  CHECK_THAT(refused.error().what(), Catch::Contains("opens in slot a alone"));
}

TEST_CASE("Without a device record the sealed state opens and is not moved",
          "[sealed][swtpm][refusals]") {
  SealedDevice fake(factory(), "1.0.0");
  REQUIRE(first_provision(fake));
  REQUIRE(fake.disk.remove("/var/device.json"));
  REQUIRE(fake.seal.open(Slot::kA));
  const auto& release = factory().releases.at("1.1.0").release;
  const auto text = release.serialise();
  fake.disk.put("/var/installed/b.manifest.json", text);
  const auto id = ReleaseId::of(release, sha256(as_bytes(text)));
  CHECK(fault(fake.seal.stage(Slot::kB, id)) == Fault::kTampered);
  CHECK(fault(fake.seal.floor()) == Fault::kTampered);
  CHECK(fault(fake.seal.raise_floor(SecurityVersion(6))) == Fault::kTampered);
  fake.seal.close();
  CHECK(fake.opens("a", "1.0.0").empty());
}
