#include "payload/build.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "payload/zstd_frame.hpp"
#include "tests/fakes/payload_streams.hpp"

using namespace pawl;
using namespace pawl::payload;
using fakes::MemorySink;
using fakes::MemorySource;

namespace {

constexpr std::size_t kWindow = 4096;

BuildOptions small_windows(unsigned threads = 1) {
  return {12, 3, threads};
}

// Five windows and a half: text, text, zeros, zeros, text, text.
Bytes image_bytes() {
  auto image = fakes::sample_bytes(5 * kWindow + kWindow / 2, 1);
  std::fill_n(image.begin() + 2 * kWindow, 2 * kWindow, std::uint8_t{0});
  return image;
}

struct Run {
  Result<Built> built;
  Bytes container;
};

Run build(const Bytes& image, const BuildOptions& options) {
  MemorySource source(image);
  MemorySink sink;
  NoProgress progress;
  auto built = build_full(source, sink, options, progress);
  return {std::move(built), std::move(sink.bytes())};
}

class RecordingProgress final : public Progress {
 public:
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total) override {
    CHECK(stage == "build");
    CHECK(done > last);
    last = done;
    whole = total;
  }
  void finish() override { ++finished; }
  std::uint64_t last = 0;
  std::uint64_t whole = 0;
  int finished = 0;
};

class FailingSource final : public Source {
 public:
  [[nodiscard]] std::uint64_t size() const override { return 3 * kWindow; }
  Status read_at(std::span<std::uint8_t> out, std::uint64_t offset) override {
    if (offset > 0) return fail(Errc::kIo, "bad block");
    std::fill(out.begin(), out.end(), std::uint8_t{7});
    return Ok{};
  }
};

class FullSink final : public Sink {
 public:
  Status append(ByteView) override { return fail(Errc::kNoSpace, "disk full"); }
};

}  // namespace

TEST_CASE("a built payload names its image and its container (FORMAT 4.1.1, 4.3.1)", "[payload]") {
  const auto image = image_bytes();
  const auto run = build(image, small_windows());
  REQUIRE(run.built);
  CHECK(run.built->image_sha256 == sha256(image));
  CHECK(run.built->container_sha256 == sha256(run.container));
  const auto& index = run.built->index;
  CHECK(index.container_size() == run.container.size());
  CHECK(index.image_size() == image.size());
  CHECK_FALSE(index.base_image());
  REQUIRE(index.count() == 6);
  CHECK(index.record(2).kind == FrameKind::kZero);
  CHECK(index.record(3).kind == FrameKind::kZero);
  CHECK(index.record(5).kind == FrameKind::kZstd);
  CHECK(index.record(5).plain == blake2b(ByteView(image).subspan(5 * kWindow)));
  CHECK(run.container.size() < image.size());
}

TEST_CASE("the number of threads changes no byte", "[payload]") {
  const auto image = image_bytes();
  const auto one = build(image, small_windows(1));
  const auto threads = GENERATE(2U, 3U, 4U, 7U);
  const auto many = build(image, small_windows(threads));
  REQUIRE(one.built);
  REQUIRE(many.built);
  CHECK(one.container == many.container);
  CHECK(one.built->index.serialise() == many.built->index.serialise());
}

TEST_CASE("a window repeated from the one before costs almost nothing (FORMAT 4.4.3)",
          "[payload]") {
  auto image = fakes::sample_bytes(kWindow, 3);
  for (std::size_t i = 0; i < kWindow; ++i) image.push_back(image[i]);
  const auto run = build(image, small_windows());
  REQUIRE(run.built);
  CHECK(run.built->index.record(1).frame_length < 40);
}

TEST_CASE("the first window has no prefix (FORMAT 4.4)", "[payload]") {
  Bytes image(kWindow);
  image[kWindow - 1] = 1;
  const auto run = build(image, small_windows());
  REQUIRE(run.built);
  CHECK(run.container == *ZstdEncoder(3).compress(image, {}));
}

TEST_CASE("a window of noise fits its frame (FORMAT 4.2.6)", "[payload]") {
  std::mt19937 random(5);
  Bytes image(3 * kWindow + 1);
  for (auto& byte : image) byte = static_cast<std::uint8_t>(random());
  const auto run = build(image, small_windows());
  REQUIRE(run.built);
  CHECK(run.built->index.record(0).frame_length > kWindow);
}

TEST_CASE("building reports progress to the end of the image", "[payload]") {
  MemorySource source(image_bytes());
  MemorySink sink;
  RecordingProgress progress;
  REQUIRE(build_full(source, sink, small_windows(2), progress));
  CHECK(progress.last == source.size());
  CHECK(progress.whole == source.size());
  CHECK(progress.finished == 1);
}

TEST_CASE("building refuses options outside their range", "[payload]") {
  struct Row {
    const char* why;
    BuildOptions options;
    std::size_t size;
  };
  const auto row = GENERATE(Row{"window too small", {11, 3, 1}, 10},
                            Row{"window too large", {21, 3, 1}, 10}, Row{"level 0", {12, 0, 1}, 10},
                            Row{"level 23", {12, 23, 1}, 10}, Row{"no thread", {12, 3, 0}, 10},
                            Row{"65 threads", {12, 3, 65}, 10}, Row{"empty image", {12, 3, 1}, 0});
  INFO(row.why);
  const auto run = build(Bytes(row.size), row.options);
  REQUIRE_FALSE(run.built);
  CHECK(run.built.error().code() == Errc::kUsage);
}

TEST_CASE("building refuses an image of too many windows before it reads it", "[payload]") {
  class Huge final : public Source {
   public:
    [[nodiscard]] std::uint64_t size() const override {
      return (std::uint64_t{kMaxWindows} << 12U) + 1;
    }
    Status read_at(std::span<std::uint8_t>, std::uint64_t) override {
      return fail(Errc::kIo, "read");
    }
  } source;
  MemorySink sink;
  NoProgress progress;
  CHECK(build_full(source, sink, small_windows(), progress).error().code() == Errc::kTooLarge);
}

TEST_CASE("building passes on the error of its source and its sink", "[payload]") {
  FailingSource bad;
  MemorySink sink;
  NoProgress progress;
  CHECK(build_full(bad, sink, small_windows(), progress).error().code() == Errc::kIo);
  MemorySource source(image_bytes());
  FullSink full;
  CHECK(build_full(source, full, small_windows(), progress).error().code() == Errc::kNoSpace);
}
