#include "signer/expiry.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::signer;

TEST_CASE("expiry: durations have one number and one unit", "[signer][expiry]") {
  CHECK(*parse_duration("90d") == Seconds(90 * 86400));
  CHECK(*parse_duration("1y") == Seconds(365 * 86400));
  CHECK(*parse_duration("2w") == Seconds(14 * 86400));
  CHECK(*parse_duration("36h") == Seconds(36 * 3600));
  CHECK(*parse_duration("5m") == Seconds(300));
  CHECK(*parse_duration("50y") == Seconds(std::int64_t{50} * 365 * 86400));
  for (const auto* bad : {"", "d", "7", "0d", "-1d", "7 d", "7dd", "51y", "99999999999d", "1.5h"}) {
    INFO(bad);
    CHECK(parse_duration(bad).error().code() == Errc::kUsage);
  }
}

TEST_CASE("expiry: a duration is written so that it reads back", "[signer][expiry]") {
  for (const auto* text : {"1s", "59m", "36h", "7d", "365d"}) {
    CHECK(duration_text(*parse_duration(text)) == text);
  }
}

TEST_CASE("expiry: each role has its own, products share one", "[signer][expiry]") {
  const Expiry expiry;
  CHECK(expiry.of("root") == Seconds(365 * 86400));
  CHECK(expiry.of("targets") == Seconds(365 * 86400));
  CHECK(expiry.of("snapshot") == Seconds(30 * 86400));
  CHECK(expiry.of("timestamp") == Seconds(7 * 86400));
  CHECK(expiry.of("gw3") == Seconds(90 * 86400));
}
