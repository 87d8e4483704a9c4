#include "tpm/prediction.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "tests/fakes/measured_boot.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using fakes::Chain;
using tpm::Fault;

namespace {

/// Firmware events of an honest boot, as approved at provisioning.
std::vector<tpm::Event> approved_at(const fakes::BootRelease& r, Chain chain) {
  return *tpm::explain_boot(fakes::as_boot(fakes::boot_of(r, chain)), r.record);
}

tpm::Component& component(tpm::Measurements& m, std::string_view role, unsigned pcr) {
  for (auto& c : m.components) {
    if (c.role == role && c.pcr == pcr) return c;
  }
  FAIL("no such component");
  return m.components.front();
}

}  // namespace

// FORMAT 6.4.8
TEST_CASE("The next boot's PCRs are predicted from the own log (FORMAT 6.4)", "[tpm][predict]") {
  const auto chain = GENERATE(Chain::kLoader, Chain::kDirect);
  const auto a = fakes::boot_release("a");
  // The new release may bring other phase words and another set of sections.
  auto b = fakes::boot_release("b", {"enter-initrd", "leave-initrd", "sysinit", "ready"});
  auto with_tree = fakes::small_uki("kernel-b", "root=verity hash=b", "initrd-b");
  with_tree.add(".dtb", "tree");
  b.uki = with_tree.build();
  b.record = fakes::record_of(b.uki, b.record.phases);

  const auto boot = fakes::as_boot(fakes::boot_of(a, chain));
  const auto predicted = tpm::predict(boot, a.record, b.record, approved_at(a, chain));
  REQUIRE(predicted);
  const auto real = fakes::boot_of(b, chain).pcrs();
  for (unsigned pcr = 0; pcr < tpm::kPcrCount; ++pcr) {
    INFO("PCR " << pcr);
    CHECK((*predicted)[pcr] == real[pcr]);
  }
  CHECK(real[12] == (chain == Chain::kDirect ? Sha256Digest{} : (*predicted)[12]));
  CHECK((*predicted)[4] != boot.live[4]);
}

TEST_CASE("Predicting the running release gives the live PCRs", "[tpm][predict]") {
  const auto a = fakes::boot_release("a");
  const auto boot = fakes::as_boot(fakes::boot_of(a));
  const auto same = tpm::predict(boot, a.record, a.record, approved_at(a, Chain::kLoader));
  REQUIRE(same);
  CHECK(*same == boot.live);
}

TEST_CASE("Firmware events are listed for approval, in order", "[tpm][predict]") {
  const auto events = approved_at(fakes::boot_release("a"), Chain::kLoader);
  REQUIRE(events.size() == 3);  // separator of PCR 2; action and separator of PCR 4
  CHECK(events[0].pcr == 4);
  CHECK(events[0].digest == sha256(as_bytes("Calling EFI Application from Boot Option")));
  CHECK(events[1].pcr == 2);
}

