#include "signer/delta.hpp"

#include <catch2/catch.hpp>

#include "payload/index.hpp"
#include "payload/install.hpp"
#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;
using fakes::FakeDisk;

namespace {

/// Text that deflates badly and differs in a few bytes from one version to the next.
Bytes image_of(std::uint64_t counter) {
  Bytes out;
  std::uint32_t state = 7;
  for (int i = 0; i < 40000; ++i) {
    state = state * 1664525U + 1013904223U;
    out.push_back(static_cast<std::uint8_t>(state >> 24U));
  }
  for (std::size_t i = 0; i < 8; ++i) out[i * 4000] = static_cast<std::uint8_t>(counter);
  return out;
}

struct Bench {
  FakeDisk disk;
  fakes::MemoryKeys keys;
  KeyRing ring = fakes::ring_of(keys, fakes::all_labels());
  Bench() { REQUIRE(fakes::publish_first(disk, ring)); }

  std::string build(const std::string& version, std::uint64_t counter) {
    auto input = fakes::small_input(disk, version, counter);
    disk.put("/in/" + version + ".img", image_of(counter));
    NoProgress progress;
    REQUIRE(build_release(disk, input, "/b/" + version, progress));
    return "/b/" + version;
  }
  void publish(const std::string& version, std::uint64_t counter) {
    REQUIRE(fakes::add_release(disk, ring, build(version, counter)));
  }
  Result<DeltaResult> delta(const std::string& release, std::vector<std::string> versions) {
    NoProgress progress;
    DeltaInput input{fakes::kRepository, release, std::move(versions), {}};
    input.payload.level = 1;
    return add_deltas(disk, input, progress);
  }
};

const DeltaMade& row(const DeltaResult& done, const std::string& component,
                     const std::string& from) {
  for (const auto& made : done.made) {
    if (made.component == component && made.from == from) return made;
  }
  FAIL("no row " << component << " from " << from);
  return done.made.front();
}

const manifest::Component& rootfs(const BuiltRelease& built) {
  REQUIRE(built.release.components.front().name == "rootfs");
  return built.release.components.front();
}

}  // namespace

TEST_CASE("delta: each base gets its payload, best first, the full one last (FORMAT 3.2.5, 11.7.1)",
          "[signer][delta]") {
  Bench bench;
  bench.publish("1.0.0", 1);
  bench.publish("1.1.0", 2);
  const auto directory = bench.build("1.2.0", 3);
  const auto done = bench.delta(directory, {"1.1.0", "1.0.0"});
  REQUIRE(done);
  CHECK(done->changed);
  const auto& component = rootfs(done->release);
  REQUIRE(component.payloads.size() == 3);
  const std::array<std::uint64_t, 2> bases{2, 1};
  for (std::size_t i = 0; i < bases.size(); ++i) {
    const auto& named = component.payloads[i];
    const auto index =
        payload::Index::parse(bench.disk.content(directory + "/" + blob_path(named.index.sha256)));
    REQUIRE(index);
    CHECK(index->base_image() == sha256(image_of(bases[i])));
    CHECK(index->window_log2() == 12);  // as the full one, which repairs it
    CHECK(named.container.size + named.index.size < component.payloads.back().container.size);
    const auto container = bench.disk.content(directory + "/" + blob_path(named.container.sha256));
    CHECK(sha256(container) == named.container.sha256);
  }
  CHECK(row(*done, "rootfs", "1.0.0").use == DeltaMade::Use::kAdded);
  const auto read = load_release(bench.disk, directory);
  REQUIRE(read);
  CHECK(read->digest == done->release.digest);
  CHECK(fakes::add_release(bench.disk, bench.ring, directory));
  CHECK(fakes::seen_by_device(bench.disk));
}

TEST_CASE("delta: what a device decodes is the image", "[signer][delta]") {
  Bench bench;
  bench.publish("1.0.0", 1);
  const auto directory = bench.build("1.1.0", 2);
  const auto done = bench.delta(directory, {"1.0.0"});
  REQUIRE(done);
  const auto& named = rootfs(done->release).payloads.front();
  const auto index =
      payload::Index::parse(bench.disk.content(directory + "/" + blob_path(named.index.sha256)));
  REQUIRE(index);
  const auto old = bench.disk.open("/in/1.0.0.img", OpenMode::kRead);
  auto base = payload::FileSource::open(**old);
  const auto container =
      bench.disk.open(directory + "/" + blob_path(named.container.sha256), OpenMode::kRead);
  payload::FileFrames frames(**container);
  const auto target = bench.disk.open("/target", OpenMode::kCreate);
  NoProgress progress;
  const auto installed = payload::install(
      {{*index, frames}, &*base, {}, payload::TargetSize::kGrows}, **target, progress);
  REQUIRE(installed);
  CHECK(installed->repaired == 0);
  CHECK(bench.disk.content("/target") == image_of(2));
}

TEST_CASE("delta: a second run changes nothing, a later one adds", "[signer][delta]") {
  Bench bench;
  bench.publish("1.0.0", 1);
  bench.publish("1.1.0", 2);
  const auto directory = bench.build("1.2.0", 3);
  const auto first = bench.delta(directory, {"1.1.0"});
  REQUIRE(first);
  const auto again = bench.delta(directory, {"1.1.0"});
  REQUIRE(again);
  CHECK_FALSE(again->changed);
  CHECK(again->release.digest == first->release.digest);
  CHECK(row(*again, "rootfs", "1.1.0").use == DeltaMade::Use::kThere);
  CHECK(row(*again, "rootfs", "1.1.0").bytes == row(*first, "rootfs", "1.1.0").bytes);
  const auto more = bench.delta(directory, {"1.0.0"});
  REQUIRE(more);
  CHECK(more->changed);
  CHECK(rootfs(more->release).payloads.size() == 3);
}

