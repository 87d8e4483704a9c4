#include "signer/spread.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::signer;
using Versions = std::vector<std::string>;

namespace {

constexpr std::string_view kGood =
    R"({"_type":"pawl.spread","format":1,"product":"gw3","versions":[)"
    R"({"devices":10,"version":"1.0.0"},{"devices":70,"version":"1.2.0"},)"
    R"({"devices":20,"version":"1.1.0"},{"devices":0,"version":"0.9.0"}]})";

}  // namespace

TEST_CASE("spread: the fewest versions that cover the devices, most devices first (FORMAT 11.6.1)",
          "[signer][spread]") {
  const auto spread = Spread::parse(kGood);
  REQUIRE(spread);
  CHECK(spread->product == "gw3");
  CHECK(spread->cover(70, 7) == Versions{"1.2.0"});
  CHECK(spread->cover(71, 7) == Versions{"1.2.0", "1.1.0"});
  CHECK(spread->cover(90, 7) == Versions{"1.2.0", "1.1.0"});
  CHECK(spread->cover(100, 7) == Versions{"1.2.0", "1.1.0", "1.0.0"});
  CHECK(spread->cover(100, 2) == Versions{"1.2.0", "1.1.0"});
  CHECK(Spread{"gw3", {}}.cover(90, 7).empty());
}

TEST_CASE("spread: refusals (FORMAT 11.6.1)", "[signer][spread]") {
  struct Row {
    const char* why;
    std::string text;
    Errc code;
  };
  const auto with = [](const std::string& rows) {
    return R"({"_type":"pawl.spread","format":1,"product":"gw3","versions":[)" + rows + "]}";
  };
  const auto row = GENERATE_COPY(
      Row{"another type", R"({"_type":"pawl.key","format":1,"product":"g","versions":[]})",
          Errc::kMalformed},
      Row{"another format", R"({"_type":"pawl.spread","format":2,"product":"g","versions":[]})",
          Errc::kMalformed},
      Row{"no product", R"({"_type":"pawl.spread","format":1,"versions":[]})", Errc::kMalformed},
      Row{"no versions", R"({"_type":"pawl.spread","format":1,"product":"g"})", Errc::kMalformed},
      Row{"a version twice", with(R"({"devices":1,"version":"1"},{"devices":2,"version":"1"})"),
          Errc::kMalformed},
      Row{"negative", with(R"({"devices":-1,"version":"1"})"), Errc::kMalformed},
      Row{"over the limit", with(R"({"devices":1000000000001,"version":"1"})"), Errc::kMalformed},
      Row{"not an object", with("1"), Errc::kMalformed},
      Row{"too large", std::string(kMaxSpreadBytes + 1, ' '), Errc::kTooLarge});
  INFO(row.why);
  CHECK(Spread::parse(row.text).error().code() == row.code);
}

TEST_CASE("spread: every truncation is refused", "[signer][spread]") {
  for (std::size_t n = 0; n < kGood.size(); ++n) {
    INFO(n);
    REQUIRE(Spread::parse(kGood.substr(0, n)).error().code() == Errc::kMalformed);
  }
}
