#include "signer/bundle.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "manifest/bundle_file.hpp"
#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;
using manifest::BundlePart;

namespace {

const std::string kOut = "/stick/gw3.pawl";

/// A repository with two releases; the second may be used offline.
struct Shelf {
  fakes::FakeDisk disk;
  fakes::MemoryKeys keys;
  KeyRing ring = fakes::ring_of(keys, fakes::all_labels());
  NoProgress progress;

  Shelf() {
    disk.make_durable("/stick");
    REQUIRE(fakes::publish_first(disk, ring));
    for (const auto counter : {1U, 2U}) {
      const auto version = "1.0." + std::to_string(counter);
      auto input = fakes::small_input(disk, version, counter);
      if (counter == 2) {
        input.release.offline = manifest::OfflineRule{manifest::OfflineUse::kAllowed,
                                                      fakes::kSignedAt + Seconds(86400 * 60)};
      }
      REQUIRE(build_release(disk, input, "/out/" + version, progress));
      REQUIRE(fakes::add_release(disk, ring, "/out/" + version));
    }
  }
  Result<BundlePlan> plan(const std::string& version = "", const std::string& product = "gw3") {
    PAWL_TRY(const auto repository, load_repository(disk, fakes::kRepository, {}));
    return plan_bundle(disk, repository, product, version);
  }
  Result<WrittenBundle> write(const BundlePlan& plan) {
    PAWL_TRY(const auto repository, load_repository(disk, fakes::kRepository, {}));
    return write_bundle(disk, repository, plan, kOut, fakes::kSignedAt, progress);
  }
};

}  // namespace

TEST_CASE("bundle: it holds what a new device asks for, in that order (FORMAT 14.2.1)",
          "[signer][bundle]") {
  Shelf shelf;
  const auto plan = shelf.plan();
  REQUIRE(plan);
  CHECK(plan->release.version == "1.0.2");  // the newest
  const auto written = shelf.write(*plan);
  INFO((written ? "ok" : written.error().what()));
  REQUIRE(written);
  const auto bytes = shelf.disk.content(kOut);
  CHECK(written->size == bytes.size());
  CHECK(written->sha256 == sha256(bytes));
  const auto bundle = manifest::BundleFile::open(shelf.disk, kOut);
  REQUIRE(bundle);
  std::vector<std::string> metadata;
  for (const auto& entry : bundle->table().entries()) {
    if (entry.part == BundlePart::kMetadata) metadata.push_back(entry.name);
  }
  REQUIRE(metadata.size() == 6);
  CHECK(metadata[0] == "1.root.json");
  CHECK(metadata[1].ends_with(".policy.json"));
  metadata.erase(metadata.begin(), metadata.begin() + 2);
  CHECK(metadata == std::vector<std::string>{"timestamp.json", "3.snapshot.json", "1.targets.json",
                                             "3.rel-gw3.json"});
  for (const auto& blob : blobs_of(plan->release)) {
    const auto* entry = bundle->table().find(BundlePart::kBlob, to_hex(blob.sha256));
    REQUIRE(entry != nullptr);
    const auto part = ByteView(bytes).subspan(entry->offset, entry->length);
    CHECK(sha256(part) == blob.sha256);
  }
  CHECK_FALSE(shelf.disk.has(kOut + ".tmp"));
}

TEST_CASE("bundle: it says until when devices take it", "[signer][bundle]") {
  Shelf shelf;
  const auto offline = shelf.plan("1.0.2");
  REQUIRE(offline);
  CHECK(offline->usable_until == fakes::kSignedAt + Seconds(86400 * 60));
  const auto online = shelf.plan("1.0.1");
  REQUIRE(online);
  CHECK(online->usable_until == fakes::kSignedAt + Seconds(60 + 86400 * 7));  // the timestamp
}

TEST_CASE("bundle: what is not published is not bundled", "[signer][bundle]") {
  Shelf shelf;
  CHECK(shelf.plan("9.9.9").error().code() == Errc::kNotForDevice);
  CHECK(shelf.plan("", "gw4").error().code() == Errc::kNotForDevice);
}

TEST_CASE("bundle: a damaged blob, or a bundle no device takes, leaves no file",
          "[signer][bundle]") {
  Shelf shelf;
  const auto plan = shelf.plan();
  REQUIRE(plan);
  SECTION("blob") {
    const auto blob = plan->release.components[0].payloads[0].container;
    const auto path = std::string(fakes::kRepository) + "/" + blob_path(blob.sha256);
    auto bytes = shelf.disk.content(path);
    bytes[0] ^= 1U;
    shelf.disk.put(path, bytes);
    CHECK(shelf.write(*plan).error().code() == Errc::kHashMismatch);
    bytes.pop_back();
    shelf.disk.put(path, bytes);
    CHECK(shelf.write(*plan).error().code() == Errc::kHashMismatch);
  }
  SECTION("too late") {
    const auto repository = load_repository(shelf.disk, fakes::kRepository, {});
    REQUIRE(repository);
    const auto late = fakes::kSignedAt + Seconds(86400 * 61);
    const auto written = write_bundle(shelf.disk, *repository, *plan, kOut, late, shelf.progress);
    CHECK(written.error().code() == Errc::kExpired);
  }
  CHECK_FALSE(shelf.disk.has(kOut));
  CHECK_FALSE(shelf.disk.has(kOut + ".tmp"));
}
