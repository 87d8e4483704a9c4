// The real updater over a TPM emulator: what opens, what is refused, and what forging files gains.
#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "base/random.hpp"
#include "sealing/blob.hpp"
#include "sealing/handover.hpp"
#include "sealing/records.hpp"
#include "tests/fakes/sealed_device.hpp"
#include "tests/fakes/ticket.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::code;
using fakes::fault;
using fakes::SealedDevice;
using tpm::Fault;

namespace {

const std::string kJournal = "/var/journal/record.json";
const std::string kFloors = "/var/journal/floors.json";
const std::string kDevice = "/var/device.json";

/// 1.1.0 lifts the floor above 1.0.0; 1.2.0 never becomes healthy in these tests.
fakes::MeasuredFactory& factory() {
  static fakes::MeasuredFactory made = [] {
    fakes::MeasuredFactory out;
    out.add("1.0.0", {1, 5, 5});
    out.add("1.1.0", {2, 7, 7});
    out.add("1.2.0", {3, 8, 7});
    return out;
  }();
  return made;
}

struct Provisioned {
  SealedDevice fake{factory(), "1.0.0"};

  /// One run of the program: its connection to the TPM ends with it.
  template <class F>
  auto run(F verb) {
    fake.seal.close();
    auto device = fake.tpm_device();
    auto out = verb(device);
    fake.seal.close();
    return out;
  }
  Provisioned() {
    const auto done = run([](Device& d) { return provision(d, {}); });
    if (!done) FAIL(done.error().what());
    REQUIRE(done->end == ProvisionResult::End::kDone);
  }
  Result<InstallResult> install(const std::string& version) {
    return run([&](Device& d) { return updater::install(d, {version, DryRun::kNo}); });
  }
  Result<BootResult> boot() {
    return run([](Device& d) { return boot_up(d); });
  }
  Result<TrialResult> trial() {
    return run([](Device& d) { return updater::trial(d); });
  }
  Result<StatusResult> status() {
    return run([](Device& d) { return updater::status(d); });
  }
  void start_trial(const std::string& version) {
    const auto armed = install(version);
    if (!armed) FAIL(armed.error().what());
    REQUIRE(fake.start() == "b");
    const auto booted = boot();
    if (!booted) FAIL(booted.error().what());
    REQUIRE(booted->state == State::kTrial);
  }
  void commit_next() {
    start_trial("1.1.0");
    const auto done = trial();
    if (!done) FAIL(done.error().what());
    REQUIRE(done->end == TrialResult::End::kCommitted);
  }
  [[nodiscard]] tpm::CellContent cell() {
    fake.seal.close();
    auto context = fake.machine.connect();
    auto found = tpm::PolicyCell::attach(*context, srk());
    if (!found) FAIL(found.error().what());
    return *found->cell();
  }
  [[nodiscard]] tpm::Name srk() const {
    tpm::Name out;
    const auto bytes = fake.disk.content("/var/seal/srk.name");
    std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
    return out;
  }
};

}  // namespace

TEST_CASE("provision seals to the running release, once (FORMAT 5.8.2)", "[sealed][swtpm]") {
  Provisioned d;
  CHECK(d.fake.disk.has("/var/seal/records.blob"));
  CHECK(d.fake.disk.has("/var/seal/recovery-1.wrap"));
  CHECK(d.fake.disk.text(kDevice).starts_with("pawl-record-v1 "));  // FORMAT 8.4.1
  CHECK(sealing::read_handover(d.fake.disk, fakes::kCell)->text.branches.size() == 1);
  const auto again = d.run([](Device& dev) { return provision(dev, {}); });
  REQUIRE(again);
  CHECK(again->end == ProvisionResult::End::kNothing);
  CHECK(again->floor == SecurityVersion(5));
  CHECK_FALSE(d.fake.disk.has("/var/seal/recovery-2.wrap"));
  const auto shown = d.status();
  REQUIRE(shown);
  CHECK(shown->floor_kind == "tpm");
  CHECK(shown->floors.security_version == SecurityVersion(5));
  CHECK(shown->closed.empty());
}