TEST_CASE("delta: one that is no smaller than the full payload is left out (FORMAT 11.7.2)",
          "[signer][delta]") {
  Bench bench;
  bench.publish("1.0.0", 1);
  auto input = fakes::small_input(bench.disk, "1.1.0", 2);
  bench.disk.put("/in/1.1.0.img", Bytes(50, 0x41));  // packs to almost nothing by itself
  NoProgress progress;
  REQUIRE(build_release(bench.disk, input, "/b/1.1.0", progress));
  const auto done = bench.delta("/b/1.1.0", {"1.0.0"});
  REQUIRE(done);
  const auto& made = row(*done, "rootfs", "1.0.0");
  CHECK(made.use == DeltaMade::Use::kNoSmaller);
  CHECK(made.bytes >= made.full_bytes);
  CHECK(rootfs(done->release).payloads.size() == 1);
  CHECK_FALSE(*bench.disk.exists("/b/1.1.0/blobs/container.tmp"));
}

TEST_CASE("delta: a component the older release lacks stays full", "[signer][delta]") {
  Bench bench;
  bench.publish("1.0.0", 1);
  auto input = fakes::small_input(bench.disk, "1.1.0", 2);
  input.components.front().name = "root2";
  NoProgress progress;
  REQUIRE(build_release(bench.disk, input, "/b/1.1.0", progress));
  const auto done = bench.delta("/b/1.1.0", {"1.0.0"});
  REQUIRE(done);
  CHECK(row(*done, "root2", "1.0.0").use == DeltaMade::Use::kNoBase);
}

TEST_CASE("delta: refusals name what is wrong", "[signer][delta]") {
  Bench bench;
  bench.publish("1.0.0", 1);
  const auto directory = bench.build("1.1.0", 2);
  const auto code = [&](const std::string& release, std::vector<std::string> versions) {
    return bench.delta(release, std::move(versions)).error().code();
  };
  CHECK(code(directory, {}) == Errc::kUsage);
  CHECK(code(directory, std::vector<std::string>(8, "1.0.0")) == Errc::kUsage);
  CHECK(code(directory, {"0.9.0"}) == Errc::kUsage);
  CHECK(code("/nowhere", {"1.0.0"}) == Errc::kIo);
  CHECK(code("/b/1.0.0", {"1.0.0"}) == Errc::kLedger);
}

TEST_CASE("delta: a damaged published payload is never a base", "[signer][delta]") {
  Bench bench;
  bench.publish("1.0.0", 1);
  const auto old = load_release(bench.disk, "/b/1.0.0");
  const auto& payload = rootfs(*old).payloads.front();
  const auto root = std::string(fakes::kRepository) + "/";
  const auto directory = bench.build("1.1.0", 2);
  const auto flip = [&](const std::string& path) {
    auto bytes = bench.disk.content(path);
    bytes[bytes.size() / 2] ^= 1U;
    bench.disk.put(path, bytes);
  };
  const auto before = bench.disk.content(directory + "/manifest.json");
  SECTION("container") {
    flip(root + blob_path(payload.container.sha256));
    CHECK(bench.delta(directory, {"1.0.0"}).error().code() == Errc::kHashMismatch);
  }
  SECTION("index") {
    const auto index = root + blob_path(payload.index.sha256);
    flip(index);
    const auto done = bench.delta(directory, {"1.0.0"});
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::kHashMismatch);
    CHECK(done.error().what() == index + " is not what its name says");
  }
  CHECK(bench.disk.content(directory + "/manifest.json") == before);
}

TEST_CASE("delta: an image that is not the one its manifest names makes no delta",
          "[signer][delta]") {
  Bench bench;
  bench.publish("1.0.0", 1);
  const auto directory = bench.build("1.1.0", 2);
  auto text = std::string(as_text(bench.disk.content(directory + "/manifest.json")));
  const auto right = to_hex(sha256(image_of(2)));
  text.replace(text.find(right), right.size(), to_hex(sha256(image_of(3))));
  bench.disk.put(directory + "/manifest.json", Bytes(text.begin(), text.end()));
  CHECK(bench.delta(directory, {"1.0.0"}).error().code() == Errc::kHashMismatch);
}

TEST_CASE("delta: a power cut at any durable operation leaves the old release or the new one",
          "[signer][delta][powercut]") {
  Bench bench;
  bench.publish("1.0.0", 1);
  const auto directory = bench.build("1.1.0", 2);
  const auto before = bench.disk;
  const auto old = load_release(bench.disk, directory)->digest;
  const auto wanted = bench.delta(directory, {"1.0.0"});
  REQUIRE(wanted);
  REQUIRE(wanted->release.digest != old);
  unsigned cuts = 0;
  for (;; ++cuts) {
    bench.disk = before;
    bench.disk.ops_left = cuts;
    if (bench.delta(directory, {"1.0.0"})) break;
    bench.disk.power_on();
    INFO("power cut before durable operation " << cuts);
    const auto after = load_release(bench.disk, directory);
    REQUIRE(after);
    REQUIRE((after->digest == old || after->digest == wanted->release.digest));
    const auto again = bench.delta(directory, {"1.0.0"});
    REQUIRE(again);
    REQUIRE(again->release.digest == wanted->release.digest);
  }
  CHECK(cuts > 10);
}
