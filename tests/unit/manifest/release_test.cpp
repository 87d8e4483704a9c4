#include "manifest/release.hpp"

#include <catch2/catch.hpp>

#include "fakes/edit_json.hpp"
#include "fakes/repo_simulator.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::at;
using fakes::Edit;
using fakes::edit_json;
using fakes::json_of;

namespace {

struct Row {
  const char* why;
  Edit edit;
  Errc code = Errc::kMalformed;
};

/// A release that uses every member.
Release full() {
  auto release = fakes::sample_release();
  release.components[0].verity_root = sha256(as_bytes("verity"));
  Component model;
  model.name = "model";
  model.slot_role = SlotRole::kModel;
  model.install = {InstallKind::kHandler, "npu-loader"};
  model.size = 5;
  model.sha256 = sha256(as_bytes("model"));
  model.payloads = {{{sha256(as_bytes("i")), 144}, {sha256(as_bytes("c")), 0}}};
  release.components.push_back(model);
  release.requirements = {"0.1", 3, ReleaseCounter(1), 30, 1U << 20U};
  release.measurements = {{"efi-uki",
                           {{"pe:loader", 4, sha256(as_bytes("l")), 1},
                            {"section:.linux", 11, sha256(as_bytes("k")), 1},
                            {"cmdline-utf16", 12, sha256(as_bytes("x")), 2}},
                           sha256(as_bytes("pcr11")),
                           {"sysinit", "ready"}}};
  release.geo = Geofence{{"DE", "FR-IDF"}, {"DE-BY"}, LocationEvidence::kSvid};
  release.rollout = Rollout{at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"), Severity::kHigh,
                            Seconds(3600)};
  release.offline = OfflineRule{OfflineUse::kAllowed, at("2027-06-01T00:00:00Z")};
  release.encryption = Encryption{"frame-xchacha20poly1305", "00112233445566ff"};
  release.attachments = {{"sbom-spdx", "application/spdx+json", {sha256(as_bytes("s")), 9}}};
  release.advisories = {"CVE-2026-0001"};
  release.support_until = at("2031-01-01T00:00:00Z");
  release.regulatory_id = "RX-1";
  release.critical = {"geo"};
  return release;
}

void check_row(const Row& row) {
  INFO(row.why);
  const auto parsed = Release::parse(edit_json(full().serialise(), row.edit));
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == row.code);
}

}  // namespace

TEST_CASE("release: what the signer writes parses to the same release", "[manifest]") {
  for (const auto& release : {full(), fakes::sample_release()}) {
    const auto again = Release::parse(release.serialise());
    if (!again) FAIL(again.error().what());
    CHECK(*again == release);
    CHECK(again->serialise() == release.serialise());
  }
  CHECK(full().component(SlotRole::kModel)->name == "model");
  CHECK(full().component(SlotRole::kBoot) == nullptr);
  CHECK(full().measured("efi-uki")->phases.size() == 2);
  CHECK(full().measured("grub-uki") == nullptr);
}

