#include "base/time.hpp"

#include <array>
#include <cstdio>

namespace pawl {
namespace {

constexpr std::string_view kPattern = "dddd-dd-ddTdd:dd:ddZ";

bool follows_pattern(std::string_view text) {
  if (text.size() != kPattern.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kPattern[i] == 'd' ? !digit : text[i] != kPattern[i]) return false;
  }
  return true;
}

unsigned number(std::string_view text, std::size_t at, std::size_t digits) {
  unsigned v = 0;
  for (const char c : text.substr(at, digits)) v = v * 10 + static_cast<unsigned>(c - '0');
  return v;
}

}  // namespace

Result<UtcTime> parse_utc(std::string_view text) {
  using namespace std::chrono;
  if (!follows_pattern(text)) return fail(Errc::kMalformed, "not a time like 2026-01-31T08:00:00Z");
  const year_month_day date(year(static_cast<int>(number(text, 0, 4))), month(number(text, 5, 2)),
                            day(number(text, 8, 2)));
  const auto hour = number(text, 11, 2);
  const auto minute = number(text, 14, 2);
  const auto second = number(text, 17, 2);
  if (!date.ok() || date.year() < year(1970) || hour > 23 || minute > 59 || second > 59) {
    return fail(Errc::kMalformed, "no such time: " + std::string(text));
  }
  return UtcTime(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second);
}

std::string format_utc(UtcTime time) {
  using namespace std::chrono;
  const auto day_start = floor<days>(time);
  const year_month_day date(day_start);
  const hh_mm_ss clock(time - day_start);
  std::array<char, 40> text{};
  const int n = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(n)};
}

std::string format_duration(Seconds duration) {
  struct Unit {
    std::int64_t seconds;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits{{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}};
  auto left = duration.count();
  std::string out = left < 0 ? "-" : "";
  left = left < 0 ? -left : left;
  int shown = 0;
  for (const auto& unit : kUnits) {
    const auto n = left / unit.seconds;
    left %= unit.seconds;
    if (n == 0 && !(unit.seconds == 1 && shown == 0)) continue;
    if (shown == 2) break;
    out += (shown == 0 ? "" : " ") + std::to_string(n) + " " + unit.name;
    ++shown;
  }
  return out;
}

UtcTime SystemClock::now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}
std::chrono::steady_clock::time_point SystemClock::steady() {
  return std::chrono::steady_clock::now();
}

}  // namespace pawl
