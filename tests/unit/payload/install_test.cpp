#include "payload/install.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "tests/fakes/memory_file.hpp"
#include "tests/fakes/payload_streams.hpp"

using namespace pawl;
using namespace pawl::payload;
using fakes::MemoryFile;
using fakes::MemoryFrames;
using fakes::MemorySink;
using fakes::MemorySource;

namespace {

constexpr std::size_t kWindow = 4096;

struct Release {
  Bytes image;
  Index index;
  MemoryFrames frames;
};

Release release_of(Bytes image) {
  MemorySource source(image);
  MemorySink sink;
  NoProgress progress;
  auto built = build_full(source, sink, {12, 3, 1}, progress);
  return {std::move(image), std::move(built->index), MemoryFrames(std::move(sink.bytes()))};
}

// Windows 0, 1, 3, 4 and a half are text, 2 is zeros.
Release sample_release() {
  auto image = fakes::sample_bytes(5 * kWindow + kWindow / 2, 1);
  std::fill_n(image.begin() + 2 * kWindow, kWindow, std::uint8_t{0});
  return release_of(std::move(image));
}

Result<InstallReport> run(Release& release, File& target, TargetSize size = TargetSize::kFixed) {
  NoProgress progress;
  return install({{release.index, release.frames}, nullptr, {}, size}, target, progress);
}

Bytes first(const Bytes& all, std::size_t n) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n)};
}

}  // namespace

// FORMAT 4.5.3
TEST_CASE("an install makes the slot hold the image and reads it back", "[payload]") {
  auto release = sample_release();
  MemoryFile slot(Bytes(release.image.size() + 1000, 0xee));
  const auto report = run(release, slot);
  REQUIRE(report);
  CHECK(report->written == 6);
  CHECK(report->present == 0);
  CHECK(report->repaired == 0);
  CHECK(report->fetched == release.index.container_size());
  CHECK(first(slot.content(), release.image.size()) == release.image);
  CHECK(slot.content().back() == 0xee);  // nothing past the image
  NoProgress progress;
  CHECK(verify_image(release.index, slot, progress));
}

TEST_CASE("windows of zeros and of one other byte come back (FORMAT 4.4.1, 4.4.3)", "[payload]") {
  auto image = fakes::sample_bytes(6 * kWindow, 3);
  std::fill_n(image.begin(), 3000, std::uint8_t{0});  // the first window has no prefix of zeros
  std::fill_n(image.begin() + kWindow, kWindow, std::uint8_t{1});
  std::fill_n(image.begin() + 3 * kWindow, kWindow, std::uint8_t{0});
  auto release = release_of(image);
  MemoryFile slot(Bytes(image.size(), 0xee));
  REQUIRE(run(release, slot));
  CHECK(slot.content() == image);
}

TEST_CASE("only whole, verified windows are ever written (FORMAT 4.5.1)", "[payload]") {
  auto release = sample_release();
  std::mt19937 random(9);
  for (int round = 0; round < 300; ++round) {
    auto frames = release.frames.bytes();
    frames[random() % frames.size()] ^= static_cast<std::uint8_t>(1U << (random() % 8));
    Release damaged{release.image, release.index, MemoryFrames(frames)};
    MemoryFile slot(Bytes(release.image.size(), 0xee));
    const auto report = run(damaged, slot);
    REQUIRE_FALSE(report);
    REQUIRE(report.error().code() == Errc::kHashMismatch);
    for (const auto& write : slot.writes()) {
      const auto at = release.image.begin() + static_cast<std::ptrdiff_t>(write.offset);
      REQUIRE(std::equal(write.bytes.begin(), write.bytes.end(), at));
    }
  }
}

TEST_CASE("an install on a finished slot fetches and writes nothing (FORMAT 4.5.2)", "[payload]") {
  auto release = sample_release();
  MemoryFile slot(release.image);
  const auto report = run(release, slot);
  REQUIRE(report);
  CHECK(report->present == 6);
  CHECK(report->fetched == 0);
  CHECK(slot.writes().empty());
  CHECK(release.frames.offsets().empty());
}

