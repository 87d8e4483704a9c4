#include <catch2/catch.hpp>

#include "outside.hpp"

using namespace pawl;

TEST_CASE("vectors: nothing JSONTestSuite refuses is accepted", "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  const auto parsing = *folder + "/JSONTestSuite/test_parsing";
  unsigned good = 0;
  unsigned bad = 0;
  unsigned either = 0;
  for (const auto& name : outside::list(parsing)) {
    if (!name.ends_with(".json")) continue;
    INFO(name);
    const auto bytes = outside::read(parsing + "/" + name);
    const json::Limits limits{std::size_t{1} << 20U, 600, std::size_t{1} << 20U};
    const auto any = json::parse(as_text(bytes), limits);
    const auto strict = json::parse(as_text(bytes), limits, json::Form::kCanonical);
    if (strict) CHECK(any);
    if (name[0] == 'n') {
      CHECK_FALSE(any);
      ++bad;
    } else if (name[0] == 'y') {
      // duplicate members are refused on purpose (FORMAT 1.1.1)
      const bool duplicate = name.find("duplicated_key") != std::string::npos;
      CHECK(static_cast<bool>(any) != duplicate);
      ++good;
    } else {
      ++either;  // no crash is all that is asked
    }
  }
  CHECK(good == 95);
  CHECK(bad == 188);
  CHECK(either == 35);
}
