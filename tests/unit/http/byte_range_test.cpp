#include "http/byte_range.hpp"

#include <string>

#include <catch2/catch.hpp>

using namespace pawl::http;

namespace {
constexpr std::uint64_t kMost = ~std::uint64_t{0};
}  // namespace

TEST_CASE("range: one range of bytes, or the whole file (FORMAT 12.3.1)", "[http][range]") {
  using V = RangeVerdict;
  struct Row {
    std::string header;
    std::uint64_t size;
    V verdict;
    ByteRange range;
  };
  const Row rows[] = {{"", 10, V::kWhole, {}},
                      {"bytes=0-0", 10, V::kPart, {0, 1}},
                      {"bytes=0-9", 10, V::kPart, {0, 10}},
                      {"bytes=0-10", 10, V::kPart, {0, 10}},
                      {"bytes=3-", 10, V::kPart, {3, 7}},
                      {"bytes=9-9", 10, V::kPart, {9, 1}},
                      {"bytes=-1", 10, V::kPart, {9, 1}},
                      {"bytes=-99", 10, V::kPart, {0, 10}},
                      {"bytes=5-18446744073709551615", 10, V::kPart, {5, 5}},
                      {"bytes=0-", kMost, V::kPart, {0, kMost}},
                      {"bytes=10-", 10, V::kUnsatisfiable, {}},
                      {"bytes=10-12", 10, V::kUnsatisfiable, {}},
                      {"bytes=18446744073709551615-", 10, V::kUnsatisfiable, {}},
                      {"bytes=-0", 10, V::kUnsatisfiable, {}},
                      {"bytes=0-", 0, V::kUnsatisfiable, {}},
                      {"bytes=-5", 0, V::kUnsatisfiable, {}},
                      {"bytes=4-3", 10, V::kWhole, {}},
                      {"bytes=", 10, V::kWhole, {}},
                      {"bytes=-", 10, V::kWhole, {}},
                      {"bytes=--1", 10, V::kWhole, {}},
                      {"bytes=0-1,3-4", 10, V::kWhole, {}},
                      {"bytes=0-x", 10, V::kWhole, {}},
                      {"bytes= 0-1", 10, V::kWhole, {}},
                      {"bytes=+0-1", 10, V::kWhole, {}},
                      {"bytes=18446744073709551616-", 10, V::kWhole, {}},
                      {"lines=0-1", 10, V::kWhole, {}},
                      {"Bytes=0-1", 10, V::kWhole, {}},
                      {"bytes=" + std::string(60, '0') + "-1", 10, V::kWhole, {}}};
  for (const auto& row : rows) {
    INFO(row.header << " of " << row.size);
    const auto answer = resolve_range(row.header, row.size);
    CHECK(answer.verdict == row.verdict);
    CHECK(answer.range == row.range);
  }
}