TEST_CASE("an install cut at any write resumes at the first window that is not there",
          "[payload][powercut]") {
  auto release = sample_release();
  for (std::size_t cut = 0;; ++cut) {
    INFO("power cut before write " << cut);
    MemoryFile slot(Bytes(release.image.size(), 0xee));
    slot.fail_after(cut);
    const auto before = run(release, slot);
    if (before) {
      CHECK(cut == 6);
      break;
    }
    CHECK(before.error().code() == Errc::kIo);
    slot.fail_after(SIZE_MAX);
    const auto after = run(release, slot);
    REQUIRE(after);
    CHECK(after->present == cut);
    CHECK(after->written == 6 - cut);
    REQUIRE(slot.content() == release.image);
  }
}

TEST_CASE("a slot that is partly right costs what differs", "[payload]") {
  auto release = sample_release();
  MemoryFile slot(release.image);
  slot.content()[3 * kWindow + 5] ^= 1U;
  const auto report = run(release, slot);
  REQUIRE(report);
  CHECK(report->written == 1);
  CHECK(report->fetched == release.index.record(3).frame_length);
  REQUIRE(slot.writes().size() == 1);
  CHECK(slot.writes()[0].offset == 3 * kWindow);
  CHECK(slot.content() == release.image);
}

TEST_CASE("a slot smaller than the image is refused before anything is written", "[payload]") {
  auto release = sample_release();
  MemoryFile slot(Bytes(release.image.size() - 1));
  const auto report = run(release, slot);
  REQUIRE_FALSE(report);
  CHECK(report.error().code() == Errc::kNoSpace);
  CHECK(slot.writes().empty());
}

TEST_CASE("a file may grow to the image", "[payload]") {
  auto release = sample_release();
  MemoryFile file(Bytes{});
  REQUIRE(run(release, file, TargetSize::kGrows));
  CHECK(file.content() == release.image);
}

TEST_CASE("an install passes on the errors of its container and its slot", "[payload]") {
  auto release = sample_release();
  MemoryFile slot(Bytes(release.image.size(), 0xee));
  auto bytes = release.frames.bytes();
  bytes.pop_back();
  Release cut{release.image, release.index, MemoryFrames(bytes)};
  CHECK(run(cut, slot).error().code() == Errc::kTransport);
  slot.break_at(0);
  CHECK(run(release, slot).error().code() == Errc::kIo);
}

TEST_CASE("a container cut anywhere writes only the windows before the cut", "[payload]") {
  auto release = sample_release();
  const auto whole = release.frames.bytes();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    Release cut{release.image, release.index, MemoryFrames(first(whole, n))};
    MemoryFile slot(Bytes(release.image.size(), 0xee));
    REQUIRE_FALSE(run(cut, slot));
    std::size_t expected = 0;
    while (release.index.record(expected).frame_offset +
               release.index.record(expected).frame_length <=
           n) {
      ++expected;
    }
    REQUIRE(slot.writes().size() == expected);
  }
}

TEST_CASE("frames are asked for in rising order", "[payload]") {
  auto release = sample_release();
  MemoryFile slot(Bytes(release.image.size(), 0xee));
  REQUIRE(run(release, slot));
  CHECK(release.frames.offsets().size() == 5);  // the zero window has no frame
  CHECK(std::is_sorted(release.frames.offsets().begin(), release.frames.offsets().end()));
}

TEST_CASE("reading back names the first window that differs", "[payload]") {
  auto release = sample_release();
  NoProgress progress;
  MemoryFile slot(release.image);
  slot.content()[release.image.size() - 1] ^= 0x80U;
  const auto status = verify_image(release.index, slot, progress);
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == Errc::kHashMismatch);
  CHECK(status.error().what() == "window 5 does not read back as it was written");
  MemoryFile shorter(first(release.image, release.image.size() - 1));
  CHECK(verify_image(release.index, shorter, progress).error().code() == Errc::kHashMismatch);
}

namespace {

// The same image as a delta whose windows are all copies of `old`, 3 windows from offset 100.
struct Delta {
  Bytes old = fakes::sample_bytes(4 * kWindow, 7);
  Release full = release_of(Bytes(old.begin() + 100, old.begin() + 100 + 3 * kWindow));
  Index index = copies();
  MemoryFrames frames{container()};