TEST_CASE("An update moves the sealed state in one journal with the slot", "[sealed][swtpm]") {
  Provisioned d;
  REQUIRE(d.install("1.1.0"));
  CHECK(d.fake.opens("a", "1.0.0").empty());
  CHECK(d.fake.opens("b", "1.1.0").empty());
  CHECK(d.fake.opens("b", "1.2.0") == "tampered");  // no slot explains that boot
  REQUIRE(d.fake.start() == "b");
  REQUIRE(d.boot());
  CHECK(sealing::read_handover(d.fake.disk, fakes::kCell)->text.branches.size() == 2);
  REQUIRE(d.trial()->end == TrialResult::End::kCommitted);
  CHECK(d.fake.opens("b", "1.1.0").empty());
  CHECK_FALSE(d.fake.opens("a", "1.0.0").empty());
  CHECK(d.status()->floors.security_version == SecurityVersion(7));
  CHECK(d.fake.whole_version("a") == "1.1.0");  // healed: below the floor nothing is left
}

TEST_CASE("A revert leaves the state where it was", "[sealed][swtpm]") {
  Provisioned d;
  d.start_trial("1.2.0");
  d.fake.health.problem = "sick";
  REQUIRE(d.trial()->end == TrialResult::End::kReverted);
  CHECK_FALSE(d.fake.disk.has(fakes::kCell));  // this slot opens nothing any more
  CHECK(d.fake.opens("b", "1.2.0") == "policy_refused");
  REQUIRE(d.fake.start() == "a");
  REQUIRE(d.boot());
  CHECK(d.fake.opens("a", "1.0.0").empty());
  CHECK(d.status()->floors.security_version == SecurityVersion(5));
}

TEST_CASE("A trial that cannot open the state is given up by the loader alone", "[sealed][swtpm]") {
  Provisioned d;
  d.start_trial("1.1.0");
  auto tpm = d.fake.machine.connect();
  fakes::extend(*tpm, 4, sha256(as_bytes("a second image")));
  CHECK(fault(d.boot()) == Fault::kTampered);
  const auto judged = d.trial();
  REQUIRE(judged);
  CHECK(judged->end == TrialResult::End::kReverted);
  REQUIRE(d.fake.start() == "a");
  REQUIRE(d.boot());
  CHECK(d.fake.shown_record().last->ending == Ending::kReverted);
  CHECK(d.fake.opens("a", "1.0.0").empty());
}

TEST_CASE("What cannot be predicted is not staged, and the event is named", "[sealed][swtpm]") {
  Provisioned d;
  const auto before = d.cell();
  SECTION("a driver that firmware loaded") {
    d.fake.surprise = true;  // an event in PCR 2 that nobody approved, in log and PCR
    REQUIRE(d.fake.start() == "a");
    CHECK(fault(d.install("1.1.0")) == Fault::kTampered);  // such a boot opens nothing at all
  }
  SECTION("an event that the approved list lacks") {
    // Authentic, but approved for another machine: made by the device itself.
    REQUIRE(d.fake.seal.open(Slot::kA));
    auto record = *DeviceRecord::parse(
        as_text(**d.fake.seal.accept(kDeviceRecord, d.fake.disk.content(kDevice))));
    record.firmware.pop_back();
    d.fake.disk.put(kDevice, *d.fake.seal.protect(kDeviceRecord, as_bytes(record.format())));
    const auto refused = d.install("1.1.0");
    CHECK(fault(refused) == Fault::kUnknownEvent);
    CHECK_THAT(refused.error().what(), Catch::Contains("PCR"));
  }
  CHECK(d.cell() == before);
}

TEST_CASE("A release that cannot be sealed to leaves the cell as it is (FORMAT 8.3.4)",
          "[sealed][swtpm]") {
  struct Row {
    const char* why;
    void (*change)(manifest::Release&);
    Fault fault;
  };
  const auto row = GENERATE(values<Row>({
      {"no verity", [](auto& r) { r.components[0].verity_root.reset(); }, Fault::kUnpredictable},
      {"no boot record", [](auto& r) { r.measurements.clear(); }, Fault::kUnpredictable},
      {"no PCR 11", [](auto& r) { r.measurements[0].pcr11.reset(); }, Fault::kUnpredictable},
      {"out of reach", [](auto& r) { r.security_version = SecurityVersion(70); }, Fault::kCounter},
  }));
  INFO(row.why);
  Provisioned d;
  const auto before = d.cell();
  auto release = factory().releases.at("1.1.0").release;
  row.change(release);
  const auto text = release.serialise();
  const auto id = ReleaseId::of(release, sha256(as_bytes(text)));
  d.fake.disk.put("/var/installed/b.manifest.json", text);
  REQUIRE(d.fake.seal.open(Slot::kA));
  CHECK(fault(d.fake.seal.stage(Slot::kB, id)) == row.fault);
  auto other = id;
  other.manifest = sha256(as_bytes("another manifest"));
  CHECK(code(d.fake.seal.stage(Slot::kB, other)) == Errc::kHashMismatch);
  CHECK(code(d.fake.seal.stage(Slot::kA, id)) == Errc::kInternal);
  CHECK(code(d.fake.seal.commit(Slot::kB, id)) == Errc::kInternal);
  CHECK(d.cell() == before);
}

