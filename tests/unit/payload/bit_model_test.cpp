#include "payload/bit_model.hpp"

#include <random>

#include <catch2/catch.hpp>

#include "payload/bit_coder.hpp"

using namespace pawl;
using namespace pawl::payload;

TEST_CASE("bits come back whatever their chances were (FORMAT 4.7.1)", "[payload]") {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::pair<bool, Chance>> bits(random() % 2000);
    BitEncoder encoder;
    for (auto& [bit, one] : bits) {
      one = static_cast<Chance>(1 + random() % 65535);
      if (random() % 4 == 0) one = random() % 2 == 0 ? 1 : 65535;
      bit = random() % 65536 < one;
      if (random() % 8 == 0) bit = !bit;
      encoder.code(bit, one);
    }
    BitDecoder decoder(encoder.finish());
    for (const auto& [bit, one] : bits) REQUIRE(decoder.code(false, one) == bit);
    REQUIRE(decoder.ended());
  }
}

TEST_CASE("a bit stream has one length (FORMAT 4.7.1)", "[payload]") {
  BitEncoder encoder;
  for (int i = 0; i < 1000; ++i) encoder.code(i % 3 == 0, 30000);
  const auto good = encoder.finish();
  const auto ended = [](Bytes bytes) {
    BitDecoder decoder(std::move(bytes));
    for (int i = 0; i < 1000; ++i) decoder.code(false, 30000);
    return decoder.ended();
  };
  CHECK(ended(good));
  auto longer = good;
  longer.insert(longer.end(), {0, 0});
  CHECK_FALSE(ended(longer));
}

TEST_CASE("an expected bit costs almost nothing", "[payload]") {
  BitEncoder encoder;
  Slot slot;
  for (int i = 0; i < 100000; ++i) code_bit(encoder, true, slot);
  CHECK(encoder.finish().size() < 20);
}

TEST_CASE("stretch undoes squash (FORMAT 4.7.3)", "[payload]") {
  CHECK(squash(0) == 32768);
  for (int odds = -2047; odds < 2047; ++odds) REQUIRE(squash(odds) <= squash(odds + 1));
  for (int odds = -1000; odds <= 1000; odds += 10) {
    REQUIRE(std::abs(stretch(squash(odds)) - odds) <= 16);
  }
  CHECK(stretch(16) == -2047);
  CHECK(stretch(65519) > 1900);
}

TEST_CASE("numbers come back (FORMAT 4.7.4)", "[payload]") {
  std::vector<std::uint64_t> numbers{0, 1, 2, 3, 7, 8, 255, 256, 65535, 1U << 31U};
  for (unsigned i = 0; i < 63; ++i) numbers.push_back((std::uint64_t{1} << i) - 1);
  numbers.push_back(~std::uint64_t{0} - 1);
  BitEncoder encoder;
  NumberModel writing;
  for (const auto number : numbers) writing.code(encoder, number);
  BitDecoder decoder(encoder.finish());
  NumberModel reading;
  for (const auto number : numbers) REQUIRE(reading.code(decoder, 0) == number);
  CHECK(decoder.ended());
}

TEST_CASE("a mixer follows the slot that knows (FORMAT 4.7.5)", "[payload]") {
  std::mt19937 random(2);
  BitEncoder encoder;
  Mixer mixer(3, 1);
  std::array<Slot, 4> slots{};
  for (int i = 0; i < 8000; ++i) {
    const bool bit = random() % 2 == 0;
    Slot& knows = slots[bit ? 0 : 1];  // as a context would
    const std::array<Slot*, 3> inputs{&slots[2], &knows, &slots[3]};
    mixer.code(encoder, bit, inputs, 0);
  }
  CHECK(encoder.finish().size() < 100);  // 1000 without the middle one
}
