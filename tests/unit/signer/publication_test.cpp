#include "signer/publication.hpp"

#include <catch2/catch.hpp>

#include "tests/fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::signer;
using fakes::FakeDisk;

namespace {

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

}  // namespace

TEST_CASE("publication: new files come in order, the visible one last (FORMAT 11.1.2)",
          "[signer][publication]") {
  Publication blobs;
  blobs.copy("blobs/x", "/in/x", sha256(as_bytes("x")), 1);
  Publication metadata;
  metadata.finish_with("metadata/timestamp.json", bytes_of("t"));
  metadata.add("metadata/1.root.json", bytes_of("r"));
  blobs.append(metadata);
  CHECK(blobs.paths() ==
        std::vector<std::string>{"blobs/x", "metadata/1.root.json", "metadata/timestamp.json"});
  FakeDisk disk;
  disk.put("/in/x", "x");
  NoProgress progress;
  REQUIRE(blobs.publish(disk, "/r", progress));
  disk.power_on();  // everything was synced
  CHECK(disk.text("/r/blobs/x") == "x");
  CHECK(disk.text("/r/metadata/1.root.json") == "r");
  CHECK(disk.text("/r/metadata/timestamp.json") == "t");
}

TEST_CASE("publication: every file and folder is for everyone to read (FORMAT 11.1.5)",
          "[signer][publication]") {
  Publication change;
  change.copy("blobs/x", "/in/x", sha256(as_bytes("x")), 1);
  change.add("metadata/1.root.json", bytes_of("r"));
  change.finish_with("metadata/timestamp.json", bytes_of("t"));
  FakeDisk disk;
  disk.put("/in/x", "x");
  NoProgress progress;
  REQUIRE(change.publish(disk, "/r", progress));
  CHECK(disk.public_paths() == std::set<std::string>{"/r", "/r/blobs", "/r/blobs/x", "/r/metadata",
                                                     "/r/metadata/1.root.json",
                                                     "/r/metadata/timestamp.json"});
}

TEST_CASE("publication: a source that is not what its digest says stops everything after it",
          "[signer][publication]") {
  Publication change;
  change.copy("blobs/x", "/in/x", sha256(as_bytes("x")), 1);
  change.finish_with("metadata/timestamp.json", bytes_of("t"));
  FakeDisk disk;
  disk.put("/in/x", "y");
  NoProgress progress;
  CHECK(change.publish(disk, "/r", progress).error().code() == Errc::kHashMismatch);
  CHECK_FALSE(disk.has("/r/blobs/x"));
  CHECK_FALSE(disk.has("/r/metadata/timestamp.json"));
}

TEST_CASE("publication: a source that is shorter than it says is an error",
          "[signer][publication]") {
  Publication change;
  change.copy("blobs/x", "/in/x", sha256(as_bytes("xy")), 2);
  FakeDisk disk;
  disk.put("/in/x", "x");
  NoProgress progress;
  CHECK(change.publish(disk, "/r", progress).error().code() == Errc::kIo);
}

TEST_CASE("publication: a blob that is there is not written again, a damaged one is",
          "[signer][publication]") {
  Publication change;
  change.copy("blobs/x", "/in/x", sha256(as_bytes("x")), 1);
  FakeDisk disk;
  disk.put("/in/x", "x");
  NoProgress progress;
  REQUIRE(change.publish(disk, "/r", progress));
  const auto before = disk.ops;
  REQUIRE(change.publish(disk, "/r", progress));
  CHECK(disk.ops == before);
  disk.put("/r/blobs/x", "z");
  REQUIRE(change.publish(disk, "/r", progress));
  CHECK(disk.text("/r/blobs/x") == "x");
  disk.put("/r/blobs/x", "x and more");
  REQUIRE(change.publish(disk, "/r", progress));
  CHECK(disk.text("/r/blobs/x") == "x");
}

TEST_CASE("publication: a file of several chunks is hashed and copied whole",
          "[signer][publication]") {
  Bytes big(2'500'000);
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<std::uint8_t>(i * 7 / 3);
  FakeDisk disk;
  disk.put("/in/big", big);
  const auto file = disk.open("/in/big", OpenMode::kRead);
  REQUIRE(file);
  CHECK(*hash_file(**file, big.size()) == sha256(big));
  Publication change;
  change.copy("blobs/big", "/in/big", sha256(big), big.size());
  NoProgress progress;
  REQUIRE(change.publish(disk, "/r", progress));
  CHECK(disk.content("/r/blobs/big") == big);
}

TEST_CASE("publication: a full disk leaves what was visible", "[signer][publication]") {
  FakeDisk disk;
  disk.put("/r/metadata/timestamp.json", "old");
  disk.capacity = 8;
  Publication change;
  change.add("metadata/2.snapshot.json", bytes_of("too long for it"));
  change.finish_with("metadata/timestamp.json", bytes_of("new"));
  NoProgress progress;
  CHECK(change.publish(disk, "/r", progress).error().code() == Errc::kNoSpace);
  CHECK(disk.text("/r/metadata/timestamp.json") == "old");
}
