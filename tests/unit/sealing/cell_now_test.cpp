#include "sealing/cell_now.hpp"

#include <catch2/catch.hpp>

#include "tests/fakes/measured_boot.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using namespace pawl::sealing;
using tpm::Fault;

namespace {

constexpr std::uint64_t kCounter = 30;
constexpr std::uint64_t kBase = 25;  // floor 5

struct Machine {
  fakes::BootRelease a = fakes::boot_release("a");
  fakes::BootRelease b = fakes::boot_release("b");
  Slots slots;
  BootFacts boot;
  std::vector<tpm::Event> firmware;

  /// Slot a holds release a (5), slot b release b (7); `running` is up.
  explicit Machine(std::size_t running = 0) {
    slots.held = {SlotRelease{a.record, SecurityVersion(5)},
                  SlotRelease{b.record, SecurityVersion(7)}};
    slots.running = running;
    const auto seen = fakes::as_boot(fakes::boot_of(running == 0 ? a : b));
    boot = {seen.log, seen.live};
    firmware = *tpm::explain_boot(seen, (running == 0 ? a : b).record);
  }
  [[nodiscard]] static tpm::Branch branch(const fakes::BootRelease& r, std::uint64_t version) {
    return {tpm::efi_uki_pcrs(tpm::SecureBoot::kOff), fakes::boot_of(r).pcrs(), kBase + version};
  }
  [[nodiscard]] tpm::CellContent content(bool with_a, bool with_b) const {
    tpm::CellText text;
    if (with_a) text.branches.push_back(branch(a, 5));
    if (with_b) text.branches.push_back(branch(b, 7));
    return *tpm::content_of(text);
  }
  [[nodiscard]] Result<CellNow> find(const tpm::CellContent& held,
                                     std::uint64_t counter = kCounter) const {
    return find_cell_now(held, counter, boot, slots);
  }
};

template <class T>
Fault fault(const T& result) {
  return result ? Fault::kNone : tpm::fault_of(result.error());
}

}  // namespace

TEST_CASE("The text in the cell is found from the slots and this boot (FORMAT 8.3.1)",
          "[sealing]") {
  const std::size_t running = GENERATE(0U, 1U);
  const Machine m(running);
  const auto alone = m.find(m.content(running == 0, running == 1));
  REQUIRE(alone);
  CHECK(alone->allows == Allows::kRunning);
  CHECK(alone->base == kBase);
  CHECK(alone->text.branches.size() == 1);
  const auto both = m.find(m.content(true, true));
  REQUIRE(both);
  CHECK(both->allows == Allows::kBoth);
  CHECK(both->base == kBase);
  CHECK(both->text.running == running);
  CHECK(*tpm::content_of(both->text) == m.content(true, true));
  const auto other = m.find(m.content(running == 1, running == 0));
  REQUIRE(other);
  CHECK(other->allows == Allows::kOtherOnly);
}

TEST_CASE("The bound set is proven by the cell (FORMAT 8.3.2)", "[sealing]") {
  Machine m;
  auto branch = Machine::branch(m.a, 5);
  branch.bound = tpm::efi_uki_pcrs(tpm::SecureBoot::kOn);
  const auto found = m.find(*tpm::content_of({{branch}, 0}));
  REQUIRE(found);
  CHECK(found->bound == tpm::efi_uki_pcrs(tpm::SecureBoot::kOn));
}