TEST_CASE("Forged records change nothing and the device goes on running", "[sealed][swtpm]") {
  struct Row {
    const char* why;
    std::string path;
    void (*forge)(Provisioned&, const std::string&);
    Errc install;
  };
  static const auto flip = [](Provisioned& d, const std::string& path) {
    auto bytes = d.fake.disk.content(path);
    bytes[bytes.size() - 3] ^= 1U;
    d.fake.disk.put(path, bytes);
  };
  static const auto plain = [](Provisioned& d, const std::string& path) {
    const auto bytes = d.fake.disk.content(path);
    d.fake.disk.put(path, sealing::unverified_payload(bytes));
  };
  static const auto gone = [](Provisioned& d, const std::string& path) {
    REQUIRE(d.fake.disk.remove(path));
  };
  const auto row = GENERATE(values<Row>({
      {"journal, one bit", kJournal, flip, Errc{}},  // counts as idle
      {"journal without head", kJournal, plain, Errc{}},
      {"floors, one bit", kFloors, flip, Errc::kTpm},
      {"floors without head", kFloors, plain, Errc::kTpm},
      {"floors removed", kFloors, gone, Errc::kTpm},
      {"device record, one bit", kDevice, flip, Errc::kTpm},
      {"device record without head", kDevice, plain, Errc::kTpm},
      {"device record removed", kDevice, gone, Errc::kTpm},
  }));
  INFO(row.why);
  Provisioned d;
  const auto before = d.cell();
  row.forge(d, row.path);
  REQUIRE(d.fake.start() == "a");
  REQUIRE(d.boot());
  REQUIRE(d.trial());
  const auto shown = d.status();
  REQUIRE(shown);
  CHECK(shown->closed.empty());
  CHECK(shown->floors_problem.empty() == (row.install == Errc{}));
  CHECK(d.cell() == before);
  const auto installed = d.install("1.1.0");
  CHECK(code(installed) == row.install);
  if (row.install == Errc::kTpm) {
    CHECK(fault(installed) == Fault::kTampered);
    CHECK(d.cell() == before);
  }
}

TEST_CASE("A stored manifest with a lower security version lowers no floor (FORMAT 5.8.3)",
          "[sealed][swtpm]") {
  Provisioned d;
  const auto before = d.cell();
  auto release = factory().releases.at("1.0.0").release;
  release.security_version = SecurityVersion(3);  // limit less 3 is a base that fits the cell too
  release.min_security_version = SecurityVersion(3);
  d.fake.disk.put("/var/installed/a.manifest.json", release.serialise());
  REQUIRE(d.fake.start() == "a");
  REQUIRE(d.boot());
  CHECK_FALSE(d.status()->floors_problem.empty());
  CHECK(fault(d.install("1.1.0")) == Fault::kTampered);
  CHECK(d.cell() == before);
}

TEST_CASE("A record key that somebody else sealed is refused", "[sealed][swtpm]") {
  Provisioned d;
  Provisioned other;
  const auto before = d.cell();
  // Sealed under the same public policy by this very TPM, as anyone can.
  auto context = d.fake.machine.connect();
  auto cell = tpm::PolicyCell::attach(*context, d.srk());
  const auto blob = cell->seal(*SecretBytes::copy_of(Bytes(32, 0x77)));
  d.fake.disk.put("/var/seal/records.blob", sealing::serialise(*blob));
  context = fail(Errc::kTpm, "closed");
  CHECK(fault(d.boot()) == Fault::kTampered);
  CHECK_FALSE(d.status()->closed.empty());
  CHECK(d.cell() == before);
  // And one of another TPM.
  d.fake.disk.put("/var/seal/records.blob", other.fake.disk.content("/var/seal/records.blob"));
  CHECK(fault(d.boot()) == Fault::kForeign);
}

