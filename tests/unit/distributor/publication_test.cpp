#include "distributor/publication.hpp"

#include <catch2/catch.hpp>

#include "fakes/fake_clock.hpp"
#include "fakes/fake_disk.hpp"
#include "fakes/repo_simulator.hpp"
#include "manifest/directory_fetcher.hpp"

using namespace pawl;
using namespace pawl::distributor;
using namespace pawl::fakes;

namespace {

const std::string kServed = "/srv";

/// What the signer wrote, and what a distributor serves.
struct World {
  World() { clock.time = repository.now; }
  void release(std::uint64_t counter, const std::string& version) {
    repository.add_release(sample_release(counter, version));
    repository.bump();
  }
  /// All files of the repository with their contents.
  [[nodiscard]] std::map<std::string, Bytes> files() const {
    std::map<std::string, Bytes> out;
    for (const auto& [name, bytes] : repository.metadata_files) out["metadata/" + name] = bytes;
    for (const auto& [name, bytes] : repository.target_files) out["targets/" + name] = bytes;
    const auto blob = as_bytes("a payload");
    out["blobs/" + to_hex(sha256(blob))] = {blob.begin(), blob.end()};
    return out;
  }
  static std::vector<RepositoryFile> listed(const std::map<std::string, Bytes>& files) {
    std::vector<RepositoryFile> out;
    for (const auto& [path, bytes] : files) out.push_back({path, bytes.size(), sha256(bytes)});
    return out;
  }
  /// A whole publication, each file in two pieces.
  Status publish(Disk& disk) {
    const auto all = files();
    PAWL_TRY(auto publication, Publication::begin(disk, clock, kServed, listed(all)));
    const auto missing = publication.missing();
    for (const auto& file : missing) {
      const ByteView bytes = all.find(file.path)->second;
      PAWL_CHECK(publication.append(file.sha256, 0, bytes.first(bytes.size() / 2)));
      PAWL_CHECK(
          publication.append(file.sha256, bytes.size() / 2, bytes.subspan(bytes.size() / 2)));
    }
    PAWL_CHECK(publication.finish());
    return Ok{};
  }
  /// Version of the newest release a device would see in the served directory.
  [[nodiscard]] std::string seen(Disk& disk) {
    manifest::DirectoryFetcher fetcher(disk, kServed);
    const auto catalog = read_catalog(fetcher, clock);
    REQUIRE(catalog);
    const auto* newest = catalog->newest("gw3", {});
    if (newest == nullptr) return "none";
    const auto path = manifest::release_path("gw3", newest->version);
    const auto name = manifest::consistent_target_path(path, to_hex(newest->manifest));
    CHECK(*disk.exists(kServed + "/targets/" + name));  // nothing is named before it is there
    return newest->version;
  }
  RepoSimulator repository;
  FakeClock clock{{}};
};

}  // namespace

TEST_CASE("publication: a repository arrives whole and readable for everyone (FORMAT 12.6.7)",
          "[distributor][publication]") {
  World world;
  FakeDisk disk;
  disk.make_durable(kServed);
  world.release(2, "1.1.0");
  REQUIRE(world.publish(disk));
  CHECK(world.seen(disk) == "1.1.0");
  for (const auto& [path, bytes] : world.files()) {
    CHECK(*read_file(disk, kServed + "/" + path, 1U << 20U) == bytes);
    CHECK(disk.public_paths().contains(kServed + "/" + path));
  }
  world.release(3, "1.2.0");
  const auto begun = Publication::begin(disk, world.clock, kServed, World::listed(world.files()));
  REQUIRE(begun);
  CHECK(begun->missing().size() < world.files().size());  // what is there is not sent again
}

TEST_CASE("publication: power cut at any durable operation leaves the old or the new repository",
          "[distributor][publication][powercut]") {
  World world;
  world.release(2, "1.1.0");
  FakeDisk published;
  published.make_durable(kServed);
  REQUIRE(world.publish(published));
  world.release(3, "1.2.0");
  for (unsigned cut = 0;; ++cut) {
    auto disk = published;
    disk.ops_left = cut;
    const auto done = world.publish(disk);
    INFO("power cut before durable operation " << cut << ": " << disk.last_op);
    disk.power_on();
    const auto seen = world.seen(disk);
    CHECK((seen == "1.1.0" || seen == "1.2.0"));
    if (done) {
      CHECK(seen == "1.2.0");
      CHECK(cut > 20);
      break;
    }
    REQUIRE(world.publish(disk));  // again, with power
    CHECK(world.seen(disk) == "1.2.0");
  }
}

