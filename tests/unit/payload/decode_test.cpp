#include "payload/decode.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "tests/fakes/payload_streams.hpp"

using namespace pawl;
using namespace pawl::payload;
using fakes::MemorySource;

namespace {

constexpr std::size_t kWindow = 4096;

// An index of one window that `frame` claims to give.
Index index_of(FrameKind kind, const Bytes& frame, const Bytes& plain) {
  Record record;
  record.plain = blake2b(plain);
  record.frame = blake2b(frame);
  record.kind = kind;
  record.frame_length = static_cast<std::uint32_t>(frame.size());
  return *Index::create({12, plain.size(), sha256(as_bytes("base")), {record}});
}

Result<Bytes> decode(FrameKind kind, const Bytes& frame, const Bytes& plain, Source* base,
                     ByteView previous = {}) {
  const auto index = index_of(kind, frame, plain);
  WindowDecoder decoder(index);
  decoder.set_previous(previous);
  PAWL_TRY(const auto window, decoder.decode(index, 0, frame, base));
  return Bytes(window.begin(), window.end());
}

Bytes zstd(ByteView plain, ByteView prefix = {}) {
  return *ZstdEncoder(3).compress(plain, prefix);
}

Bytes copy_frame(std::uint64_t offset) {
  Writer out;
  out.u64_le(offset);
  return std::move(out).take();
}

}  // namespace

TEST_CASE("a zero frame gives zeros and nothing else (FORMAT 4.4.1)", "[payload]") {
  CHECK(*decode(FrameKind::kZero, {}, Bytes(100), nullptr) == Bytes(100));
  CHECK(decode(FrameKind::kZero, {}, Bytes(100, 1), nullptr).error().code() == Errc::kHashMismatch);
}

TEST_CASE("a zstd frame is decoded with the window before it (FORMAT 4.4.3)", "[payload]") {
  const auto previous = fakes::sample_bytes(kWindow, 1);
  const auto plain = fakes::sample_bytes(3000, 2);
  const auto frame = zstd(plain, previous);
  CHECK(*decode(FrameKind::kZstd, frame, plain, nullptr, previous) == plain);
  const auto same = zstd(Bytes(previous), previous);
  CHECK(same.size() < 40);
  CHECK(*decode(FrameKind::kZstd, same, previous, nullptr, previous) == previous);
  auto other = previous;
  for (auto& byte : other) byte ^= 0x55U;
  CHECK_FALSE(decode(FrameKind::kZstd, same, previous, nullptr, other));
  CHECK_FALSE(decode(FrameKind::kZstd, same, previous, nullptr));
}

TEST_CASE("a frame is not decoded before its digest is checked (FORMAT 4.4)", "[payload]") {
  const auto plain = fakes::sample_bytes(kWindow, 1);
  const auto frame = zstd(plain);
  const auto index = index_of(FrameKind::kZstd, frame, plain);
  WindowDecoder decoder(index);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    auto damaged = frame;
    damaged[i] ^= 0x10U;
    const auto window = decoder.decode(index, 0, damaged, nullptr);
    REQUIRE_FALSE(window);
    REQUIRE(window.error().code() == Errc::kHashMismatch);
    REQUIRE(window.error().what() == "window 0: its frame is not the one in the index");
  }
  const auto cut = ByteView(frame).first(frame.size() - 1);
  CHECK(decoder.decode(index, 0, cut, nullptr).error().code() == Errc::kHashMismatch);
}

TEST_CASE("a window that is not the one in the index is not handed out (FORMAT 4.4)", "[payload]") {
  const auto plain = fakes::sample_bytes(kWindow, 1);
  auto other = plain;
  other[77] ^= 1U;
  const auto window = decode(FrameKind::kZstd, zstd(other), plain, nullptr);
  REQUIRE_FALSE(window);
  CHECK(window.error().code() == Errc::kHashMismatch);
}

