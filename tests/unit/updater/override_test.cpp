#include <catch2/catch.hpp>

#include "fakes/fake_device.hpp"
#include "fakes/ticket.hpp"
#include "updater/verbs.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::FakeDevice;

namespace {

/// Draws 01 01..., then 02 02..., and so on.
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    ++drawn_;
    std::fill(out.begin(), out.end(), drawn_);
  }

 private:
  std::uint8_t drawn_ = 0;
};

/// A device that runs the newest of two releases and wants the older one back.
struct Bench {
  fakes::ReleaseFactory factory;
  std::optional<FakeDevice> fake;
  CountingRandom random;

  explicit Bench(std::uint64_t newest_floor = 1) {
    factory.add("1.0.0", {1, 1, 1});
    factory.add("1.1.0", {2, 2, newest_floor});
    fakes::make_development(factory.repo);
    fake.emplace(factory, "1.1.0");
  }
  manifest::Tickets ask() {
    auto device = fake->device();
    auto request = override_request(device, random);
    REQUIRE(request);
    return *request;
  }
  [[nodiscard]] Bytes ticket(const manifest::Tickets& request) {
    return fakes::signed_ticket(
        fakes::ticket_for(factory.repo, request, factory.releases.at("1.0.0").release));
  }
  Result<InstallResult> install(std::optional<Bytes> file, DryRun dry = DryRun::kNo) {
    auto device = fake->device();
    return updater::install(device, {"1.0.0", dry, std::nullopt, std::move(file)});
  }
  Errc code(std::optional<Bytes> file) {
    const auto done = install(std::move(file));
    return done ? Errc::kUsage : done.error().code();
  }
};

}  // namespace

TEST_CASE("override: a ticket takes a development device back to an older release (FORMAT 15.1.2)",
          "[updater][ticket]") {
  Bench bench;
  CHECK(bench.code(std::nullopt) == Errc::kRollback);
  const auto request = bench.ask();
  CHECK(request.nonce);
  const auto file = bench.ticket(request);
  const auto done = bench.install(file);
  INFO((done ? "ok" : done.error().what()));
  REQUIRE(done);
  CHECK(done->end == InstallResult::End::kArmed);
  CHECK(done->waived == std::vector<std::string>{"release-counter"});
  auto& log = bench.fake->log.events;
  CHECK(std::count(log.begin(), log.end(), "ticket.used") == 1);
  CHECK(bench.fake->start() == "b");
  auto device = bench.fake->device();
  REQUIRE(boot_up(device));
  REQUIRE(trial(device)->end == TrialResult::End::kCommitted);
  CHECK(bench.fake->whole_version(bench.fake->running()) == "1.0.0");
  // the counters of the record stay where they were: the next older release needs the next ticket
  CHECK(bench.fake->floors().release_counter == ReleaseCounter(2));
  CHECK(bench.fake->floors().tickets->used == 1);
  CHECK(status(device)->floors.tickets->used == 1);
}

TEST_CASE("override: a ticket is used once (FORMAT 15.3.4)", "[updater][ticket]") {
  Bench bench;
  const auto file = bench.ticket(bench.ask());
  REQUIRE(bench.install(file, DryRun::kYes)->waived.size() == 1);
  CHECK(bench.fake->floors().tickets->nonce);  // a dry run uses nothing up
  REQUIRE(bench.install(file));
  CHECK_FALSE(bench.fake->floors().tickets->nonce);
  auto device = bench.fake->device();
  REQUIRE(rollback(device)->end == RollbackResult::End::kCancelled);
  CHECK(bench.code(file) == Errc::kRollback);
  // a new request makes every earlier ticket useless, used or not
  const auto second = bench.ticket(bench.ask());
  const auto third = bench.ticket(bench.ask());
  CHECK(bench.code(second) == Errc::kRollback);
  CHECK(bench.install(third));
}

TEST_CASE("override: the security floor stays (FORMAT 15.2.3)", "[updater][ticket]") {
  Bench bench(2);  // the release that runs has raised the floor above the older one
  const auto file = bench.ticket(bench.ask());
  CHECK(bench.code(file) == Errc::kRollback);
  CHECK(bench.fake->floors().tickets->nonce);  // and the ticket has had no effect
}

TEST_CASE("override: a ticket for another release is refused (FORMAT 15.3.3)",
          "[updater][ticket]") {
  Bench bench;
  const auto request = bench.ask();
  const auto& newest = bench.factory.releases.at("1.1.0").release;
  const auto file = fakes::signed_ticket(fakes::ticket_for(bench.factory.repo, request, newest));
  CHECK(bench.code(file) == Errc::kHashMismatch);
}

TEST_CASE("override: a production device neither asks nor obeys (FORMAT 15.1.1)",
          "[updater][ticket]") {
  Bench bench;
  const auto file = bench.ticket(bench.ask());
  bench.factory.repo.policy.development.clear();
  bench.factory.repo.bump_root();
  CHECK(bench.code(file) == Errc::kNotForDevice);
  auto device = bench.fake->device();
  const auto asked = override_request(device, bench.random);
  REQUIRE_FALSE(asked);
  CHECK(asked.error().code() == Errc::kNotForDevice);
}

TEST_CASE("override: a ticket without a release is a misuse", "[updater][ticket]") {
  Bench bench;
  const auto file = bench.ticket(bench.ask());
  auto device = bench.fake->device();
  const auto done = install(device, {std::nullopt, DryRun::kNo, std::nullopt, file});
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kUsage);
}

TEST_CASE(
    "override: the power goes at any write; the nonce is spent before anything changes "
    "(FORMAT 15.3.4)",
    "[updater][ticket][powercut]") {
  for (const auto fate : {fakes::Fate::kLost, fakes::Fate::kKept, fakes::Fate::kMixed}) {
    for (unsigned cut = 0;; ++cut) {
      Bench bench;
      const auto file = bench.ticket(bench.ask());
      auto& disk = bench.fake->disk;
      disk.policy.data = disk.policy.entries = fate;
      disk.policy.seed = cut;
      disk.ops_left = cut;
      const auto first = bench.install(file);
      if (!disk.is_off()) {
        REQUIRE(first);
        CHECK(cut > 10);
        break;
      }
      INFO("cut before durable operation " << cut << ": " << disk.last_op);
      disk.power_on();
      disk.ops_left = fakes::FakeDisk::kNoCut;
      const auto slot = bench.fake->start();
      const bool spent = !bench.fake->floors().tickets->nonce;
      if (bench.fake->record().state != State::kIdle)
        CHECK(spent);             // first the nonce, then the rest
      if (slot == "b") continue;  // armed: the loader tries the older release
      // what is known of the release survives, or a new ticket is needed
      const bool lost = spent && !disk.has("/var/installed/b.manifest.json");
      const auto again = bench.install(file);
      INFO((again ? "ok" : again.error().what()));
      REQUIRE(again.operator bool() == !lost);
      if (!lost) continue;
      CHECK(again.error().code() == Errc::kRollback);
      CHECK(bench.install(bench.ticket(bench.ask())));
    }
  }
}
