#include "manifest/policy.hpp"

#include <catch2/catch.hpp>

#include "fakes/edit_json.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::Edit;
using fakes::edit_json;

TEST_CASE("policy: a product without ceiling has the ceiling 0 (FORMAT 2.7.2)", "[manifest]") {
  Policy policy;
  policy.ceilings.emplace("gw3", SecurityVersion(9));
  CHECK(policy.ceiling("gw3") == SecurityVersion(9));
  CHECK(policy.ceiling("gw4") == SecurityVersion(0));
  const auto again = Policy::parse(policy.serialise());
  REQUIRE(again);
  CHECK(*again == policy);
}

TEST_CASE("policy: what does not follow the format is refused (FORMAT 2.7.1)", "[manifest]") {
  const std::string good = R"({"_type":"pawl.policy","ceilings":{"gw3":9},"format":1})";
  REQUIRE(Policy::parse(good));
  struct Row {
    const char* why;
    Edit edit;
  };
  const auto row = GENERATE(Row{"other type", {"_type", json::Value("pawl.floors")}},
                            Row{"other format", {"format", json::Value(2)}},
                            Row{"no ceilings", {"ceilings", std::nullopt}},
                            Row{"ceiling as text", {"ceilings/gw3", json::Value("9")}},
                            Row{"ceiling over 65535", {"ceilings/gw3", json::Value(65536)}},
                            Row{"no product name", {"ceilings/GW", json::Value(1)}});
  INFO(row.why);
  CHECK(Policy::parse(edit_json(good, row.edit)).error().code() == Errc::kMalformed);
  CHECK(Policy::parse(good + "\n").error().code() == Errc::kMalformed);
  for (std::size_t n = 0; n < good.size(); ++n) {
    REQUIRE(Policy::parse(good.substr(0, n)).error().code() == Errc::kMalformed);
  }
  Policy many;
  for (int i = 0; i < 257; ++i) many.ceilings.emplace("p" + std::to_string(i), SecurityVersion(1));
  CHECK(Policy::parse(many.serialise()).error().code() == Errc::kTooLarge);
  CHECK(Policy::parse(std::string(16385, ' ')).error().code() == Errc::kTooLarge);
}