TEST_CASE("each rule of a zstd frame refuses its breach (FORMAT 4.4.3)", "[payload]") {
  const auto plain = fakes::sample_bytes(kWindow, 1);
  const auto good = zstd(plain);
  const auto with = [&](const std::function<void(Bytes&)>& change) {
    auto frame = good;
    change(frame);
    return frame;
  };
  // zstd 0.7: 4096 bytes of 'x' as one repeated block, and an end block.
  const Bytes legacy{0x27, 0xb5, 0x2f, 0xfd, 0x60, 0x00, 0x0f, 0x80, 0x10, 0x00, 'x', 0xc0, 0, 0};
  Bytes unsized = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x10, 0x03, 0x80, 0x00, 'x'};
  struct Row {
    const char* why;
    Bytes frame;
  };
  const std::vector<Row> rows = {
      {"too short for a magic", {0x28, 0xb5, 0x2f}},
      {"an older format", legacy},
      {"content size not stated", unsized},
      {"wrong magic", with([](Bytes& f) { f[0] = 0x27; })},
      {"skippable frame", {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0}},
      {"skippable frame after it", with([](Bytes& f) {
         f.insert(f.end(), {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0});
       })},
      {"second frame after it",
       with([&](Bytes& f) { f.insert(f.end(), good.begin(), good.end()); })},
      {"bytes after it", with([](Bytes& f) { f.push_back(0); })},
      {"cut", with([](Bytes& f) { f.pop_back(); })},
      {"content too short", zstd(ByteView(plain).first(kWindow - 1))},
      {"content too long", zstd(fakes::sample_bytes(kWindow + 1, 1))},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    const auto window = decode(FrameKind::kZstd, row.frame, plain, nullptr);
    REQUIRE_FALSE(window);
    CHECK(window.error().code() == Errc::kMalformed);
  }
}

TEST_CASE("a zstd frame whose head is whole and whose data is not is refused (FORMAT 4.4.3)",
          "[payload]") {
  std::string text;
  for (std::size_t i = 0; text.size() < kWindow; ++i) text += std::to_string(i * i) + " squared ";
  const Bytes plain(text.begin(), text.begin() + kWindow);
  const auto good = zstd(plain);
  REQUIRE(decode(FrameKind::kZstd, good, plain, nullptr));
  unsigned corrupt = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto frame = good;
    frame[i] ^= 0x5aU;
    const auto window = decode(FrameKind::kZstd, frame, plain, nullptr);
    if (window) continue;  // a bit without a meaning
    if (window.error().what().find("orrupt") == std::string::npos) continue;
    REQUIRE(window.error().code() == Errc::kMalformed);
    ++corrupt;
  }
  CHECK(corrupt > 0);
}

TEST_CASE("a copy frame gives one extent of the base image (FORMAT 4.4.2)", "[payload]") {
  const auto old = fakes::sample_bytes(3 * kWindow, 1);
  MemorySource base(old);
  const Bytes plain(old.begin() + 777, old.begin() + 777 + kWindow);
  CHECK(*decode(FrameKind::kCopy, copy_frame(777), plain, &base) == plain);
  CHECK(decode(FrameKind::kCopy, copy_frame(778), plain, &base).error().code() ==
        Errc::kHashMismatch);
  CHECK(decode(FrameKind::kCopy, copy_frame(2 * kWindow + 1), plain, &base).error().code() ==
        Errc::kIo);
  CHECK(decode(FrameKind::kCopy, copy_frame(~std::uint64_t{0}), plain, &base).error().code() ==
        Errc::kIo);
  auto longer = copy_frame(777);
  longer.push_back(0);
  CHECK(decode(FrameKind::kCopy, longer, plain, &base).error().code() == Errc::kMalformed);
  auto shorter = copy_frame(777);
  shorter.pop_back();
  CHECK(decode(FrameKind::kCopy, shorter, plain, &base).error().code() == Errc::kMalformed);
}

