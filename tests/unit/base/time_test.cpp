#include "base/time.hpp"

#include <catch2/catch.hpp>

using namespace pawl;

TEST_CASE("time: one spelling, both directions", "[base]") {
  const std::string text = "2026-11-20T08:09:10Z";
  CHECK(format_utc(*parse_utc(text)) == text);
  CHECK(parse_utc("1970-01-01T00:00:00Z")->time_since_epoch().count() == 0);
  CHECK(parse_utc("2000-02-29T23:59:59Z")->time_since_epoch().count() == 951868799);
}

TEST_CASE("time: anything else is malformed", "[base]") {
  const auto text =
      GENERATE(as<std::string>(), "", "2026-11-20", "2026-11-20T08:09:10", "2026-11-20 08:09:10Z",
               "2026-11-20T08:09:10+00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
               "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
               "1969-12-31T23:59:59Z", "2026-11-20T08:09:10.5Z", "2026-1-20T08:09:10Zx");
  INFO(text);
  CHECK(parse_utc(text).error().code() == Errc::kMalformed);
}

TEST_CASE("durations: the two largest units", "[base]") {
  CHECK(format_duration(Seconds(0)) == "0 s");
  CHECK(format_duration(Seconds(59)) == "59 s");
  CHECK(format_duration(Seconds(3600)) == "1 h");
  CHECK(format_duration(Seconds(2 * 86400 + 4 * 3600 + 5 * 60)) == "2 d 4 h");
  CHECK(format_duration(Seconds(-90)) == "-1 min 30 s");
}