TEST_CASE("Floors of before the last commit are refused", "[sealed][swtpm]") {
  Provisioned d;
  const auto old = d.fake.disk.content(kFloors);
  d.commit_next();
  const auto fresh = d.fake.disk.content(kFloors);
  d.fake.disk.put(kFloors, old);
  CHECK(code(d.install("1.2.0")) == Errc::kRollback);
  d.fake.disk.put(kFloors, fresh);
  CHECK(d.install("1.2.0"));
}

TEST_CASE("A used ticket does not come back with an older floors record (FORMAT 15.3.4)",
          "[sealed][swtpm][ticket]") {
  fakes::MeasuredFactory own;
  own.add("1.0.0", {1, 5, 5});
  own.add("1.1.0", {2, 5, 5});
  fakes::make_development(own.repo);
  SealedDevice fake(own, "1.1.0");
  auto device = fake.tpm_device();
  REQUIRE(provision(device, {}));
  SystemRandom random;
  const auto asked = override_request(device, random);
  REQUIRE(asked);
  const auto file =
      fakes::signed_ticket(fakes::ticket_for(own.repo, *asked, own.releases.at("1.0.0").release));
  const InstallRequest request{"1.0.0", DryRun::kNo, std::nullopt, file};
  const auto before = fake.disk.content(kFloors);
  const auto done = install(device, request);
  if (!done) FAIL(done.error().what());
  REQUIRE(rollback(device));
  const auto after = fake.disk.content(kFloors);
  CHECK(code(install(device, request)) == Errc::kRollback);  // the record says that it was used
  fake.seal.close();
  fake.disk.put(kFloors, before);  // it waits for the ticket, and the TPM knows better
  const auto replayed = install(device, request);
  REQUIRE_FALSE(replayed);
  CHECK(replayed.error().code() == Errc::kRollback);
  CHECK_THAT(replayed.error().what(), Catch::Contains("floors"));
  CHECK_THAT(fake.disk.text(kJournal), Catch::Contains("\"state\":\"idle\""));
  fake.seal.close();
  fake.disk.put(kFloors, after);
  CHECK(override_request(device, random));
}

TEST_CASE("Deleting the metadata store does not let old signed metadata in", "[sealed][swtpm]") {
  fakes::MeasuredFactory own;
  own.add("1.0.0", {1, 5, 5});
  auto old_repo = own.repo;
  own.add("1.1.0", {2, 7, 7});
  SealedDevice fake(own, "1.0.0");
  auto device = fake.tpm_device();
  REQUIRE(provision(device, {}));
  REQUIRE(check(device));
  const auto names = fake.disk.list("/var/tuf");
  REQUIRE(names);
  for (const auto& name : *names) {
    REQUIRE(fake.disk.remove("/var/tuf/" + name));
  }
  Device again{device.config, device.dir,      device.disk,  device.boot,   device.sealing,
               device.clock,  old_repo,        device.blobs, device.health, device.host,
               device.hooks,  device.progress, device.log};
  const auto refused = check(again);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kRollback);
}

TEST_CASE("A cleared TPM does not lower the floor", "[sealed][swtpm]") {
  Provisioned d;
  d.commit_next();
  d.fake.seal.close();
  REQUIRE(d.fake.machine.tools("tpm2_clear -c p") == 0);
  CHECK(fault(d.boot()) == Fault::kCleared);
  CHECK(fault(d.install("1.2.0")) == Fault::kCleared);
  // The attacker offers the old release after provisioning anew: the registry remembers 7.
  const ProvisionRequest request{SecurityVersion(7), Unmeasured::kRefuse, DryRun::kNo};
  const auto done = d.run([&](Device& dev) { return provision(dev, request); });
  if (!done) FAIL(done.error().what());
  CHECK(done->floor == SecurityVersion(7));
  CHECK(code(d.install("1.0.0")) == Errc::kRollback);
  // And with the old release running from the start, the floor of the registry refuses.
  SealedDevice fresh(factory(), "1.0.0");
  auto device = fresh.tpm_device();
  CHECK(code(provision(device, request)) == Errc::kRollback);
}