namespace {

struct OldExtent {
  std::uint64_t offset;
  std::uint32_t length;
};

Bytes old_frame(std::uint16_t count, const std::vector<OldExtent>& extents, const Bytes& packed) {
  Writer out;
  out.u16_le(count);
  for (const auto& extent : extents) {
    out.u64_le(extent.offset);
    out.u32_le(extent.length);
  }
  out.bytes(packed);
  return std::move(out).take();
}

}  // namespace

TEST_CASE("a zstd-old frame has its extents before the window before (FORMAT 4.4.4)", "[payload]") {
  const auto old = fakes::sample_bytes(3 * kWindow, 1);
  const auto previous = fakes::sample_bytes(kWindow, 2);
  MemorySource base(old);
  Bytes plain(old.begin() + 5000, old.begin() + 6000);
  plain.insert(plain.end(), previous.begin() + 50, previous.begin() + 950);
  Bytes prefix(old.begin() + 4900, old.begin() + 5400);
  prefix.insert(prefix.end(), old.begin() + 5400, old.begin() + 6100);
  prefix.insert(prefix.end(), previous.begin(), previous.end());
  const auto packed = zstd(plain, prefix);
  CHECK(packed.size() < 60);
  const auto frame = old_frame(2, {{4900, 500}, {5400, 700}}, packed);
  CHECK(*decode(FrameKind::kZstdOld, frame, plain, &base, previous) == plain);
  const auto first = old_frame(1, {{4900, 1200}}, zstd(plain, ByteView(prefix).first(1200)));
  CHECK(*decode(FrameKind::kZstdOld, first, plain, &base) == plain);
}

TEST_CASE("each rule of a zstd-old frame refuses its breach (FORMAT 4.4.4)", "[payload]") {
  MemorySource base(fakes::sample_bytes(4 * kWindow, 1));
  const auto plain = fakes::sample_bytes(kWindow, 3);
  const auto packed = zstd(plain);
  struct Row {
    const char* why;
    Bytes frame;
    Errc code;
  };
  const auto most = static_cast<std::uint32_t>(2 * kWindow);
  REQUIRE(decode(FrameKind::kZstdOld, old_frame(1, {{0, most}}, packed), plain, &base));
  REQUIRE(decode(FrameKind::kZstdOld, old_frame(256, std::vector<OldExtent>(256, {0, 1}), packed),
                 plain, &base));
  const std::vector<Row> rows = {
      {"no count", {1}, Errc::kMalformed},
      {"no extents", old_frame(0, {}, packed), Errc::kMalformed},
      {"257 extents", old_frame(257, std::vector<OldExtent>(257, {0, 1}), packed),
       Errc::kMalformed},
      {"fewer extents than counted", old_frame(2, {{0, 1}}, {}), Errc::kMalformed},
      {"an empty extent", old_frame(2, {{0, 1}, {9, 0}}, packed), Errc::kMalformed},
      {"more than two windows", old_frame(1, {{0, most + 1}}, packed), Errc::kMalformed},
      {"more than two windows together", old_frame(2, {{0, most}, {0, 1}}, packed),
       Errc::kMalformed},
      {"outside the base image", old_frame(1, {{4 * kWindow - 5, 6}}, packed), Errc::kIo},
      {"no zstd frame", old_frame(1, {{0, 6}}, {}), Errc::kMalformed},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    const auto window = decode(FrameKind::kZstdOld, row.frame, plain, &base);
    REQUIRE_FALSE(window);
    CHECK(window.error().code() == row.code);
  }
}

TEST_CASE("a frame that needs the base image is refused without one", "[payload]") {
  const auto plain = fakes::sample_bytes(kWindow, 1);
  CHECK(decode(FrameKind::kCopy, copy_frame(0), plain, nullptr).error().code() == Errc::kUsage);
}

TEST_CASE("a window matches its record only whole", "[payload]") {
  const auto plain = fakes::sample_bytes(kWindow, 1);
  const auto index = index_of(FrameKind::kZero, {}, plain);
  CHECK(window_matches(plain, index.record(0)));
  CHECK_FALSE(window_matches(ByteView(plain).first(kWindow - 1), index.record(0)));
}
