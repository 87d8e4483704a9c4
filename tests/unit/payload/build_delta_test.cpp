#include "payload/build_delta.hpp"

#include <random>

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "payload/elf_map.hpp"
#include "payload/install.hpp"
#include "tests/fakes/memory_file.hpp"
#include "tests/fakes/payload_streams.hpp"

using namespace pawl;
using namespace pawl::payload;
using fakes::MemoryFile;
using fakes::MemoryFrames;
using fakes::MemorySink;
using fakes::MemorySource;

namespace {

constexpr std::size_t kWindow = 16384;
constexpr std::uint32_t kLog2 = 14;

struct Delta {
  Bytes old;
  Bytes image;
  BuiltDelta delta;
  Bytes container;
};

Bytes noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes out(size);
  for (auto& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

void append(Bytes& to, const Bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// Six windows: zeros, a copy, an edited copy, new words, shuffled pieces of old noise, new noise.
Bytes old_image() {
  auto old = fakes::sample_bytes(4 * kWindow, 1);
  append(old, noise(4 * kWindow, 2));
  return old;
}

Bytes new_image(const Bytes& old) {
  Bytes image(kWindow);
  image.insert(image.end(), old.begin() + 1000, old.begin() + 1000 + kWindow);
  Bytes edited(old.begin() + kWindow, old.begin() + 2 * kWindow);
  for (std::size_t i = 100; i < edited.size(); i += 701) edited[i] ^= 3U;
  append(image, edited);
  append(image, fakes::sample_bytes(kWindow, 5));
  for (std::size_t piece = 0; piece < kWindow / 64; ++piece) {  // half old, half new
    const auto from =
        old.begin() + static_cast<std::ptrdiff_t>(4 * kWindow + (piece * 37 % 200) * 64);
    image.insert(image.end(), from, from + 28);
    append(image, noise(36, static_cast<std::uint32_t>(piece)));
  }
  append(image, noise(kWindow - 333, 77));
  return image;
}

Delta build(Bytes old, Bytes image, unsigned threads = 2) {
  MemorySink sink;
  NoProgress progress;
  auto delta = build_delta(old, image, sink, {kLog2, 9, threads}, progress);
  REQUIRE(delta);
  return {std::move(old), std::move(image), *std::move(delta), std::move(sink.bytes())};
}

Delta sample_delta(unsigned threads = 2) {
  auto old = old_image();
  auto image = new_image(old);
  return build(std::move(old), std::move(image), threads);
}

}  // namespace

TEST_CASE("a delta uses each kind of frame where it is smallest", "[payload]") {
  const auto d = sample_delta();
  const auto& index = d.delta.built.index;
  REQUIRE(index.count() == 6);
  CHECK(index.record(0).kind == FrameKind::kZero);
  CHECK(index.record(1).kind == FrameKind::kCopy);
  CHECK(index.record(2).kind == FrameKind::kCopyAdd);
  CHECK(index.record(4).kind == FrameKind::kZstdOld);
  CHECK(index.record(5).kind == FrameKind::kZstd);
  CHECK(index.base_image() == sha256(d.old));
  CHECK(d.delta.built.image_sha256 == sha256(d.image));
  CHECK(d.delta.built.container_sha256 == sha256(d.container));
  std::uint64_t bytes = 0;
  for (const auto of_kind : d.delta.report.bytes) bytes += of_kind;
  CHECK(bytes == index.container_size());
  CHECK(d.delta.report.windows[1] == 1);
}

TEST_CASE("a delta keeps the smallest frame, whichever was made last", "[payload]") {
  auto old = noise(4 * kWindow, 502);
  auto image = noise(kWindow, 501);
  std::copy_n(old.begin() + 300, 64, image.begin() + 1000);
  append(image, Bytes(image));  // everything stands in the window before, a little in the old slot
  const auto d = build(std::move(old), std::move(image));
  CHECK(d.delta.built.index.record(1).kind == FrameKind::kZstd);
  CHECK(d.delta.built.index.record(1).frame_length < kWindow / 4);
}

TEST_CASE("a delta installs from the running slot", "[payload]") {
  const auto d = sample_delta();
  MemorySource base(d.old);
  MemoryFrames frames(d.container);
  MemoryFile slot(Bytes(d.image.size(), 0xee));
  NoProgress progress;
  const auto report = install({{d.delta.built.index, frames}, &base, {}}, slot, progress);
  REQUIRE(report);
  CHECK(slot.content() == d.image);
  CHECK(verify_image(d.delta.built.index, slot, progress));
}

TEST_CASE("an old slot changed anywhere is repaired window by window (FORMAT 4.6)", "[payload]") {
  const auto d = sample_delta();
  MemorySource image(d.image);
  MemorySink sink;
  NoProgress progress;
  const auto full = build_full(image, sink, {kLog2, 3, 1}, progress);
  REQUIRE(full);
  MemorySource base(d.old);
  for (auto& byte : base.bytes()) byte ^= 0x80U;
  MemoryFrames frames(d.container);
  MemoryFrames repair(sink.bytes());
  MemoryFile slot(Bytes(d.image.size(), 0xee));
  const auto report =
      install({{d.delta.built.index, frames}, &base, Payload{full->index, repair}}, slot, progress);
  REQUIRE(report);
  CHECK(report->repaired >= 3);
  CHECK(slot.content() == d.image);
}

TEST_CASE("no bit of a delta can be flipped unnoticed", "[payload]") {
  const auto d = sample_delta();
  std::mt19937 random(3);
  for (int round = 0; round < 25; ++round) {
    auto bytes = d.container;
    bytes[random() % bytes.size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
    MemorySource base(d.old);
    MemoryFrames frames(bytes);
    MemoryFile slot(Bytes(d.image.size(), 0xee));
    NoProgress progress;
    const auto report = install({{d.delta.built.index, frames}, &base, {}}, slot, progress);
    REQUIRE_FALSE(report);
    REQUIRE(report.error().code() == Errc::kHashMismatch);
    for (const auto& write : slot.writes()) {
      REQUIRE(std::equal(write.bytes.begin(), write.bytes.end(),
                         d.image.begin() + static_cast<std::ptrdiff_t>(write.offset)));
    }
  }
}

TEST_CASE("the number of threads changes no byte of a delta", "[payload]") {
  const auto one = sample_delta(1);
  const auto three = sample_delta(3);
  CHECK(one.container == three.container);
  CHECK(one.delta.built.index.serialise() == three.delta.built.index.serialise());
}

TEST_CASE("a delta between equal images is copies", "[payload]") {
  const auto image = fakes::sample_bytes(3 * kWindow + 500, 1);
  const auto d = build(image, image);
  CHECK(d.container.size() == 4 * 8);
}

TEST_CASE("tiny images have deltas too", "[payload]") {
  const auto size = GENERATE(1U, 2U, 7U, 15U, 16U, 17U, 33U);
  const auto d = build(noise(size, 1), noise(size, 1));
  CHECK(d.delta.built.index.count() == 1);
  const auto other = build(noise(1, 1), noise(size, 2));
  CHECK(other.delta.built.index.record(0).kind == FrameKind::kZstd);
}

TEST_CASE("a delta refuses an empty base and bad options", "[payload]") {
  MemorySink sink;
  NoProgress progress;
  CHECK(build_delta({}, Bytes(1), sink, {kLog2, 9, 1}, progress).error().code() == Errc::kUsage);
  CHECK(build_delta(Bytes(1), {}, sink, {kLog2, 9, 1}, progress).error().code() == Errc::kUsage);
  CHECK(build_delta(Bytes(1), Bytes(1), sink, {21, 9, 1}, progress).error().code() == Errc::kUsage);
}

TEST_CASE("instructions are those of the ELF header before them", "[payload]") {
  Bytes image(100);
  const Bytes x86{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 62, 0};
  auto arm = x86;
  arm[18] = 183;
  std::copy(x86.begin(), x86.end(), image.begin() + 20);
  std::copy(arm.begin(), arm.end(), image.begin() + 60);
  const ElfMap map(image);
  CHECK(map.isa_at(19) == Isa::kNone);
  CHECK(map.isa_at(20) == Isa::kX86);
  CHECK(map.isa_at(59) == Isa::kX86);
  CHECK(map.isa_at(60) == Isa::kArm64);
  CHECK(map.isa_at(1000) == Isa::kArm64);
}