TEST_CASE("release: no truncated manifest is accepted", "[manifest]") {
  const auto good = full().serialise();
  for (std::size_t n = 0; n < good.size(); ++n) {
    REQUIRE(Release::parse(good.substr(0, n)).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("release: bytes, nesting, strings and names are bounded (FORMAT 3.1.1)", "[manifest]") {
  const auto good = full().serialise();
  CHECK(Release::parse(good + "\n").error().code() == Errc::kMalformed);
  CHECK(Release::parse(std::string(kMaxReleaseBytes + 1, ' ')).error().code() == Errc::kTooLarge);
  const auto row =
      GENERATE(Row{"member name", {"Other", json::Value(1)}},
               Row{"long member name", {std::string(41, 'a'), json::Value(1)}},
               Row{"long string", {"advisories/0", json::Value(std::string(513, 'a'))}},
               Row{"empty string", {"advisories/0", json::Value("")}},
               Row{"long array",
                   {"advisories", json::Value(json::Array(257, json::Value("a")))},
                   Errc::kTooLarge},
               Row{"too deep", {"other", json_of("[[[[[[[[[1]]]]]]]]]")}, Errc::kTooLarge});
  check_row(row);
}

TEST_CASE("release: type and format are fixed (FORMAT 3.1.2)", "[manifest]") {
  check_row(GENERATE(
      Row{"other type", {"_type", json::Value("targets")}}, Row{"no type", {"_type", std::nullopt}},
      Row{"format 2", {"format", json::Value(2)}}, Row{"no format", {"format", std::nullopt}}));
}

TEST_CASE("release: critical members must be known (FORMAT 3.1.3)", "[manifest]") {
  const auto good = full().serialise();
  CHECK(Release::parse(edit_json(good, {"new_idea", json::Value(1)})));
  CHECK(Release::parse(edit_json(good, {"geo/new_idea", json::Value(1)})));
  check_row(GENERATE(Row{"unknown",
                         {"critical", json::Value(json::Array{"geo", "new_idea"})},
                         Errc::kNotForDevice},
                     Row{"not sorted", {"critical", json::Value(json::Array{"offline", "geo"})}},
                     Row{"twice", {"critical", json::Value(json::Array{"geo", "geo"})}},
                     Row{"no text", {"critical", json::Value(json::Array{1})}},
                     Row{"absent", {"geo", std::nullopt}},
                     Row{"no list", {"critical", std::nullopt}}));
}

TEST_CASE("release: product, ids and version (FORMAT 3.2.1)", "[manifest]") {
  check_row(GENERATE(
      Row{"upper case product", {"product", json::Value("GW3")}},
      Row{"long product", {"product", json::Value(std::string(65, 'a'))}},
      Row{"no product", {"product", std::nullopt}},
      Row{"vendor no UUID", {"vendor_id", json::Value("acme")}},
      Row{"vendor upper case", {"vendor_id", json::Value("FA6B4A53-d5ad-5fdf-be9d-e663e4d41ffe")}},
      Row{"class without dashes", {"class_id", json::Value("1492af1402569-5e48-bf42-9b2d51f2ab4")}},
      Row{"class dash moved", {"class_id", json::Value("1492af140-569-5e48-bf42-9b2d51f2ab45")}},
      Row{"version starts with a letter", {"version", json::Value("v1")}},
      Row{"version with a slash", {"version", json::Value("1/2")}},
      Row{"version climbs", {"version", json::Value("1..2")}},
      Row{"no version", {"version", std::nullopt}}));
}

TEST_CASE("release: hardware revisions (FORMAT 3.2.2)", "[manifest]") {
  check_row(GENERATE(
      Row{"none", {"hardware", json::Value(json::Array{})}},
      Row{"no list", {"hardware", std::nullopt}},
      Row{"no revision", {"hardware/0/rev", std::nullopt}},
      Row{"revision with a blank", {"hardware/0/rev", json::Value("b c")}},
      Row{"no boot version", {"hardware/0/min_boot", std::nullopt}},
      Row{"65 of them",
          {"hardware", json::Value(json::Array(65, json_of(R"({"min_boot":0,"rev":"a"})")))},
          Errc::kTooLarge}));
}

TEST_CASE("release: counters (FORMAT 3.2.3)", "[manifest]") {
  check_row(GENERATE(Row{"counter 0", {"release_counter", json::Value(0)}},
                     Row{"no counter", {"release_counter", std::nullopt}},
                     Row{"security over 65535", {"security_version", json::Value(65536)}},
                     Row{"no security", {"security_version", std::nullopt}},
                     Row{"no least security", {"min_security_version", std::nullopt}},
                     Row{"least above security", {"min_security_version", json::Value(8)}}));
}

TEST_CASE("release: components (FORMAT 3.2.4)", "[manifest]") {
  const std::string c = "components/0/";
  check_row(
      GENERATE_COPY(Row{"none", {"components", json::Value(json::Array{})}},
                    Row{"no list", {"components", std::nullopt}},
                    Row{"17 of them",
                        {"components", json::Value(json::Array(17, json::Value(1)))},
                        Errc::kTooLarge},
                    Row{"name twice", {"components/1/name", json::Value("rootfs")}},
                    Row{"name with a slash", {c + "name", json::Value("a/b")}},
                    Row{"unknown role", {c + "slot_role", json::Value("swap")}},
                    Row{"unknown installer", {c + "install", json::Value("tar")}},
                    Row{"handler without id", {c + "install", json::Value("handler:")}},
                    Row{"handler with a path", {c + "install", json::Value("handler:../x")}},
                    Row{"size 0", {c + "size", json::Value(0)}},
                    Row{"size over 2^40", {c + "size", json::Value((std::int64_t{1} << 40U) + 1)}},
                    Row{"short digest", {c + "sha256", json::Value("00")}},
                    Row{"short verity root", {c + "verity_root", json::Value("00")}}));
}

TEST_CASE("release: payloads (FORMAT 3.2.5)", "[manifest]") {
  const std::string p = "components/0/payloads";
  check_row(GENERATE_COPY(
      Row{"none", {p, json::Value(json::Array{})}}, Row{"no list", {p, std::nullopt}},
      Row{"9 of them", {p, json::Value(json::Array(9, json::Value(1)))}, Errc::kTooLarge},
      Row{"no index", {p + "/0/index", std::nullopt}},
      Row{"no container", {p + "/0/container", std::nullopt}},
      Row{"index of no bytes", {p + "/0/index/size", json::Value(0)}},
      Row{"index without digest", {p + "/0/index/sha256", std::nullopt}},
      Row{"container without size", {p + "/0/container/size", std::nullopt}}));
}

TEST_CASE("release: boot rule (FORMAT 3.2.6)", "[manifest]") {
  check_row(GENERATE(Row{"no rule", {"boot", std::nullopt}},
                     Row{"no timeout", {"boot/health_timeout_s", json::Value(0)}},
                     Row{"timeout over a day", {"boot/health_timeout_s", json::Value(86401)}},
                     Row{"unknown reboot", {"boot/reboot", json::Value("maybe")}},
                     Row{"no tries", {"boot/tries", json::Value(0)}},
                     Row{"11 tries", {"boot/tries", json::Value(11)}}));
}

TEST_CASE("release: requirements (FORMAT 3.3.1)", "[manifest]") {
  check_row(GENERATE(Row{"no object", {"requires", json::Value(1)}},
                     Row{"updater no version", {"requires/updater", json::Value("new")}},
                     Row{"boot loader as text", {"requires/bootloader", json::Value("3")}},
                     Row{"stepping stone 0", {"requires/from/min_release_counter", json::Value(0)}},
                     Row{"stepping stone empty", {"requires/from", json_of("{}")}},
                     Row{"battery 101", {"requires/battery_pct", json::Value(101)}},
                     Row{"space as text", {"requires/free_bytes", json::Value("1")}}));
}

TEST_CASE("release: measurements (FORMAT 3.3.2)", "[manifest]") {
  const std::string m = "measurements/0/";
  auto twice = json_of(full().serialise());
  const auto& all = *twice.object()->find("measurements")->array();
  check_row(GENERATE_COPY(
      Row{"unknown profile", {m + "profile", json::Value("lilo")}},
      Row{"profile twice", {"measurements", json::Value(json::Array{all[0], all[0]})}},
      Row{"no digests", {m + "digests", json::Value(json::Array{})}},
      Row{"unknown role", {m + "digests/0/role", json::Value("pe:other")}},
      Row{"section without name", {m + "digests/0/role", json::Value("section:")}},
      Row{"PCR 24", {m + "digests/0/pcr", json::Value(24)}},
      Row{"count 0", {m + "digests/0/count", json::Value(0)}},
      Row{"count 17", {m + "digests/0/count", json::Value(17)}},
      Row{"short digest", {m + "digests/0/digest", json::Value("00")}},
      Row{"short PCR 11", {m + "pcr11", json::Value("00")}},
      Row{"no phases", {m + "phases", std::nullopt}},
      Row{"phase no word", {m + "phases/0", json::Value("a b")}}));
}

TEST_CASE("release: geofence (FORMAT 3.3.3)", "[manifest]") {
  check_row(GENERATE(Row{"lower case", {"geo/allow/0", json::Value("de")}},
                     Row{"one letter", {"geo/deny/0", json::Value("D")}},
                     Row{"a name", {"geo/allow/0", json::Value("GERMANY")}},
                     Row{"no allow", {"geo/allow", std::nullopt}},
                     Row{"no deny", {"geo/deny", std::nullopt}},
                     Row{"unknown evidence", {"geo/evidence", json::Value("gps")}}));
}

TEST_CASE("release: rollout and offline rules (FORMAT 3.3.4, 3.3.5)", "[manifest]") {
  check_row(GENERATE(
      Row{"not_before as text", {"rollout/not_before", json::Value("now")}},
      Row{"not_after over 9999", {"rollout/not_after", json::Value(std::int64_t{253402300800})}},
      Row{"unknown severity", {"rollout/severity", json::Value("bad")}},
      Row{"postponed over a year", {"rollout/max_postpone_s", json::Value(31536001)}},
      Row{"allowed as text", {"offline/allowed", json::Value("yes")}},
      Row{"allowed without end", {"offline/valid_until", std::nullopt}}));
}

TEST_CASE("release: encryption, attachments, documents (FORMAT 3.3.6)", "[manifest]") {
  check_row(
      GENERATE(Row{"no scheme", {"encryption/scheme", std::nullopt}},
               Row{"short key id", {"encryption/key_id", json::Value("0011")}},
               Row{"key id no hex", {"encryption/key_id", json::Value("00112233445566fg")}},
               Row{"attachment without kind", {"attachments/0/kind", std::nullopt}},
               Row{"attachment without type", {"attachments/0/media_type", std::nullopt}},
               Row{"attachment of no bytes", {"attachments/0/size", json::Value(0)}},
               Row{"33 attachments",
                   {"attachments", json::Value(json::Array(33, json::Value(1)))},
                   Errc::kTooLarge},
               Row{"end of support as text", {"support_until", json::Value("2030")}},
               Row{"long regulatory id", {"regulatory_id", json::Value(std::string(129, 'a'))}}));
}

TEST_CASE("release: the summary says what the manifest says (FORMAT 2.6.5)", "[manifest]") {
  const auto summary = ReleaseSummary::of(full());
  const auto again = ReleaseSummary::parse(summary.to_json());
  REQUIRE(again);
  CHECK(*again == summary);
  const auto text = json::write(summary.to_json());
  for (const auto* member : {"product", "hw", "release_counter", "security_version"}) {
    const auto edited = json_of(edit_json(text, {member, std::nullopt}));
    CHECK(ReleaseSummary::parse(*edited.object()).error().code() == Errc::kMalformed);
  }
}