TEST_CASE("A cell that allows more than the journal explains is pointed back", "[sealed][swtpm]") {
  Provisioned d;
  const auto alone = d.cell();
  REQUIRE(d.install("1.1.0"));  // the cell allows both
  CHECK(d.cell() != alone);
  d.fake.disk.put(kJournal, std::string_view("forged"));
  REQUIRE(d.fake.disk.text("/dev/boot/state").starts_with("primary=a trial=b"));
  SECTION("while the primary slot runs") {
    REQUIRE(d.boot());
    CHECK(d.cell() == alone);
    CHECK(sealing::read_handover(d.fake.disk, fakes::kCell)->rotation == 1);  // FORMAT 8.2.4
    CHECK(d.fake.disk.text("/dev/boot/state") == "primary=a trial=- tries=0 bad=b\n");
  }
  SECTION("not by the slot on trial, which would lock the primary one out") {
    REQUIRE(d.fake.start() == "b");
    REQUIRE(d.boot());
    REQUIRE(d.fake.start() == "a");
    REQUIRE(d.boot());
    CHECK(d.cell() == alone);
    CHECK(d.fake.opens("a", "1.0.0").empty());
  }
}

TEST_CASE("A boot that measured nothing is refused, or named in every output", "[sealed][swtpm]") {
  SealedDevice fake(factory(), "1.0.0");
  fake.measures = false;
  REQUIRE(fake.disk.remove(fakes::kLog));
  fake.measure("a");
  auto device = fake.tpm_device();
  CHECK(fault(provision(device, {})) == Fault::kNoMeasuredBoot);
  fake.seal.close();
  const ProvisionRequest development{SecurityVersion(0), Unmeasured::kDevelopment, DryRun::kNo};
  const auto done = provision(device, development);
  if (!done) FAIL(done.error().what());
  CHECK(done->measured == sealing::Measured::kNo);
  CHECK(fake.seal.floor_kind() == "tpm, development: unmeasured boot");
  const auto armed = install(device, {"1.1.0", DryRun::kNo});
  if (!armed) FAIL(armed.error().what());
  REQUIRE(fake.start() == "b");
  REQUIRE(boot_up(device));
  REQUIRE(trial(device)->end == TrialResult::End::kCommitted);
  CHECK(status(device)->floor_kind == "tpm, development: unmeasured boot");
  CHECK(status(device)->floors.security_version == SecurityVersion(7));
}

TEST_CASE("A dry run of provision changes neither TPM nor disk", "[sealed][swtpm]") {
  SealedDevice fake(factory(), "1.0.0");
  auto device = fake.tpm_device();
  const auto planned = provision(device, {SecurityVersion(0), Unmeasured::kRefuse, DryRun::kYes});
  REQUIRE(planned);
  CHECK(planned->end == ProvisionResult::End::kPlanned);
  CHECK(planned->firmware.size() == 4);  // action, separator, loader in 4; separator in 2
  CHECK_FALSE(fake.disk.has("/var/seal"));
  auto tpm = fake.machine.connect();
  CHECK_FALSE(tpm->permanent()->owner_auth_set);
}

TEST_CASE("While the sealed state is closed no record is read or written", "[sealed][swtpm]") {
  Provisioned d;
  d.fake.seal.close();
  CHECK(fault(d.fake.seal.accept(kJournalRecord, Bytes(200))) == Fault::kPolicyRefused);
  CHECK(fault(d.fake.seal.protect(kJournalRecord, Bytes(2))) == Fault::kPolicyRefused);
}

TEST_CASE("No secret crosses the bus, and unclean restarts do not near a lockout",
          "[sealed][swtpm]") {
  Provisioned d;
  d.commit_next();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(d.fake.start() == "b");
    REQUIRE(d.boot());
  }
  auto tpm = d.fake.machine.connect();
  CHECK(*tpm->lockout_counter() == 0);
  REQUIRE(d.fake.start() == "b");
  REQUIRE(d.boot());
  tpm = d.fake.machine.connect();
  const auto blob = sealing::parse_blob(d.fake.disk.content("/var/seal/records.blob"));
  const auto text = sealing::read_handover(d.fake.disk, fakes::kCell)->text;
  const auto secret = tpm::PolicyCell::attach(*tpm, d.srk())->unseal(*blob, text);
  REQUIRE(secret);
  const auto on_bus = [&](const std::string& hex) {
    std::string bytes;
    for (const char c : d.fake.machine.file("log")) {
      if (std::isxdigit(static_cast<unsigned char>(c)) != 0) {
        bytes += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
    }
    return bytes.find(hex) != std::string::npos;
  };
  CHECK_FALSE(on_bus(to_hex(secret->span())));
  // Control: the anchor is written in the clear, and the log shows it.
  CHECK(on_bus(to_hex(sha256(d.fake.disk.content(kFloors)))));
}
