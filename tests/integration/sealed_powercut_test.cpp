// Power is cut before every durable operation of the updater, and inside the commands that change
// the TPM, while an update is staged, tried, committed or reverted. Whatever happens: the slot that
// comes up is whole and opens the sealed state, and when everything is settled exactly that one
// does. PAWL_SEAL_FULL=1 cuts everywhere; without it every few operations.
#include <cstdlib>
#include <iostream>

#include <catch2/catch.hpp>

#include "tests/fakes/sealed_device.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::SealedDevice;
using fakes::Wire;

namespace {

constexpr unsigned kRounds = 8;

struct Counts {
  unsigned cuts = 0;
  unsigned boots = 0;
  unsigned checks = 0;
};
Counts& counts() {
  static Counts total;
  return total;
}

/// 1.1.0 lifts the floor above 1.0.0; 1.2.0 leaves it where 1.1.0 put it.
fakes::MeasuredFactory& factory() {
  static fakes::MeasuredFactory made = [] {
    fakes::MeasuredFactory out;
    out.rootfs_size = 5000;  // two windows: slots are not what is tested here
    out.add("1.0.0", {1, 5, 5});
    out.add("1.1.0", {2, 7, 7});
    out.add("1.2.0", {3, 8, 7});
    return out;
  }();
  return made;
}

template <class F>
auto run(SealedDevice& fake, F verb) {
  fake.seal.close();
  auto device = fake.tpm_device();
  auto out = verb(device);
  fake.seal.close();
  return out;
}
template <class T>
Status status_of(Result<T> result) {
  PAWL_CHECK(std::move(result));
  return Ok{};
}
Status install_release(SealedDevice& fake, const std::string& version) {
  return status_of(run(fake, [&](Device& d) { return install(d, {version, DryRun::kNo}); }));
}
Status boot_now(SealedDevice& fake) {
  return status_of(run(fake, [](Device& d) { return boot_up(d); }));
}
Status judge_trial(SealedDevice& fake) {
  return status_of(run(fake, [](Device& d) { return trial(d); }));
}
Status give_up(SealedDevice& fake) {
  return status_of(run(fake, [](Device& d) { return rollback(d); }));
}

void must(const Status& status) {
  if (!status) FAIL(status.error().what());
}

/// Before the part of an update that is cut.
struct Scenario {
  const char* name;
  void (*prepare)(SealedDevice&);
  Status (*act)(SealedDevice&);
};

void nothing(SealedDevice&) {}
void armed(SealedDevice& fake) {
  must(install_release(fake, "1.1.0"));
}
void restarted(SealedDevice& fake) {
  armed(fake);
  REQUIRE(fake.start() == "b");
}
void on_trial(SealedDevice& fake) {
  restarted(fake);
  must(boot_now(fake));
}
void sick(SealedDevice& fake) {
  on_trial(fake);
  fake.health.problem = "sick";
}
/// A first update is pending and gets replaced by a second one.
void pending(SealedDevice& fake) {
  armed(fake);
}

const Scenario kScenarios[] = {
    {"install", nothing, [](SealedDevice& f) { return install_release(f, "1.1.0"); }},
    {"boot of a trial", restarted, boot_now},
    {"commit", on_trial, judge_trial},
    {"revert", sick, judge_trial},
    {"second update while one is pending", pending,
     [](SealedDevice& f) -> Status {
       PAWL_CHECK(give_up(f));
       return install_release(f, "1.2.0");
     }},
};

/// Power on until a slot comes up.
void power_on(SealedDevice& fake) {
  fake.disk.power_on();
  for (unsigned i = 0; i < kRounds; ++i) {
    ++counts().boots;
    if (!fake.start().empty()) return;
  }
  FAIL("no slot comes up");
}

/// The slot that is up is whole, opens the state and is not below the floor.
void check_running(SealedDevice& fake) {
  const auto slot = fake.running();
  REQUIRE(fake.whole_version(slot));
  const auto opened = fake.seal.open(slot == "a" ? Slot::kA : Slot::kB);
  fake.seal.close();
  INFO((opened ? "" : opened.error().what()));
  REQUIRE(opened);
  ++counts().checks;
}

/// Life goes on: starts and trials until nothing is under way.
void settle(SealedDevice& fake) {
  for (unsigned i = 0; i < kRounds; ++i) {
    check_running(fake);
    must(boot_now(fake));
    if (fake.shown_record().state == State::kInstalling) {
      must(run(fake, [](Device& d) { return status_of(install(d, {})); }));
    }
    if (fake.shown_record().state == State::kTrial) must(judge_trial(fake));
    const auto now = run(fake, [](Device& d) { return status(d); });
    REQUIRE(now);
    if (fake.shown_record().state == State::kIdle && !now->restart_due) return;
    power_on(fake);
  }
  FAIL("never settles");
}

/// Exactly the release that runs opens the state.
void check_exact(SealedDevice& fake) {
  const auto slot = fake.running();
  const auto version = *fake.whole_version(slot);
  for (const auto* other : {"1.0.0", "1.1.0", "1.2.0"}) {
    INFO(other << " in slot " << slot << ", " << version << " runs");
    CHECK(fake.opens(slot, other).empty() == (version == other));
    ++counts().checks;
  }
}

std::unique_ptr<SealedDevice> make(const Scenario& scenario) {
  auto fake = std::make_unique<SealedDevice>(factory(), "1.0.0");
  must(status_of(run(*fake, [](Device& d) { return provision(d, {}); })));
  scenario.prepare(*fake);
  return fake;
}

/// After a cut, or after none: everything comes to a good end.
void finish(SealedDevice& fake, bool cut) {
  auto& disk = fake.disk;
  disk.ops_left = fakes::FakeDisk::kNoCut;
  Wire::plan() = {};
  if (cut) {
    ++counts().cuts;
    power_on(fake);
    fake.health.problem.clear();
  } else if (fake.running() != std::string(boot::letter(*fake.boot.primary())) &&
             fake.shown_record().state == State::kIdle) {
    power_on(fake);  // reverted: the running slot opens nothing any more, and says so
  }
  settle(fake);
  check_exact(fake);
}

bool full() {
  return std::getenv("PAWL_SEAL_FULL") != nullptr;
}

}  // namespace

