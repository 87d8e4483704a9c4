#include "signer/override.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "fakes/signer_repository.hpp"
#include "manifest/directory_fetcher.hpp"
#include "signer/inspect.hpp"

using namespace pawl;
using namespace pawl::signer;
using fakes::FakeDisk;
using fakes::kSignedAt;

namespace {

const std::string kDevice(64, '1');
const std::string kNonce(64, '2');

/// A repository whose gw3 devices are development devices, with release 1.0.0.
struct Bench {
  FakeDisk disk;
  fakes::MemoryKeys keys;
  KeyRing ring =
      fakes::ring_of(keys, {"alice", "bob", "carol", "targets", "rel", "snap", "time", "debug"});
  std::optional<Repository> repository;
  OverrideInput input{"gw3",
                      "1.0.0",
                      kDevice,
                      kNonce,
                      {"rollout-window", "release-counter"},
                      kSignedAt + std::chrono::hours(24)};

  Bench() {
    auto plan = fakes::small_plan();
    plan.development["gw3"] = {{fakes::record_of("debug")}, 1};
    auto first = first_state(plan, fakes::kRepository);
    REQUIRE(first);
    Revision revision(*std::move(first), {}, kSignedAt);
    revision.set_policy(policy_of(plan));
    revision.renew("targets");
    revision.renew("rel-gw3");
    const auto done = revision.sign(ring);
    REQUIRE(done);
    NoProgress progress;
    REQUIRE(done->publication.publish(disk, fakes::kRepository, progress));
    const auto input_1 = fakes::small_input(disk, "1.0.0", 1);
    REQUIRE(build_release(disk, input_1, "/out", progress));
    REQUIRE(fakes::add_release(disk, ring, "/out"));
    load();
  }
  void load() {
    auto loaded = load_repository(disk, fakes::kRepository, {});
    REQUIRE(loaded);
    repository.emplace(*std::move(loaded));
  }
  Result<SignedOverride> make() {
    PAWL_TRY(const auto ticket, plan_override(*repository, input));
    return sign_override(*repository, ticket, ring);
  }
};

}  // namespace

TEST_CASE("override: what the signer makes a device accepts (FORMAT 15.2.1, 15.3.1)",
          "[signer][ticket]") {
  Bench bench;
  const auto made = bench.make();
  REQUIRE(made);
  CHECK(made->signers == std::vector{fakes::SigningKey("debug").id()});
  manifest::DirectoryFetcher fetcher(bench.disk, fakes::kRepository);
  MemoryStore store;
  FixedClock clock(kSignedAt);
  manifest::UpdaterOptions options;
  options.anchor = bench.repository->first_root;
  manifest::Updater client(fetcher, store, clock, std::move(options));
  REQUIRE(client.refresh());
  manifest::Tickets tickets;
  tickets.device.bytes.fill(0x11);
  tickets.nonce.emplace().bytes.fill(0x22);
  const auto accepted = manifest::Override::accept(made->file, client.trusted(), "gw3", tickets);
  REQUIRE(accepted);
  CHECK(accepted->waives(manifest::Waiver::kReleaseCounter));
  CHECK(accepted->waives(manifest::Waiver::kRolloutWindow));
  const auto& listed = bench.repository->roles.at("rel-gw3").targets;
  CHECK(accepted->check_release(*listed.at("releases/gw3/1.0.0/manifest.json").hashes.sha256));
}

TEST_CASE("override: nothing else is signed", "[signer][ticket]") {
  struct Row {
    const char* why;
    Errc code;
    std::function<void(Bench&)> change;
  };
  const Row rows[] = {
      {"not a development product", Errc::kNotForDevice, [](Bench& b) { b.input.product = "gw4"; }},
      {"a release that is not published", Errc::kNotForDevice,
       [](Bench& b) { b.input.version = "9.9.9"; }},
      {"device too short", Errc::kUsage, [](Bench& b) { b.input.device = "11"; }},
      {"nonce is no number", Errc::kUsage, [](Bench& b) { b.input.nonce = std::string(64, 'x'); }},
      {"waives nothing", Errc::kUsage, [](Bench& b) { b.input.waivers.clear(); }},
      {"waives the security version", Errc::kUsage,
       [](Bench& b) { b.input.waivers = {"security-version"}; }},
      {"the key is not at hand", Errc::kIncomplete,
       [](Bench& b) {
         b.ring = fakes::ring_of(b.keys, {"rel", "targets"});
       }},
      {"the token signs with another key", Errc::kBadSignature,
       [](Bench& b) { b.keys.other_key = "debug"; }},
      {"too long for the token", Errc::kTooLarge, [](Bench& b) { b.keys.limit = 100; }}};
  for (const auto& row : rows) {
    INFO(row.why);
    Bench bench;
    row.change(bench);
    const auto made = bench.make();
    REQUIRE_FALSE(made);
    INFO(made.error().what());
    CHECK(made.error().code() == row.code);
  }
}

TEST_CASE("override: a development key serves nothing else (FORMAT 15.1.1)", "[signer][ticket]") {
  auto plan = fakes::small_plan();
  plan.development["gw3"] = {{fakes::record_of("rel")}, 1};
  CHECK(first_state(plan, fakes::kRepository).error().code() == Errc::kUsage);
  plan.development = {{"gw9", {{fakes::record_of("debug")}, 1}}};
  CHECK(first_state(plan, fakes::kRepository).error().code() == Errc::kUsage);
  // nor in a later revision, where the key came by another way
  Bench bench;
  auto policy = bench.repository->policy;
  policy.development["gw3"] = development_keys({{fakes::record_of("rel")}, 1});
  Revision revision(*bench.repository, {}, kSignedAt + Seconds(60));
  revision.set_policy(policy);
  const auto refused = revision.sign(bench.ring);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kUsage);
}

TEST_CASE("inspect says who signs tickets for a product", "[signer][ticket]") {
  Bench bench;
  const auto text = bench.repository->policy.serialise();
  const auto shown = inspect_file(as_bytes(text));
  REQUIRE(shown);
  CHECK_THAT(shown->text, Catch::Contains("gw3: tickets by 1 of 1 keys"));
  CHECK(shown->facts.find("development:gw3")->integer() != nullptr);
}
