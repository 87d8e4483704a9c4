#pragma once
#include "base/time.hpp"

namespace pawl::fakes {

/// A clock that stands where the test puts it.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(UtcTime start) : time(start) {}
  UtcTime now() override { return time; }
  std::chrono::steady_clock::time_point steady() override { return steady_time; }
  UtcTime time;
  std::chrono::steady_clock::time_point steady_time{};
};

}  // namespace pawl::fakes