  [[nodiscard]] static Bytes offset_bytes(std::size_t window) {
    Writer out;
    out.u64_le(100 + window * kWindow);
    return std::move(out).take();
  }
  [[nodiscard]] Index copies() const {
    Index::Parts parts{12, full.image.size(), sha256(old), {}};
    for (std::size_t window = 0; window < 3; ++window) {
      auto record = full.index.record(window);
      record.kind = FrameKind::kCopy;
      record.frame_length = 8;
      record.frame = blake2b(offset_bytes(window));
      parts.records.push_back(record);
    }
    return *Index::create(std::move(parts));
  }
  [[nodiscard]] static Bytes container() {
    Bytes all;
    for (std::size_t window = 0; window < 3; ++window) {
      const auto frame = offset_bytes(window);
      all.insert(all.end(), frame.begin(), frame.end());
    }
    return all;
  }
};

Result<InstallReport> run(Delta& delta, Source* base, File& target, std::optional<Payload> repair) {
  NoProgress progress;
  return install({{delta.index, delta.frames}, base, repair}, target, progress);
}

}  // namespace

TEST_CASE("a delta makes the image from the running slot", "[payload]") {
  Delta delta;
  MemorySource base(delta.old);
  MemoryFile slot(Bytes(delta.full.image.size(), 0xee));
  const auto report = run(delta, &base, slot, {});
  REQUIRE(report);
  CHECK(report->fetched == 24);
  CHECK(slot.content() == delta.full.image);
}

// FORMAT 4.6.1
TEST_CASE("a window whose old bytes are damaged is fetched in full (FORMAT 4.6)", "[payload]") {
  Delta delta;
  MemorySource base(delta.old);
  base.bytes()[100 + kWindow + 5] ^= 4U;
  MemoryFile slot(Bytes(delta.full.image.size(), 0xee));
  const auto report = run(delta, &base, slot, Payload{delta.full.index, delta.full.frames});
  REQUIRE(report);
  CHECK(report->written == 3);
  CHECK(report->repaired == 1);
  CHECK(report->first_repaired == 1);
  CHECK(report->fetched == 24 + delta.full.index.record(1).frame_length);
  CHECK(slot.content() == delta.full.image);
}

TEST_CASE("a bad block of the running slot is repaired like wrong bytes (FORMAT 4.6)",
          "[payload]") {
  Delta delta;
  MemoryFile running(delta.old);
  running.break_at(100 + 2 * kWindow);
  auto base = FileSource::open(running);
  REQUIRE(base);
  MemoryFile slot(Bytes(delta.full.image.size(), 0xee));
  const auto report = run(delta, &*base, slot, Payload{delta.full.index, delta.full.frames});
  REQUIRE(report);
  CHECK(report->first_repaired == 2);
  CHECK(slot.content() == delta.full.image);
}

TEST_CASE("without a full payload a damaged old slot stops the install (FORMAT 4.6)", "[payload]") {
  Delta delta;
  MemorySource base(delta.old);
  base.bytes()[100 + kWindow + 5] ^= 4U;
  MemoryFile slot(Bytes(delta.full.image.size(), 0xee));
  const auto report = run(delta, &base, slot, {});
  REQUIRE_FALSE(report);
  CHECK(report.error().code() == Errc::kHashMismatch);
  CHECK_FALSE(report.error().hint().empty());
  CHECK(slot.writes().size() == 1);
}

// FORMAT 4.6.2
TEST_CASE("a damaged frame of a delta is an error, never repaired around (FORMAT 4.6)",
          "[payload]") {
  Delta delta;
  MemorySource base(delta.old);
  delta.frames.bytes()[8] ^= 1U;
  MemoryFile slot(Bytes(delta.full.image.size(), 0xee));
  const auto report = run(delta, &base, slot, Payload{delta.full.index, delta.full.frames});
  REQUIRE_FALSE(report);
  CHECK(report.error().code() == Errc::kHashMismatch);
  CHECK(slot.writes().size() == 1);
}

TEST_CASE("an install refuses a job that does not fit together", "[payload]") {
  Delta delta;
  MemorySource base(delta.old);
  MemoryFile slot(Bytes(delta.full.image.size(), 0xee));
  CHECK(run(delta, nullptr, slot, {}).error().code() == Errc::kUsage);
  auto other = sample_release();
  CHECK(run(delta, &base, slot, Payload{other.index, other.frames}).error().code() == Errc::kUsage);
  auto changed = delta.full.image;
  changed[0] ^= 1U;
  auto similar = release_of(changed);
  CHECK(run(delta, &base, slot, Payload{similar.index, similar.frames}).error().code() ==
        Errc::kUsage);
  CHECK(run(delta, &base, slot, Payload{delta.index, delta.frames}).error().code() == Errc::kUsage);
  CHECK(delta.frames.offsets().empty());
  CHECK(slot.writes().empty());
}