// FORMAT 6.4.6
TEST_CASE("A boot that differs from the release is refused (FORMAT 6.4)", "[tpm][predict]") {
  using Change = std::function<void(fakes::MeasuredBoot&, const fakes::BootRelease&)>;
  struct Row {
    const char* why;
    Change boot;
    Fault fault;
    const char* text;
  };
  const auto honest = [](fakes::MeasuredBoot& b, const fakes::BootRelease& r) {
    b.firmware().uki(r.uki, Chain::kLoader).phase("sysinit").phase("ready");
  };
  const auto extra = [=](unsigned pcr, const char* text) -> Change {
    return [=](fakes::MeasuredBoot& b, const fakes::BootRelease& r) {
      honest(b, r);
      b.measure(pcr, text);
    };
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"driver on the ESP", extra(2, "evil driver"), Fault::kUnknownEvent, "PCR 2 holds event"},
      {"extra image", extra(4, "evil image"), Fault::kUnknownEvent, "PCR 4 holds event"},
      {"file opened by a loader", extra(9, "grub.cfg"), Fault::kUnknownEvent, "PCR 9 holds"},
      {"add-on", extra(12, "credential"), Fault::kUnknownEvent, "PCR 12 holds event"},
      {"system extension", extra(13, "sysext"), Fault::kUnknownEvent, "PCR 13 holds event"},
      {"second image in one power cycle",
       extra(4, "Returning from EFI Application from Boot Option"), Fault::kUnknownEvent,
       "second image started in one power cycle"},
      {"image before the separator",
       [=](fakes::MeasuredBoot& b, const fakes::BootRelease& r) {
         b.measure(4, "evil before the firmware's separator");
         honest(b, r);
       },
       Fault::kUnknownEvent, "PCR 4 holds event"},
      {"approved event twice", extra(4, "Calling EFI Application from Boot Option"),
       Fault::kUnknownEvent, "PCR 4 holds"},
      {"UKI started twice",
       [=](fakes::MeasuredBoot& b, const fakes::BootRelease& r) {
         honest(b, r);
         b.measure(4, *pe::authenticode_sha256(r.uki));
       },
       Fault::kLogMismatch, "pe:uki occurs 2 times"},
      {"command line three times in PCR 12",
       [=](fakes::MeasuredBoot& b, const fakes::BootRelease& r) {
         honest(b, r);
         b.measure(12, r.record.components[4].digest);
       },
       Fault::kLogMismatch, "cmdline-utf16 occurs 3 times in PCR 12"},
      {"section repeated in PCR 11",
       [=](fakes::MeasuredBoot& b, const fakes::BootRelease& r) {
         b.firmware()
             .uki(r.uki, Chain::kLoader)
             .measure(11, ".dtb")
             .phase("sysinit")
             .phase("ready");
       },
       Fault::kLogMismatch, "sections of the running release"},
      {"another release runs",
       [](fakes::MeasuredBoot& b, const fakes::BootRelease&) {
         b.firmware().uki(fakes::boot_release("c").uki, Chain::kLoader);
         b.phase("sysinit").phase("ready");
       },
       Fault::kLogMismatch, "pe:uki occurs 0 times"},
      {"phase word missing",
       [](fakes::MeasuredBoot& b, const fakes::BootRelease& r) {
         b.firmware().uki(r.uki, Chain::kLoader).phase("sysinit");
       },
       Fault::kLogMismatch, "in PCR 11"},
      {"one more phase word",
       [=](fakes::MeasuredBoot& b, const fakes::BootRelease& r) {
         honest(b, r);
         b.phase("shutdown");
       },
       Fault::kLogMismatch, "in PCR 11"},
      {"not measured at all", [](fakes::MeasuredBoot&, const fakes::BootRelease&) {},
       Fault::kNoMeasuredBoot, "PCR 4 is zero"},
      {"no stub", [](fakes::MeasuredBoot& b, const fakes::BootRelease&) { b.firmware(); },
       Fault::kNoMeasuredBoot, "PCR 11 is zero"},
  }));
  INFO(row.why);
  const auto a = fakes::boot_release("a");
  fakes::MeasuredBoot b;
  row.boot(b, a);
  const auto done = tpm::predict(fakes::as_boot(b), a.record, fakes::boot_release("b").record,
                                 approved_at(a, Chain::kLoader));
  REQUIRE_FALSE(done);
  CHECK(tpm::fault_of(done.error()) == row.fault);
  CHECK_THAT(done.error().what(), Catch::Contains(row.text));
}

TEST_CASE("Nobody can approve an event in a PCR of the release (FORMAT 6.4.7)", "[tpm][predict]") {
  const auto a = fakes::boot_release("a");
  const auto pcr = GENERATE(9U, 12U, 13U);
  auto machine = fakes::boot_of(a);
  machine.measure(pcr, "credential");
  const auto listed = tpm::explain_boot(fakes::as_boot(machine), a.record);
  REQUIRE_FALSE(listed);
  CHECK(tpm::fault_of(listed.error()) == Fault::kUnknownEvent);
}

// FORMAT 6.4.5
TEST_CASE("A log that does not lead to the live PCRs is refused, each bound PCR",
          "[tpm][predict]") {
  const auto a = fakes::boot_release("a");
  const auto pcr = GENERATE(2U, 4U, 9U, 11U, 12U, 13U);
  auto boot = fakes::as_boot(fakes::boot_of(a));
  boot.live[pcr].bytes[0] ^= 1U;
  const auto done = tpm::explain_boot(boot, a.record);
  REQUIRE_FALSE(done);
  CHECK(tpm::fault_of(done.error()) == Fault::kLogMismatch);
  CHECK_THAT(done.error().what(), Catch::Contains("PCR " + std::to_string(pcr)));
}

TEST_CASE("PCRs outside the bound set may hold anything", "[tpm][predict]") {
  const auto a = fakes::boot_release("a");
  auto machine = fakes::boot_of(a);
  machine.measure(5, "GPT").measure(10, "IMA");
  auto boot = fakes::as_boot(machine);
  boot.live[10].bytes[0] ^= 1U;
  CHECK(tpm::explain_boot(boot, a.record));
}

// FORMAT 6.4.1
TEST_CASE("PCR 7 is bound with Secure Boot only", "[tpm][predict]") {
  CHECK(tpm::to_string(tpm::efi_uki_pcrs(tpm::SecureBoot::kOff)) == "2,4,9,11,12,13");
  CHECK(tpm::to_string(tpm::efi_uki_pcrs(tpm::SecureBoot::kOn)) == "2,4,7,9,11,12,13");
}