TEST_CASE("The state opens in the right slot after a power cut at any durable operation",
          "[sealed][swtpm][powercut]") {
  const unsigned stride = full() ? 1 : 6;
  unsigned start = 0;
  for (const auto& scenario : kScenarios) {
    const auto begun = counts();
    for (unsigned cut = start++ % stride;; cut += stride) {
      auto fake = make(scenario);
      fake->disk.policy = {cut % 2 == 0 ? fakes::Fate::kLost : fakes::Fate::kKept,
                           fakes::Fate::kLost, cut, 0};
      fake->disk.ops_left = cut;
      const auto done = scenario.act(*fake);
      const bool off = fake->disk.is_off();
      INFO(scenario.name << ": power cut before operation " << cut << ": " << fake->disk.last_op);
      if (!off) must(done);
      finish(*fake, off);
      if (!off) break;
    }
    std::cout << "sealed powercut: " << scenario.name << ": " << counts().cuts - begun.cuts
              << " cuts, " << counts().boots - begun.boots << " boots, "
              << counts().checks - begun.checks << " checks\n";
  }
}

TEST_CASE("The state opens in the right slot after the TPM dies inside a command",
          "[sealed][swtpm][powercut]") {
  struct Row {
    const char* name;
    std::uint32_t only;  // 0: every command
    unsigned stride;
  };
  std::vector<Row> rows{{"NV_Write", TPM2_CC_NV_Write, 1},
                        {"NV_Increment", TPM2_CC_NV_Increment, 1}};
  if (full()) rows.push_back({"any command", 0, 1});
  for (const auto& row : rows) {
    for (const auto& scenario : kScenarios) {
      const auto begun = counts();
      for (const auto mode : {Wire::Cut::kBefore, Wire::Cut::kDuring, Wire::Cut::kAfter}) {
        for (unsigned at = 1;; at += row.stride) {
          auto fake = make(scenario);
          fake->machine.on_cut = [&disk = fake->disk] { disk.ops_left = 0; };
          fake->plan({nullptr, mode, at, 0, 0, row.only, 0});
          const auto done = scenario.act(*fake);
          const bool reached = fake->commands_seen() >= at;
          fake->machine.on_cut = nullptr;
          INFO(scenario.name << ": TPM dies at " << row.name << " " << at);
          if (!reached) must(done);
          finish(*fake, reached);
          if (!reached) break;
        }
      }
      std::cout << "sealed TPM cut (" << row.name << "): " << scenario.name << ": "
                << counts().cuts - begun.cuts << " cuts, " << counts().boots - begun.boots
                << " boots, " << counts().checks - begun.checks << " checks\n";
    }
  }
}

TEST_CASE("Provisioning settles after a power cut at any durable operation",
          "[sealed][swtpm][powercut]") {
  const unsigned stride = full() ? 1 : 9;
  unsigned cuts = 0;
  for (unsigned cut = 0;; cut += stride) {
    SealedDevice fake(factory(), "1.0.0");
    fake.disk.ops_left = cut;
    (void)static_cast<bool>(run(fake, [](Device& d) { return provision(d, {}); }));
    const bool off = fake.disk.is_off();
    INFO("power cut before operation " << cut << ": " << fake.disk.last_op);
    if (off) power_on(fake);
    fake.disk.ops_left = fakes::FakeDisk::kNoCut;
    const auto again = run(fake, [](Device& d) { return provision(d, {}); });
    if (!again) FAIL(again.error().what());
    must(boot_now(fake));
    check_exact(fake);
    must(install_release(fake, "1.1.0"));
    if (!off) break;
    ++cuts;
  }
  CHECK(cuts > 3);
  std::cout << "sealed powercut: provision: " << cuts << " cuts\n";
}
