#include "updater/schedule.hpp"

#include <set>

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::updater;

namespace {
constexpr std::uint64_t kLowest = 0;
constexpr Seconds kHour{3600};
}  // namespace

TEST_CASE("schedule: the first poll comes within one interval of the start", "[updater][run]") {
  CHECK(first_wait(kHour, kLowest) == Seconds(0));
  CHECK(first_wait(kHour, 3600) == Seconds(3600));
  CHECK(first_wait(kHour, 3601) == Seconds(0));
  Jitter jitter("spiffe://example.org/device/d1", "boot-1");
  for (int i = 0; i < 1000; ++i) {
    const auto wait = first_wait(kHour, jitter.next());
    CHECK((wait >= Seconds(0) && wait <= kHour));
  }
}

TEST_CASE("schedule: the server's wait is never undercut and hardly exceeded", "[updater][run]") {
  struct Row {
    std::optional<Seconds> asked;
    std::uint64_t random;
    Seconds wait;
  };
  const auto row =
      GENERATE(Row{Seconds(600), 0, Seconds(600)}, Row{Seconds(600), 60, Seconds(660)},
               Row{Seconds(600), 61, Seconds(600)}, Row{Seconds(0), 99, Seconds(0)},
               Row{Seconds(7), 99, Seconds(7)}, Row{std::nullopt, 0, Seconds(1800)},
               Row{std::nullopt, 3600, Seconds(5400)}, Row{std::nullopt, 3601, Seconds(1800)});
  INFO(row.random);
  CHECK(poll_wait(kHour, row.asked, row.random) == row.wait);
}

TEST_CASE("schedule: errors double the limit of the wait up to the interval", "[updater][run]") {
  struct Row {
    unsigned failures;
    Seconds limit;
  };
  const auto row =
      GENERATE(Row{1, Seconds(10)}, Row{2, Seconds(20)}, Row{3, Seconds(40)}, Row{9, Seconds(2560)},
               Row{10, kHour}, Row{20, kHour}, Row{4000000000U, kHour});
  INFO(row.failures);
  const auto last = static_cast<std::uint64_t>(row.limit.count() - 1);
  CHECK(retry_wait(row.failures, kHour, std::nullopt, kLowest) == Seconds(1));
  CHECK(retry_wait(row.failures, kHour, std::nullopt, last) == row.limit);
  CHECK(retry_wait(row.failures, kHour, std::nullopt, last + 1) == Seconds(1));
  CHECK(retry_wait(row.failures, kHour, Seconds(5000), last) == Seconds(5000));
  CHECK(retry_wait(row.failures, kHour, Seconds(0), last) == row.limit);
}

TEST_CASE("schedule: an interval shorter than the first limit bounds it", "[updater][run]") {
  CHECK(retry_wait(5, Seconds(3), std::nullopt, 2) == Seconds(3));
}

TEST_CASE("schedule: two devices and two boots draw other numbers, one boot the same",
          "[updater][run]") {
  std::set<std::uint64_t> seen;
  for (const auto* device : {"spiffe://example.org/d1", "spiffe://example.org/d2"}) {
    for (const auto* boot : {"b1", "b2"}) {
      Jitter one(device, boot);
      Jitter again(device, boot);
      for (int i = 0; i < 8; ++i) {
        const auto drawn = one.next();
        CHECK(again.next() == drawn);
        seen.insert(drawn);
      }
    }
  }
  CHECK(seen.size() == 32);
}

TEST_CASE("schedule: a fleet that starts at once spreads over the whole interval",
          "[updater][run]") {
  std::array<int, 10> tenths{};
  for (int device = 0; device < 1000; ++device) {
    Jitter jitter("spiffe://example.org/device/" + std::to_string(device), "same");
    ++tenths.at(static_cast<std::size_t>(first_wait(kHour, jitter.next()).count() / 361));
  }
  for (const int count : tenths) CHECK((count > 60 && count < 140));
}
