#include "payload/copy_add.hpp"

#include <random>

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "payload/bit_model.hpp"
#include "payload/literal_model.hpp"
#include "payload/match.hpp"
#include "tests/fakes/payload_streams.hpp"

using namespace pawl;
using namespace pawl::payload;
using fakes::MemorySource;

namespace {

constexpr std::size_t kWindow = 16384;

struct Case {
  Bytes old;
  Bytes image;  // previous window, then the window
  std::vector<CopyOp> ops;
};

Result<Bytes> encode(Case& c, CopyAddCodec& codec) {
  MemorySource base(c.old);
  Bytes room(kWindow);
  auto copy = c.image;
  return codec.encode(c.ops, {copy, kWindow, kWindow}, base, room);
}

Result<Bytes> decode(const Case& c, Bytes frame, CopyAddCodec& codec) {
  MemorySource base(c.old);
  Bytes room(kWindow);
  auto history = c.image;
  std::fill(history.begin() + kWindow, history.end(), std::uint8_t{0xaa});
  PAWL_CHECK(codec.decode(std::move(frame), {history, kWindow, kWindow}, base, room));
  return history;
}

void match(Case& c, Isa isa) {
  c.ops = Matcher(c.old).match(c.old, c.image, kWindow, c.image.size());
  for (auto& op : c.ops) op.isa = isa;
}

// Code-like bytes: calls to 32 places before and after, some data between.
Bytes code(std::size_t size, std::uint32_t seed, Isa isa, std::size_t moved_from,
           std::uint32_t by) {
  std::mt19937 random(seed);
  Bytes out(size);
  for (std::size_t at = 0; at + 8 <= size; at += 8) {
    const std::size_t target = random() % 64 * (size / 64) & ~std::size_t{3};
    const auto noise = static_cast<std::uint32_t>(random());
    const auto place = [&](std::size_t x) { return x < moved_from ? x : x + by; };
    auto word = static_cast<std::uint32_t>(place(target) - place(at + (isa == Isa::kX86 ? 8 : 4)));
    if (isa == Isa::kArm64) word = 0x94000000U | (word >> 2U & 0x3ffffffU);
    for (std::size_t i = 0; i < 4; ++i) {
      out[at + i] = static_cast<std::uint8_t>(noise >> (8 * i));
      out[at + 4 + i] = static_cast<std::uint8_t>(word >> (8 * i));
    }
    if (isa == Isa::kX86) out[at + 3] = 0xe8;
  }
  return out;
}

Case edited(std::uint32_t seed) {
  std::mt19937 random(seed);
  Case c;
  c.old = fakes::sample_bytes(3 * kWindow, seed);
  c.image = c.old;
  for (int edit = 0; edit < 20; ++edit) {
    const auto at = static_cast<std::ptrdiff_t>(random() % (c.image.size() - 200));
    const auto length = static_cast<std::ptrdiff_t>(random() % 100);
    const auto how = random() % 3;
    if (how == 0) c.image.erase(c.image.begin() + at, c.image.begin() + at + length);
    if (how == 1) {
      const auto more = fakes::sample_bytes(static_cast<std::size_t>(length), seed + 77);
      c.image.insert(c.image.begin() + at, more.begin(), more.end());
    }
    if (how == 2) c.image[static_cast<std::size_t>(at)] ^= 0x5aU;
  }
  c.image.resize(2 * kWindow - seed % 3000);
  match(c, static_cast<Isa>(seed % 3));
  return c;
}

}  // namespace

// FORMAT 4.4.5
TEST_CASE("edited windows come back (FORMAT 4.7)", "[payload]") {
  CopyAddCodec codec;
  for (std::uint32_t seed = 1; seed < 25; ++seed) {
    INFO("seed " << seed);
    auto c = edited(seed);
    const auto frame = encode(c, codec);
    REQUIRE(frame);
    CHECK(frame->size() < 4000);
    const auto back = decode(c, *frame, codec);
    REQUIRE(back);
    REQUIRE(*back == c.image);
  }
}

