#include "signer/lint.hpp"

#include <catch2/catch.hpp>

#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;
using Weight = LintFinding::Weight;

namespace {

struct Shelf {
  fakes::FakeDisk disk;
  fakes::MemoryKeys keys;
  KeyRing ring = fakes::ring_of(keys, fakes::all_labels());

  Shelf() { REQUIRE(fakes::publish_first(disk, ring)); }
  /// Signs root again: devices of one more age.
  void renew_root() {
    auto base = load_repository(disk, fakes::kRepository, {});
    REQUIRE(base);
    Revision revision(*std::move(base), {}, fakes::kSignedAt);
    revision.renew("root");
    const auto done = revision.sign(ring);
    REQUIRE(done);
    NoProgress progress;
    REQUIRE(done->publication.publish(disk, fakes::kRepository, progress));
  }
  LintReport lint(Seconds later) {
    auto out = lint_repository(disk, fakes::kRepository, fakes::kSignedAt + later);
    REQUIRE(out);
    return *std::move(out);
  }
};

constexpr auto kDay = std::chrono::hours(24);

}  // namespace

TEST_CASE("lint: a repository that was just signed has nothing to be said about it",
          "[signer][lint]") {
  Shelf shelf;
  shelf.renew_root();
  const auto report = shelf.lint(Seconds(0));
  CHECK(report.roots == 2);
  CHECK(report.findings.empty());
}

TEST_CASE("lint: roles that expire soon are named with what to do", "[signer][lint]") {
  Shelf shelf;
  const auto report = shelf.lint(6 * kDay);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].weight == Weight::kWarning);
  CHECK(report.findings[0].what == "timestamp 1 expires in 1 d: then no device updates");
  CHECK(report.findings[0].remedy == "pawl-signer renew --role timestamp");
  CHECK_FALSE(report.stuck());
}

TEST_CASE("lint: after an expiry every age of device is stuck", "[signer][lint]") {
  Shelf shelf;
  shelf.renew_root();
  const auto report = shelf.lint(8 * kDay);
  CHECK(report.stuck());
  REQUIRE(report.findings.size() == 2);
  CHECK(report.findings[0].what.starts_with("a device built with root 1 cannot update: timestamp"));
}

TEST_CASE("lint: a chain that breaks strands the devices before the break alone",
          "[signer][lint]") {
  Shelf shelf;
  shelf.renew_root();
  shelf.renew_root();
  const std::string second = std::string(fakes::kRepository) + "/metadata/2.root.json";
  auto bytes = shelf.disk.content(second);
  for (auto at = as_text(bytes).find("\"sig\":\""); at != std::string_view::npos;
       at = as_text(bytes).find("\"sig\":\"", at + 1)) {
    bytes[at + 7] = bytes[at + 7] == '0' ? '1' : '0';
  }
  shelf.disk.put(second, bytes);
  const auto report = shelf.lint(Seconds(0));
  REQUIRE(report.stuck());
  CHECK(report.findings[0].what.starts_with("a device built with root 1 cannot update: root 2"));
  for (const auto& finding : report.findings) {
    CHECK(finding.what.find("built with root 3") == std::string::npos);
  }
}

TEST_CASE("lint: what is no repository is an error", "[signer][lint]") {
  fakes::FakeDisk disk;
  CHECK(lint_repository(disk, "/nowhere", fakes::kSignedAt).error().code() == Errc::kIo);
}