TEST_CASE("What no slot and no boot leads to is tampering (FORMAT 8.3.3)", "[sealing]") {
  struct Row {
    const char* why;
    void (*change)(Machine&);
  };
  const auto row = GENERATE(values<Row>({
      {"another event in a bound PCR",
       [](Machine& m) { tpm::extend(m.boot.live[4], sha256(as_bytes("evil"))); }},
      {"another manifest in the other slot",
       [](Machine& m) { m.slots.held[1]->measured = fakes::boot_release("c").record; }},
      {"a lower security version in the other slot",
       [](Machine& m) { m.slots.held[1]->security = SecurityVersion(6); }},
      {"no manifest for the other slot", [](Machine& m) { m.slots.held[1].reset(); }},
      {"a log of another boot", [](Machine& m) { m.boot.log.events.pop_back(); }},
      {"no manifest for the running slot", [](Machine& m) { m.slots.held[0].reset(); }},
  }));
  INFO(row.why);
  Machine m;
  const auto both = m.content(true, true);
  REQUIRE(m.find(both));
  row.change(m);
  CHECK(fault(m.find(both)) == Fault::kTampered);
}

TEST_CASE("A counter above the running release leaves the other slot alone", "[sealing]") {
  const Machine m;
  CHECK(fault(m.find(m.content(true, false), kBase + 6)) == Fault::kTampered);
  const auto only_b = m.find(m.content(false, true), kBase + 7);
  REQUIRE(only_b);
  CHECK(only_b->allows == Allows::kOtherOnly);
}

TEST_CASE("A base above the counter is no base (FORMAT 6.5.6)", "[sealing]") {
  Machine m;
  m.slots.held[0]->security = SecurityVersion(0);
  m.slots.held[1].reset();
  auto branch = Machine::branch(m.a, 0);
  branch.limit = kCounter;
  CHECK(m.find(*tpm::content_of({{branch}, 0}))->base == kCounter);
  branch.limit = kCounter + 1;  // less 0: above the counter
  CHECK(fault(m.find(*tpm::content_of({{branch}, 0}))) == Fault::kTampered);
}

TEST_CASE("A predicted branch is the one the next boot will satisfy (FORMAT 8.3.4)", "[sealing]") {
  const Machine m;
  const auto now = m.find(m.content(true, false));
  REQUIRE(now);
  const auto b = predict_branch(*now, kCounter, m.boot, *m.slots.held[0], *m.slots.held[1],
                                m.firmware, Measured::kYes);
  REQUIRE(b);
  CHECK(tpm::branch_policy(*b, tpm::nv_name(tpm::kCounterPublic)) ==
        tpm::branch_policy(Machine::branch(m.b, 7), tpm::nv_name(tpm::kCounterPublic)));

  SECTION("an event that nobody approved is named") {
    auto fewer = m.firmware;
    fewer.pop_back();
    const auto refused = predict_branch(*now, kCounter, m.boot, *m.slots.held[0], *m.slots.held[1],
                                        fewer, Measured::kYes);
    CHECK(fault(refused) == Fault::kUnknownEvent);
  }
  SECTION("a release that differs in more than digests is refused") {
    auto target = *m.slots.held[1];
    target.measured.components.erase(target.measured.components.begin());
    const auto refused = predict_branch(*now, kCounter, m.boot, *m.slots.held[0], target,
                                        m.firmware, Measured::kYes);
    CHECK(fault(refused) == Fault::kUnpredictable);
  }
  SECTION("a security version out of reach is refused") {
    auto target = *m.slots.held[1];
    target.security = SecurityVersion(70);
    CHECK(fault(predict_branch(*now, kCounter, m.boot, *m.slots.held[0], target, m.firmware,
                               Measured::kYes)) == Fault::kCounter);
  }
}

TEST_CASE("Two slots with one release make one branch (FORMAT 8.3.5)", "[sealing]") {
  const Machine m;
  const auto a = Machine::branch(m.a, 5);
  const auto b = Machine::branch(m.b, 7);
  CHECK(text_of(a, &a, 1).branches.size() == 1);
  CHECK(text_of(a, nullptr, 1).branches.size() == 1);
  CHECK(text_of(a, &b, 0).running == 0);
  CHECK(text_of(b, &a, 1).running == 1);
  CHECK(*tpm::content_of(text_of(a, &b, 0)) == *tpm::content_of(text_of(b, &a, 1)));
}
