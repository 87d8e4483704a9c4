#include "payload/index.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "base/digest.hpp"

using namespace pawl;
using namespace pawl::payload;

namespace {

Record record(FrameKind kind, std::uint32_t length) {
  Record r;
  r.plain.bytes.fill(0x11);
  r.frame.bytes.fill(0x22);
  r.kind = kind;
  r.frame_length = length;
  return r;
}

// Three windows of 4096 bytes, the last one of 100; a zero window in the middle.
Index::Parts good_parts() {
  return {
      12,
      2 * 4096 + 100,
      {},
      {record(FrameKind::kZstd, 300), record(FrameKind::kZero, 0), record(FrameKind::kZstd, 50)}};
}

Index::Parts delta_parts() {
  auto parts = good_parts();
  parts.base_image = sha256(as_bytes("old"));
  parts.records[1] = record(FrameKind::kCopy, 8);
  return parts;
}

Bytes good_bytes() {
  return Index::create(good_parts())->serialise();
}

struct Row {
  const char* why;
  std::size_t offset;  // of the changed bytes
  Bytes bytes;
};

}  // namespace

TEST_CASE("an index comes back from its bytes as it was (FORMAT 4.2.1, 4.2.2)", "[payload]") {
  const auto index = Index::create(delta_parts());
  REQUIRE(index);
  const auto bytes = index->serialise();
  REQUIRE(bytes.size() == kHeaderSize + 3 * kRecordSize);
  const auto again = Index::parse(bytes);
  REQUIRE(again);
  CHECK(again->serialise() == bytes);
  CHECK(again->image_size() == 2 * 4096 + 100);
  CHECK(again->container_size() == 358);
  CHECK(again->base_image() == sha256(as_bytes("old")));
  CHECK(again->count() == 3);
  CHECK(again->record(2).frame_offset == 308);
  CHECK(again->record(1).kind == FrameKind::kCopy);
  CHECK(again->offset_of(2) == 8192);
  CHECK(again->length_of(1) == 4096);
  CHECK(again->length_of(2) == 100);
}

TEST_CASE("the bytes of an index are fixed (FORMAT 4.2.1, 4.2.2)", "[payload]") {
  const auto bytes = good_bytes();
  CHECK(as_text(bytes).substr(0, 8) == "PAWLIDX1");
  CHECK(to_hex(ByteView(bytes).subspan(8, 24)) ==
        "0c000000"
        "03000000"
        "6420000000000000"
        "5e01000000000000");
  CHECK(to_hex(ByteView(bytes).subspan(64 + 64, 16)) == "00000000000000002c01000002000000");
}

// FORMAT 4.2.3 to 4.2.9
TEST_CASE("each rule of the index refuses its breach (FORMAT 4.2)", "[payload]") {
  const auto row = GENERATE(
      Row{"4.2.1 magic", 0, {'p'}}, Row{"4.2.3 window below 2^12", 8, {11}},
      Row{"4.2.3 window above 2^20", 8, {21}}, Row{"4.2.3 window log of 2^31", 11, {0x80}},
      Row{"4.2.3 no windows", 12, {0}}, Row{"4.2.3 fewer windows than records", 12, {2}},
      Row{"4.2.3 more windows than records", 12, {4}},
      Row{"4.2.3 more than 65536 windows", 14, {2}},
      Row{"4.2.4 image ends before the last window", 16, {0x00, 0x20}},
      Row{"4.2.4 image ends after the last window", 16, {0x01, 0x30}},
      Row{"4.2.4 image of 2^63 bytes", 23, {0x80}}, Row{"4.2.5 container too small", 24, {0x5d}},
      Row{"4.2.5 container too large", 24, {0x5f}}, Row{"4.2.5 first frame not at 0", 64 + 64, {1}},
      Row{"4.2.5 frame over the one before", 64 + 2 * 80 + 64, {0x2b}},
      Row{"4.2.5 frame after a gap", 64 + 2 * 80 + 64, {0x2d}},
      Row{"4.2.6 frame over its window", 64 + 2 * 80 + 64 + 8, {0xff, 0xff}},
      Row{"4.2.6 zero frame with bytes", 64 + 80 + 64 + 8, {1}},
      Row{"4.2.6 zstd frame without bytes", 64 + 2 * 80 + 64 + 8, {0}},
      Row{"4.2.7 unknown kind", 64 + 64 + 12, {5}}, Row{"4.2.7 unknown flag", 64 + 64 + 13, {1}},
      Row{"4.2.7 reserved byte", 64 + 64 + 14, {1}}, Row{"4.2.7 reserved byte", 64 + 64 + 15, {1}},
      Row{"4.2.8 copy without a base image", 64 + 64 + 12, {1}},
      Row{"4.2.8 zstd of old extents without a base image", 64 + 64 + 12, {3}},
      Row{"4.2.8 copy-add without a base image", 64 + 64 + 12, {4}});
  INFO(row.why);
  auto bytes = good_bytes();
  std::copy(row.bytes.begin(), row.bytes.end(),
            bytes.begin() + static_cast<std::ptrdiff_t>(row.offset));
  const auto index = Index::parse(bytes);
  REQUIRE_FALSE(index);
  CHECK(index.error().code() == Errc::kMalformed);
}