TEST_CASE("a window of literals alone comes back (FORMAT 4.7.10)", "[payload]") {
  CopyAddCodec codec;
  Case c{fakes::sample_bytes(100, 1), fakes::sample_bytes(2 * kWindow, 2), {}};
  const auto frame = encode(c, codec);
  REQUIRE(frame);
  CHECK(frame->size() < kWindow / 4);  // words of the window before
  CHECK(*decode(c, *frame, codec) == c.image);
}

TEST_CASE("calls over an insertion cost far less than a byte each (FORMAT 4.7.7, 4.7.8)",
          "[payload]") {
  const auto isa = GENERATE(Isa::kX86, Isa::kArm64);
  INFO("isa " << static_cast<int>(isa));
  constexpr std::uint32_t kBy = 512;
  Case c;
  c.old = code(4 * kWindow, 3, isa, 4 * kWindow, 0);
  const auto moved = code(4 * kWindow, 3, isa, 3 * kWindow / 2, kBy);
  c.image = moved;
  const auto hole = fakes::sample_bytes(kBy, 9);
  c.image.insert(c.image.begin() + 3 * kWindow / 2, hole.begin(), hole.end());
  c.image.resize(2 * kWindow);
  // The window is the second one; the insertion lies in its middle: two copies.
  c.ops = {{0, kWindow / 2, kWindow, isa},
           {kWindow / 2 + kBy, kWindow / 2 - kBy, 3 * kWindow / 2, isa}};
  CopyAddCodec codec;
  const auto with = encode(c, codec);
  REQUIRE(with);
  CHECK(*decode(c, *with, codec) == c.image);
  for (auto& op : c.ops) op.isa = Isa::kNone;
  const auto without = encode(c, codec);
  REQUIRE(without);
  CHECK(*decode(c, *without, codec) == c.image);
  CHECK(with->size() - kBy / 2 < (without->size() - kBy / 2) / 2);
}

TEST_CASE("tables of addresses shift together (FORMAT 4.7.9, 4.7.11)", "[payload]") {
  std::mt19937 random(4);
  Case c;
  c.old = Bytes(2 * kWindow);
  c.image = c.old;
  for (std::size_t at = 0; at < c.old.size(); at += 8) {
    const std::uint32_t value = 0x10000 + random() % 0x40000;
    const std::uint32_t now = value < 0x20000 ? value : value + 0x340;
    for (std::size_t i = 0; i < 4; ++i) {
      c.old[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
      c.image[at + i] = static_cast<std::uint8_t>(now >> (8 * i));
    }
  }
  c.ops = {{0, kWindow, kWindow, Isa::kNone}};
  CopyAddCodec codec;
  const auto frame = encode(c, codec);
  REQUIRE(frame);
  CHECK(frame->size() < kWindow / 8 / 4);  // a quarter of a byte per address
  CHECK(*decode(c, *frame, codec) == c.image);
}

// FORMAT 4.7.2
TEST_CASE("a frame made once gives its window on every machine (FORMAT 4.7.12)", "[payload]") {
  const auto frame = from_hex(
      "80188c002f9e815bee0616be8d2fe9e12894bd1dc04848fff0cec20f91b4e84a849bbaa16e2d4d41948da03f9d5a"
      "04b02c4439cd3eea33a1f735171f94657c3c8da35d87cf2456cf3b8ed10833ea88fb2b7e7f009acc693bbf0b3f2d"
      "d6fa0be343b3b4983a0726e953d98ad513695c01e23791b9e1beb3e20d5f9d41eb45c007747a72459ebdbc",
      1000);
  REQUIRE(frame);
  MemorySource base(fakes::sample_bytes(65536, 2));
  auto history = fakes::sample_bytes(4096, 1);
  history.resize(2 * 4096);
  Bytes room(4096);
  CopyAddCodec codec;
  REQUIRE(codec.decode(*frame, {history, 4096, 4096}, base, room));
  CHECK(to_hex(blake2b(ByteView(history).subspan(4096))) ==
        "562389e55ecb95d90051ee75785bfcc456f1ba61c07e527341ca2af70c699731");
}

TEST_CASE("copy-add frames that ask for too much are refused (FORMAT 4.7.6, 4.7.7)", "[payload]") {
  // Numbers as the models code them, in a window of 16384 bytes.
  struct Row {
    const char* why;
    std::vector<std::uint64_t>
        numbers;  // literals, then of a copy: length - 1, offset, quiet, active
    Errc code;
    const char* says = "";
  };
  const auto row = GENERATE(
      Row{"literals past the window", {kWindow + 1}, Errc::kMalformed},
      Row{"a copy longer than a window", {0, kWindow, 0, 0}, Errc::kMalformed},
      Row{"a copy past the window", {1, kWindow - 1, 0, 0}, Errc::kMalformed},
      Row{"a copy outside the base image", {0, 99, std::uint64_t{1} << 40U, 0}, Errc::kIo},
      Row{"quiet past the copy", {0, 99, 0, 101}, Errc::kMalformed, "quiet stretch runs past"},
      Row{"active past the copy",
          {0, 99, 0, 50, 50},
          Errc::kMalformed,
          "active stretch runs past"});
  INFO(row.why);
  BitEncoder encoder;
  std::array<NumberModel, 5> models;
  LiteralModel literals;
  Slot plain;
  Bytes history(2 * kWindow);
  for (std::size_t i = 0; i < row.numbers.size(); ++i) {
    models[i].code(encoder, row.numbers[i]);
    if (i == 0 && row.numbers[0] == 1) literals.code(encoder, history, kWindow);
    if (i == 2) code_bit(encoder, false, plain);  // no instructions
  }
  Bytes room(kWindow);
  MemorySource base(Bytes(8 * kWindow));
  CopyAddCodec codec;
  const auto status = codec.decode(encoder.finish(), {history, kWindow, kWindow}, base, room);
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == row.code);
  CHECK(status.error().what().find(row.says) != std::string::npos);
}