TEST_CASE("publication: what would break the served repository is refused (FORMAT 12.6.7)",
          "[distributor][publication]") {
  World world;
  FakeDisk disk;
  disk.make_durable(kServed);
  world.release(2, "1.1.0");
  auto old = world;
  REQUIRE(world.publish(disk));
  const auto begin = [&](const std::map<std::string, Bytes>& files) {
    return Publication::begin(disk, world.clock, kServed, World::listed(files));
  };

  SECTION("no timestamp") {
    auto files = world.files();
    files.erase("metadata/timestamp.json");
    CHECK(begin(files).error().code() == Errc::kUsage);
  }
  SECTION("paths that are no files of a repository") {
    for (const auto* path : {"metadata/../x.json", "/etc/passwd", "blobs/x", "metadata/a/b.json",
                             "targets/x.manifest.json", ".incoming/lock", "x"}) {
      INFO(path);
      auto files = world.files();
      files[path] = Bytes{1};
      CHECK(begin(files).error().code() == Errc::kMalformed);
    }
  }
  SECTION("another file under a name that never changes") {
    auto files = world.files();
    files["metadata/1.root.json"].push_back(' ');
    CHECK(begin(files).error().code() == Errc::kHashMismatch);
  }
  SECTION("an older timestamp") {
    world.release(3, "1.2.0");
    REQUIRE(world.publish(disk));
    const auto status = old.publish(disk);
    REQUIRE_FALSE(status);
    CHECK(status.error().code() == Errc::kRollback);
    CHECK(world.seen(disk) == "1.2.0");
  }
  SECTION("an older timestamp, after the present one has expired") {
    world.release(3, "1.2.0");
    REQUIRE(world.publish(disk));
    old.clock.time += Seconds(6 * 24 * 3600);
    old.repository.now += Seconds(6 * 24 * 3600);
    old.repository.publish_timestamp();  // the same version, but younger
    old.clock.time += Seconds(2 * 24 * 3600);
    CHECK(old.publish(disk).error().code() == Errc::kRollback);
  }
  SECTION("metadata that do not verify") {
    world.repository.signers["timestamp"] = {SigningKey("somebody else")};
    world.release(3, "1.2.0");
    CHECK_FALSE(world.publish(disk));
    CHECK(old.seen(disk) == "1.1.0");
  }
  SECTION("finish before everything is there") {
    world.release(3, "1.2.0");
    auto begun = begin(world.files());
    REQUIRE(begun);
    CHECK(begun->finish().error().code() == Errc::kIncomplete);
  }
  SECTION("a second publication at the same time") {
    const auto first = begin(world.files());
    REQUIRE(first);
    CHECK(begin(world.files()).error().code() == Errc::kBusy);
  }
}

// FORMAT 12.6.6
TEST_CASE("publication: pieces are the next ones of a missing file, and what was announced",
          "[distributor][publication]") {
  World world;
  FakeDisk disk;
  disk.make_durable(kServed);
  world.release(2, "1.1.0");
  const auto files = world.files();
  auto begun = Publication::begin(disk, world.clock, kServed, World::listed(files));
  REQUIRE(begun);
  const auto blob = as_bytes("a payload");
  const auto name = sha256(blob);
  CHECK(begun->append(sha256(as_bytes("unknown")), 0, blob).error().code() == Errc::kUsage);
  CHECK(begun->append(name, 4, blob.subspan(4)).error().code() == Errc::kUsage);
  REQUIRE(begun->append(name, 0, blob.first(4)));
  CHECK(begun->append(name, 5, blob.subspan(5)).error().code() == Errc::kUsage);
  CHECK(begun->append(name, 4, as_bytes("payload and more")).error().code() == Errc::kTooLarge);
  CHECK(begun->append(name, 4, as_bytes("xxxxx")).error().code() == Errc::kHashMismatch);
  CHECK_FALSE(*disk.exists(kServed + "/blobs/" + to_hex(name)));
  REQUIRE(begun->append(name, 0, blob));  // from the start again
  CHECK(*disk.exists(kServed + "/blobs/" + to_hex(name)));
}

TEST_CASE("publication: a damaged blob in the served directory is sent again",
          "[distributor][publication]") {
  World world;
  FakeDisk disk;
  disk.make_durable(kServed);
  world.release(2, "1.1.0");
  REQUIRE(world.publish(disk));
  const auto blob = "blobs/" + to_hex(sha256(as_bytes("a payload")));
  disk.put(kServed + "/" + blob, as_bytes("A payload"));
  const auto begun = Publication::begin(disk, world.clock, kServed, World::listed(world.files()));
  REQUIRE(begun);
  REQUIRE(begun->missing().size() == 1);
  CHECK(begun->missing().front().path == blob);
}

TEST_CASE("publication: a directory is listed by the names of a repository",
          "[distributor][publication]") {
  World world;
  FakeDisk disk;
  disk.make_durable(kServed);
  world.release(2, "1.1.0");
  REQUIRE(world.publish(disk));
  disk.put(kServed + "/metadata/.lock", as_bytes(""));
  disk.put(kServed + "/metadata/3.snapshot.json.tmp", as_bytes("x"));
  disk.put(kServed + "/blobs/README", as_bytes("x"));
  const auto listed = list_repository(disk, kServed);
  REQUIRE(listed);
  CHECK(listed->size() == world.files().size());
  for (const auto& file : *listed) {
    REQUIRE(world.files().contains(file.path));
    CHECK(file.sha256 == sha256(world.files()[file.path]));
  }
}