TEST_CASE("A release with another loader cannot be predicted", "[tpm][predict]") {
  const auto a = fakes::boot_release("a");
  auto b = fakes::boot_release("b");
  component(b.record, "pe:loader", 4).digest = sha256(as_bytes("systemd-boot 253"));
  const auto boot = fakes::as_boot(fakes::boot_of(a));
  auto done = tpm::predict(boot, a.record, b.record, approved_at(a, Chain::kLoader));
  REQUIRE_FALSE(done);
  CHECK(tpm::fault_of(done.error()) == Fault::kUnpredictable);
  b.record.components.erase(b.record.components.begin());
  done = tpm::predict(boot, a.record, b.record, approved_at(a, Chain::kLoader));
  REQUIRE_FALSE(done);
  CHECK(tpm::fault_of(done.error()) == Fault::kUnpredictable);
  // The direct chain has no loader, so what the release says of one does not matter.
  const auto direct = fakes::as_boot(fakes::boot_of(a, Chain::kDirect));
  CHECK(tpm::predict(direct, a.record, b.record, approved_at(a, Chain::kDirect)));
}

// FORMAT 6.4.3, 6.4.4
TEST_CASE("Boot records that cannot be used are refused (FORMAT 6.4.2)", "[tpm][predict]") {
  struct Row {
    const char* why;
    std::function<void(tpm::Measurements&)> damage;
    const char* text;
  };
  const auto r = GENERATE(values<Row>({
      {"unknown role", [](auto& m) { m.components[0].role = "pe:shim"; }, "pe:shim"},
      {"role in another PCR", [](auto& m) { m.components[1].pcr = 9; }, "'pe:uki' in PCR 9"},
      {"wrong count", [](auto& m) { m.components[1].count = 2; }, "2 times"},
      {"section outside PCR 11", [](auto& m) { m.components.back().pcr = 9; }, "in PCR 9"},
      {"role twice", [](auto& m) { m.components.push_back(m.components[1]); }, "twice"},
      {"two roles with one digest",
       [](auto& m) { m.components[2].digest = m.components[1].digest; }, "twice"},
      {"section twice", [](auto& m) { m.components.push_back(m.components.back()); }, "twice"},
      {"no UKI", [](auto& m) { m.components.erase(m.components.begin() + 1); }, "no pe:uki"},
      {"no kernel", [](auto& m) { m.components.erase(m.components.begin() + 2); }, "no pe:kernel"},
      {"no command line", [](auto& m) { m.components.erase(m.components.begin() + 3); },
       "no cmdline-utf16 in PCR 9"},
      {"no count for PCR 12", [](auto& m) { m.components.erase(m.components.begin() + 4); },
       "no cmdline-utf16 in PCR 12"},
      {"no initrd", [](auto& m) { m.components.erase(m.components.begin() + 5); }, "no initrd"},
      {"sections in another order", [](auto& m) { std::swap(m.components[6], m.components[7]); },
       "add up"},
      {"PCR 11 of another release", [](auto& m) { m.pcr11.bytes[3] ^= 1U; }, "add up"},
      {"phase word with a blank", [](auto& m) { m.phases.emplace_back("re ady"); }, "phase word"},
      {"empty phase word", [](auto& m) { m.phases.emplace_back(); }, "phase word"},
      {"nine phase words", [](auto& m) { m.phases.assign(9, "ready"); }, "phase words"},
      {"65 components",
       [](auto& m) {
         for (int i = 0; i < 60; ++i)
           m.components.push_back({"section:.x" + std::to_string(i), 11, {}, 1});
       },
       "over 64"},
  }));
  INFO(r.why);
  auto release = fakes::boot_release("a").record;
  r.damage(release);
  const auto done = tpm::check_measurements(release);
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kMalformed);
  CHECK_THAT(done.error().what(), Catch::Contains(r.text));
  // The target of a prediction is checked as well as the running release.
  const auto a = fakes::boot_release("a");
  const auto boot = fakes::as_boot(fakes::boot_of(a));
  CHECK_FALSE(tpm::predict(boot, a.record, release, approved_at(a, Chain::kLoader)));
  CHECK_FALSE(tpm::predict(boot, release, a.record, approved_at(a, Chain::kLoader)));
}

TEST_CASE("Equal sections are told apart by their order", "[tpm][predict]") {
  auto twin = fakes::small_uki("k", "same", "same");  // .cmdline and .initrd with one content
  const auto uki = twin.build();
  CHECK(tpm::check_measurements(fakes::record_of(uki, {})));
}

TEST_CASE("The final PCR 11 has every phase word", "[tpm][predict]") {
  const auto a = fakes::boot_release("a");
  CHECK(a.record.pcr11 == fakes::boot_of(a).pcrs()[11]);
}