TEST_CASE("a cut copy-add frame never gives its window (FORMAT 4.7.1)", "[payload]") {
  auto c = edited(7);
  CopyAddCodec codec;
  const auto frame = encode(c, codec);
  REQUIRE(frame);
  for (std::size_t n = 0; n < frame->size(); n += 1 + n / 4) {
    const auto back =
        decode(c, Bytes(frame->begin(), frame->begin() + static_cast<std::ptrdiff_t>(n)), codec);
    REQUIRE_FALSE((back && *back == c.image));
  }
  auto longer = *frame;
  longer.insert(longer.end(), {0, 0});
  CHECK(decode(c, longer, codec).error().code() == Errc::kMalformed);
}

TEST_CASE("noise in a copy-add frame stays inside the window (FORMAT 4.7.6)", "[payload]") {
  auto c = edited(8);
  CopyAddCodec codec;
  const auto frame = encode(c, codec);
  REQUIRE(frame);
  std::mt19937 random(11);
  int refused = 0;
  for (int round = 0; round < 60; ++round) {
    auto noisy = *frame;
    noisy[random() % noisy.size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
    const auto back = decode(c, noisy, codec);
    if (!back) {
      ++refused;
      CHECK((back.error().code() == Errc::kMalformed || back.error().code() == Errc::kIo));
    }
  }
  CHECK(refused > 10);
}

TEST_CASE("matching finds copies in rising order that lie inside (FORMAT 4.7.6)", "[payload]") {
  for (std::uint32_t seed = 100; seed < 130; ++seed) {
    const auto c = edited(seed);
    REQUIRE_FALSE(c.ops.empty());
    std::size_t at = 0;
    std::size_t copied = 0;
    for (const auto& op : c.ops) {
      REQUIRE(op.new_at >= at);
      REQUIRE(op.length > 0);
      at = op.new_at + op.length;
      copied += op.length;
      REQUIRE(op.old_at + op.length <= c.old.size());
    }
    REQUIRE(at <= c.image.size() - kWindow);
    CHECK(copied > (c.image.size() - kWindow) * 3 / 4);
  }
}
