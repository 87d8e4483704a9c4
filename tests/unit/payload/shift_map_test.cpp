#include "payload/shift_map.hpp"

#include <catch2/catch.hpp>

using namespace pawl::payload;

TEST_CASE("a target seen before is guessed first (FORMAT 4.7.8)", "[payload]") {
  ShiftMap map;
  map.learn(0x1000, 16);
  map.learn(0x1004, 32);
  map.learn(0x90000, 48);
  REQUIRE_FALSE(map.guess(0x1000).empty());
  CHECK(map.guess(0x1000).front().shift == 16);
  CHECK(map.guess(0x1004).front().shift == 32);
}

TEST_CASE("a new target is guessed from its neighbours (FORMAT 4.7.8)", "[payload]") {
  ShiftMap map;
  map.learn(0x1000, 16);
  map.learn(0x90000, 48);
  CHECK(map.guess(0x1008).front().shift == 16);
  CHECK(map.guess(0x90100).front().shift == 48);
  CHECK(map.guess(0x5000000).front().shift == 48);  // nothing near: the last one
}

TEST_CASE("guesses are distinct and end with no shift (FORMAT 4.7.8)", "[payload]") {
  ShiftMap map;
  CHECK(map.guess(5).size() == 1);
  CHECK(map.guess(5).front().shift == 0);
  map.learn(0x1000, 16);
  const auto guesses = map.guess(0x1000);
  REQUIRE(guesses.size() == 2);
  CHECK(guesses[1].shift == 0);
  map.reset();
  CHECK(map.guess(0x1000).front().shift == 0);
}

TEST_CASE("a guess is trusted more each time it holds (FORMAT 4.7.8)", "[payload]") {
  ShiftMap map;
  std::uint32_t trust = 0;
  for (int i = 0; i < 4; ++i) {
    map.learn(0x1000, 16);
    const auto now = map.guess(0x1000).front().trust;
    if (i > 0) CHECK(now == trust + 1);
    trust = now;
  }
  map.learn(0x1000, 16);
  CHECK(map.guess(0x1000).front().trust == trust);
  CHECK(trust < ShiftMap::kTrusts);
}
