#include <catch2/catch.hpp>

#include "fakes/edit_json.hpp"
#include "updater/enroll_tpm.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::edit_json;

TEST_CASE("attestation key file: it reads back as it was written, and nothing else (FORMAT 13.7.1)",
          "[updater][enroll]") {
  KeptAk kept;
  kept.srk.bytes.fill(7);
  kept.key.private_area = Bytes(180, 1);
  kept.key.public_area = Bytes(90, 2);
  const auto good = write_ak(kept);
  const auto again = parse_ak(good);
  REQUIRE(again);
  CHECK(again->srk == kept.srk);
  CHECK(again->key.private_area == kept.key.private_area);
  CHECK(again->key.public_area == kept.key.public_area);
  const std::pair<const char*, fakes::Edit> rows[] = {
      {"other format", {"format", json::Value(2)}},
      {"no format", {"format", std::nullopt}},
      {"one more member", {"more", json::Value(1)}},
      {"no storage root key", {"srk", std::nullopt}},
      {"a name too short", {"srk", json::Value("07")}},
      {"no base64", {"private", json::Value("?")}},
      {"a number", {"public", json::Value(1)}}};
  for (const auto& [why, edit] : rows) {
    INFO(why);
    CHECK(parse_ak(edit_json(good, edit)).error().code() == Errc::kMalformed);
  }
  for (std::size_t n = 0; n < good.size(); ++n) {
    REQUIRE(parse_ak(good.substr(0, n)).error().code() == Errc::kMalformed);
  }
  CHECK(parse_ak(std::string(8193, ' ')).error().code() == Errc::kTooLarge);
}
