#include "updater/blobs.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::updater;

TEST_CASE("blobs: size, digest and limit are checked, and named", "[updater][blobs]") {
  fakes::FakeDisk disk;
  const Bytes content(100, 7);
  const manifest::BlobReference blob{sha256(content), content.size()};
  const auto path = "/repo/blobs/" + to_hex(blob.sha256);
  DirectoryBlobs blobs(disk, "/repo");
  const auto absent = blobs.read(blob, 100, "index");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code() == Errc::kTransport);
  disk.put(path, content);
  CHECK(*blobs.read(blob, 100, "index") == content);
  CHECK(blobs.read(blob, 99, "index").error().code() == Errc::kTooLarge);
  auto longer = content;
  longer.push_back(7);
  disk.put(path, longer);
  CHECK(blobs.read(blob, 100, "index").error().code() == Errc::kHashMismatch);
  CHECK(blobs.open(blob).error().code() == Errc::kHashMismatch);
  disk.put(path, ByteView(content).first(99));
  CHECK(blobs.open(blob).error().code() == Errc::kHashMismatch);
  auto flipped = content;
  flipped[50] ^= 1U;
  disk.put(path, flipped);
  const auto refused = blobs.read(blob, 100, "payload index of rootfs");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kHashMismatch);
  CHECK(refused.error().what() ==
        "payload index of rootfs (" + blob_name(blob) + ") is not the file that was signed");
}
