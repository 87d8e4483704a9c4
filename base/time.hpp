#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pawl {

using Seconds = std::chrono::seconds;
using UtcTime = std::chrono::sys_seconds;

/// "2026-11-20T08:00:00Z" and nothing else (TUF 4.2.1); years 1970 to 9999.
[[nodiscard]] Result<UtcTime> parse_utc(std::string_view text);
[[nodiscard]] std::string format_utc(UtcTime time);
/// "2 d 4 h", "3 min", "12 s": the two largest units, for people.
[[nodiscard]] std::string format_duration(Seconds duration);

/// Time comes in through this, so that rules can be tested at any date.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UtcTime now() = 0;
  virtual std::chrono::steady_clock::time_point steady() = 0;
};

class SystemClock final : public Clock {
 public:
  UtcTime now() override;
  std::chrono::steady_clock::time_point steady() override;
};

}  // namespace pawl
