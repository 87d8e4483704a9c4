#include "signer/release_rules.hpp"

#include <catch2/catch.hpp>

#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;

namespace {

manifest::Release release(const std::string& version, std::uint64_t counter, std::uint64_t security,
                          std::uint64_t least) {
  auto out = fakes::small_release(version, counter);
  out.security_version = SecurityVersion(security);
  out.min_security_version = SecurityVersion(least);
  return out;
}

Sha256Digest digest(std::uint8_t n) {
  Sha256Digest out;
  out.bytes[0] = n;
  return out;
}

/// Published: 1.0.0 with counter 5, 1.1.0 with counter 7 and floor 3.
std::vector<PublishedRelease> published() {
  return {{"1.1.0", digest(2), ReleaseCounter(7), SecurityVersion(4), SecurityVersion(3)},
          {"1.0.0", digest(1), ReleaseCounter(5), SecurityVersion(2), SecurityVersion(0)}};
}

Repository repository(std::uint64_t ceiling) {
  auto plan = fakes::small_plan();
  plan.policy.ceilings.insert_or_assign("gw3", SecurityVersion(ceiling));
  return *first_state(plan, "/r");
}

}  // namespace

TEST_CASE("rules: a release above all others is new (FORMAT 11.3.1)", "[signer][rules]") {
  const auto verdict =
      check_addition(release("1.2.0", 8, 4, 3), digest(9), published(), repository(9));
  REQUIRE(verdict);
  CHECK(*verdict == Addition::kNew);
}

TEST_CASE("rules: the very same manifest is known, whatever came after", "[signer][rules]") {
  const auto verdict =
      check_addition(release("1.0.0", 5, 2, 0), digest(1), published(), repository(9));
  REQUIRE(verdict);
  CHECK(*verdict == Addition::kKnown);
}

TEST_CASE("rules: refusals each have their code (FORMAT 11.3.1, 11.3.2)", "[signer][rules]") {
  struct Row {
    const char* why;
    const char* version;
    std::uint64_t counter, security, least;
    Errc code;
  };
  const auto row =
      GENERATE(Row{"counter as the last one", "1.2.0", 7, 4, 3, Errc::kLedger},
               Row{"counter below the last one", "1.2.0", 6, 4, 3, Errc::kLedger},
               Row{"second manifest of a version", "1.1.0", 8, 4, 3, Errc::kLedger},
               Row{"second manifest of an old version", "1.0.0", 8, 4, 3, Errc::kLedger},
               Row{"security version above the ceiling", "1.2.0", 8, 81, 3, Errc::kRollback},
               Row{"floor goes down", "1.2.0", 8, 4, 2, Errc::kRollback},
               Row{"too far above the floor", "1.2.0", 8, 68, 3, Errc::kRollback});
  INFO(row.why);
  const auto verdict = check_addition(release(row.version, row.counter, row.security, row.least),
                                      digest(9), published(), repository(80));
  REQUIRE_FALSE(verdict);
  CHECK(verdict.error().code() == row.code);
}

TEST_CASE("rules: root's ceiling binds below the step, too", "[signer][rules]") {
  const auto verdict =
      check_addition(release("1.2.0", 8, 10, 3), digest(9), published(), repository(9));
  REQUIRE_FALSE(verdict);
  CHECK(verdict.error().code() == Errc::kRollback);
  CHECK(verdict.error().what().find("ceiling 9") != std::string::npos);
}

TEST_CASE("rules: the highest step a device takes is allowed", "[signer][rules]") {
  CHECK(check_addition(release("1.2.0", 8, 67, 3), digest(9), published(), repository(80)));
  CHECK(check_addition(release("1.2.0", 8, 9, 9), digest(9), published(), repository(9)));
}

TEST_CASE("rules: a product nobody delegated is refused by name", "[signer][rules]") {
  auto other = release("1.0.0", 1, 0, 0);
  other.product = "gw4";
  CHECK(check_addition(other, digest(9), {}, repository(9)).error().code() == Errc::kNotForDevice);
}

TEST_CASE("rules: manifests on disk count, listed or not, and must be what they are named",
          "[signer][rules]") {
  fakes::FakeDisk disk;
  NoProgress progress;
  CHECK(published_releases(disk, "/r", "gw3")->empty());
  for (const auto& [version, counter] : {std::pair{"1.0.0", 1U}, std::pair{"1.1.0", 4U}}) {
    const auto input = fakes::small_input(disk, version, counter);
    const auto built = build_release(disk, input, std::string("/b/") + version, progress);
    REQUIRE(built);
    disk.put("/r/" + manifest_path("releases/gw3/" + std::string(version) + "/manifest.json",
                                   built->digest),
             built->manifest);
  }
  disk.put("/r/targets/releases/gw3/1.1.0/half.tmp", "x");
  const auto found = published_releases(disk, "/r", "gw3");
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK(found->front().version == "1.1.0");
  CHECK(found->front().counter == ReleaseCounter(4));
  const std::string wrong(64, '0');
  disk.put("/r/targets/releases/gw3/1.1.0/" + wrong + ".manifest.json", "{}");
  CHECK(published_releases(disk, "/r", "gw3").error().code() == Errc::kHashMismatch);
}