TEST_CASE("a frame may be 4096 bytes over its window and not one more (FORMAT 4.2.6)",
          "[payload]") {
  auto parts = good_parts();
  parts.records[2].frame_length = 100 + 4096;
  CHECK(Index::create(parts));
  parts.records[2].frame_length += 1;
  CHECK(Index::create(parts).error().code() == Errc::kMalformed);
}

TEST_CASE("an index cut anywhere is refused (FORMAT 4.2.3)", "[payload]") {
  const auto good = Index::create(delta_parts())->serialise();
  for (std::size_t n = 0; n < good.size(); ++n) {
    INFO("first " << n << " bytes");
    const auto index = Index::parse(ByteView(good).first(n));
    REQUIRE_FALSE(index);
    REQUIRE(index.error().code() == Errc::kMalformed);
  }
  auto longer = good;
  longer.push_back(0);
  CHECK(Index::parse(longer).error().code() == Errc::kMalformed);
}

TEST_CASE("an index over its limit is refused before it is read (FORMAT 4.2.3)", "[payload]") {
  CHECK(Index::parse(Bytes(kMaxIndexSize + 1)).error().code() == Errc::kTooLarge);
}

TEST_CASE("what a builder gives is checked like what a device reads (FORMAT 4.2)", "[payload]") {
  auto parts = good_parts();
  parts.records.pop_back();
  CHECK(Index::create(parts).error().code() == Errc::kMalformed);
  parts = good_parts();
  parts.records.resize(kMaxWindows + 1);
  CHECK(Index::create(parts).error().code() == Errc::kTooLarge);
  const std::vector<std::function<void(Index::Parts&)>> breaches = {
      [](auto& p) { p.image_size = 0; },
      [](auto& p) { p.image_size = 2 * 4096; },
      [](auto& p) { p.image_size = 3 * 4096 + 1; },
      [](auto& p) { p.window_log2 = 11, p.image_size = 2 * 2048 + 100; },
      [](auto& p) { p.window_log2 = 21, p.image_size = (2U << 21U) + 100; },
      [](auto& p) { p.records[0].frame_length = 0; },
      [](auto& p) { p.records[1].frame_length = 1; },
  };
  for (std::size_t i = 0; i < breaches.size(); ++i) {
    INFO("breach " << i);
    parts = good_parts();
    breaches[i](parts);
    const auto index = Index::create(parts);
    REQUIRE_FALSE(index);
    CHECK(index.error().code() == Errc::kMalformed);
  }
  parts = good_parts();
  parts.image_size = 3 * 4096;
  CHECK(Index::create(parts));
}

TEST_CASE("the largest index is accepted (FORMAT 4.2.3)", "[payload]") {
  Index::Parts parts{12, std::uint64_t{kMaxWindows} << 12U, {}, {}};
  parts.records.assign(kMaxWindows, record(FrameKind::kZero, 0));
  const auto bytes = Index::create(parts)->serialise();
  CHECK(bytes.size() == kMaxIndexSize);
  CHECK(Index::parse(bytes)->count() == kMaxWindows);
}

TEST_CASE("only the kinds that read the base image need one", "[payload]") {
  CHECK_FALSE(uses_base(FrameKind::kZero));
  CHECK(uses_base(FrameKind::kCopy));
  CHECK_FALSE(uses_base(FrameKind::kZstd));
  CHECK(uses_base(FrameKind::kZstdOld));
  CHECK(uses_base(FrameKind::kCopyAdd));
}
