#include "signer/uki.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "tests/fakes/pe_builder.hpp"

using namespace pawl;
using namespace pawl::signer;

namespace {

constexpr std::string_view kLine = "quiet ro systemd.import_credentials=no";
constexpr std::string_view kStub = "#### LoaderInfo: systemd-stub 252.39-1~deb12u2 ####";

fakes::PeBuilder uki(std::string_view line = kLine, std::string_view stub = kStub) {
  return fakes::small_uki("kernel", line, "initrd").add(".sdmagic", stub);
}

}  // namespace

TEST_CASE("uki: the report names stub and command line", "[signer][uki]") {
  const auto report = report_uki(uki().build(), {});
  REQUIRE(report);
  CHECK(report->stub == "systemd-stub 252.39-1~deb12u2");
  CHECK(report->command_line == kLine);
  CHECK(report->digests.initrd == sha256(as_bytes("initrd")));
}

TEST_CASE("uki: each phase word extends PCR 11 (FORMAT 11.4.3)", "[signer][uki]") {
  const auto image = uki().build();
  const auto none = report_uki(image, *parse_phases("none"));
  const auto words = report_uki(image, *parse_phases("sysinit ready"));
  REQUIRE(none);
  REQUIRE(words);
  CHECK(none->pcr11 == none->digests.pcr11);
  auto pcr = none->pcr11;
  for (const std::string_view word : {"sysinit", "ready"}) {
    Bytes both(pcr.bytes.begin(), pcr.bytes.end());
    const auto digest = sha256(as_bytes(word));
    both.insert(both.end(), digest.bytes.begin(), digest.bytes.end());
    pcr = sha256(both);
  }
  CHECK(words->pcr11 == pcr);
}

TEST_CASE("uki: only lists of words that systems produce are taken", "[signer][uki]") {
  CHECK(parse_phases("enter-initrd leave-initrd sysinit ready")->size() == 4);
  CHECK(parse_phases("sysinit ready")->size() == 2);
  CHECK(parse_phases("none")->empty());
  for (const auto* bad : {"", "ready", "ready sysinit", "sysinit  ready"}) {
    CHECK(parse_phases(bad).error().code() == Errc::kUsage);
  }
}

TEST_CASE("uki: what cannot be measured for sure is refused (FORMAT 11.4.1, 11.4.2)",
          "[signer][uki]") {
  struct Row {
    const char* why;
    fakes::PeBuilder image;
  };
  const std::vector<Row> rows{
      {"no stub name", fakes::small_uki("kernel", kLine, "initrd")},
      {"stub name without end", uki(kLine, "#### LoaderInfo: systemd-stub 252")},
      {"stub name with a control character", uki(kLine, "#### LoaderInfo: systemd-stub\n252 ####")},
      {"control character after the version",
       uki(kLine, "#### LoaderInfo: systemd-stub 252\n ####")},
      {"endless stub name",
       uki(kLine, "#### LoaderInfo: systemd-stub 252" + std::string(200, 'x') + " ####")},
      {"another stub", uki(kLine, "#### LoaderInfo: other-stub 252 ####")},
      {"older stub", uki(kLine, "#### LoaderInfo: systemd-stub 251.4 ####")},
      {"newer stub", uki(kLine, "#### LoaderInfo: systemd-stub 255.4 ####")},
      {"stub version with more digits", uki(kLine, "#### LoaderInfo: systemd-stub 2521 ####")},
      {"unknown section", uki().add(".ucode", "x")},
      {"signature the stub turns into a file", uki().add(".pcrsig", "{}")},
      {"key the stub turns into a file", uki().add(".pcrpkey", "x")},
      {"credentials from the boot partition", uki("quiet ro")},
      {"switch is part of a word", uki("xsystemd.import_credentials=no")},
      {"initrd from a file", uki("initrd=x systemd.import_credentials=no")},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    const auto report = report_uki(row.image.build(), {});
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == Errc::kMalformed);
  }
}
