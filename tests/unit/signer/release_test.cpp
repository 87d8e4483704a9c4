#include <catch2/catch.hpp>

#include "payload/index.hpp"
#include "signer/measurements.hpp"
#include "signer/release_build.hpp"
#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;
using fakes::FakeDisk;

namespace {

Result<BuiltRelease> build(FakeDisk& disk, const BuildInput& input, const std::string& out) {
  NoProgress progress;
  return build_release(disk, input, out, progress);
}

struct Bench {
  FakeDisk disk;
  fakes::MemoryKeys keys;
  KeyRing ring = fakes::ring_of(keys, fakes::all_labels());
  Bench() { REQUIRE(fakes::publish_first(disk, ring)); }
  void release(const std::string& version, std::uint64_t counter) {
    REQUIRE(build(disk, fakes::small_input(disk, version, counter), "/b/" + version));
    REQUIRE(fakes::add_release(disk, ring, "/b/" + version));
  }
};

}  // namespace

TEST_CASE("release: the directory holds the manifest and every blob it names (FORMAT 11.2.1)",
          "[signer][release]") {
  FakeDisk disk;
  const auto built = build(disk, fakes::small_input(disk, "1.0.0", 1), "/out");
  REQUIRE(built);
  CHECK(disk.content("/out/manifest.json") == built->manifest);
  REQUIRE(built->release.components.size() == 2);
  CHECK(built->release.components.back().name == "uki");
  const auto blobs = blobs_of(built->release);
  CHECK(blobs.size() == 4);
  for (const auto& blob : blobs) {
    const auto content = disk.content("/out/" + blob_path(blob.sha256));
    CHECK(content.size() == blob.size);
    CHECK(sha256(content) == blob.sha256);
  }
  const auto& rootfs = built->release.components.front();
  CHECK(rootfs.sha256 == sha256(disk.content("/in/1.0.0.img")));
  const auto index = payload::Index::parse(
      disk.content("/out/" + blob_path(rootfs.payloads.front().index.sha256)));
  REQUIRE(index);
  CHECK(index->image_size() == 5000);
  CHECK_FALSE(index->base_image());
  const auto read = load_release(disk, "/out");
  REQUIRE(read);
  CHECK(read->digest == built->digest);
  CHECK(read->release == built->release);
}

TEST_CASE("release: two builds in two folders give the same bytes (FORMAT 11.2.3)",
          "[signer][release]") {
  FakeDisk one;
  FakeDisk two;
  two.put("/in/unrelated", "x");
  auto input = fakes::small_input(one, "1.0.0", 1);
  REQUIRE(build(one, input, "/a"));
  (void)fakes::small_input(two, "1.0.0", 1);
  input.payload.threads = 3;
  REQUIRE(build(two, input, "/somewhere/else"));
  const auto names = one.list("/a/blobs");
  REQUIRE(names);
  CHECK(*names == *two.list("/somewhere/else/blobs"));
  for (const auto& name : *names) {
    CHECK(one.content("/a/blobs/" + name) == two.content("/somewhere/else/blobs/" + name));
  }
  CHECK(one.content("/a/manifest.json") == two.content("/somewhere/else/manifest.json"));
}

TEST_CASE("release: the boot record lists what will be measured, in order (FORMAT 11.4.4)",
          "[signer][release]") {
  FakeDisk disk;
  const auto input = fakes::small_input(disk, "1.0.0", 1);
  const auto uki = report_uki(disk.content(*input.uki), *parse_phases("sysinit ready"));
  REQUIRE(uki);
  const auto roles = [&](const std::string& profile) {
    std::vector<std::string> out;
    const auto record = boot_record(profile, *uki, {"sysinit", "ready"});
    REQUIRE(record);
    for (const auto& d : record->digests) {
      out.push_back(d.role + "@" + std::to_string(d.pcr) + "x" + std::to_string(d.count));
    }
    return out;
  };
  CHECK(roles("efi-uki") == std::vector<std::string>{"pe:uki@4x1", "section:.linux@11x1",
                                                     "section:.osrel@11x1", "section:.cmdline@11x1",
                                                     "section:.initrd@11x1", "cmdline-utf16@12x2",
                                                     "pe:kernel@4x1", "cmdline-utf16@9x1",
                                                     "initrd@9x1"});
  CHECK(roles("grub-uki").size() == 8);
  CHECK(roles("uboot-uki") == roles("grub-uki"));
  CHECK(boot_record("uboot-bootm", *uki, {}).error().code() == Errc::kUsage);
  const auto record = boot_record("efi-uki", *uki, {"sysinit", "ready"});
  CHECK(record->pcr11 == uki->pcr11);
  CHECK(record->phases == std::vector<std::string>{"sysinit", "ready"});
  const auto built = build(disk, input, "/out");
  REQUIRE(built);
  CHECK(built->release.measurements == std::vector{*record});
}

TEST_CASE("release: image and UKI of different builds are refused (FORMAT 11.2.2)",
          "[signer][release]") {
  FakeDisk disk;
  auto input = fakes::small_input(disk, "1.0.0", 1);
  input.components.front().verity_root = sha256(as_bytes("another image"));
  CHECK(build(disk, input, "/out").error().code() == Errc::kMalformed);
  CHECK_FALSE(disk.has("/out/manifest.json"));
}

TEST_CASE("release: what a device would refuse is not built", "[signer][release]") {
  FakeDisk disk;
  auto input = fakes::small_input(disk, "1.0.0", 1);
  const auto* why = GENERATE("product", "version", "vendor", "no hardware", "no uki", "no image",
                             "phases", "profile", "attachment kind");
  INFO(why);
  const std::string_view kind(why);
  if (kind == "product") input.release.product = "GW 3";
  if (kind == "version") input.release.version = "one";
  if (kind == "vendor") input.release.vendor_id = "x";
  if (kind == "no hardware") input.release.hardware.clear();
  if (kind == "no uki") disk.put(*input.uki, "not a UKI");
  if (kind == "no image") input.components.front().image = "/nowhere";
  if (kind == "phases") input.phases = "once upon a time";
  if (kind == "profile") input.boot_profiles = {"magic"};
  if (kind == "attachment kind") {
    disk.put("/in/x", "x");
    input.attachments.push_back({"poem", "text/plain", "/in/x"});
  }
  CHECK_FALSE(build(disk, input, "/out"));
  CHECK_FALSE(disk.has("/out/manifest.json"));
}

TEST_CASE("release: attachments are blobs named by the manifest", "[signer][release]") {
  FakeDisk disk;
  auto input = fakes::small_input(disk, "1.0.0", 1);
  const std::string sbom = R"({"spdxVersion":"SPDX-2.3"})";
  disk.put("/in/sbom.json", sbom);
  input.attachments.push_back({"sbom-spdx", "application/spdx+json", "/in/sbom.json"});
  const auto built = build(disk, input, "/out");
  REQUIRE(built);
  REQUIRE(built->release.attachments.size() == 1);
  CHECK(disk.text("/out/" + blob_path(sha256(as_bytes(sbom)))) == sbom);
  disk.put("/in/sbom.json", "{}");
  const auto other = build(disk, input, "/other");
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Errc::kMalformed);
  CHECK_FALSE(disk.has("/other/manifest.json"));
}

TEST_CASE("release: a finished one is not overwritten by another", "[signer][release]") {
  FakeDisk disk;
  REQUIRE(build(disk, fakes::small_input(disk, "1.0.0", 1), "/out"));
  REQUIRE(build(disk, fakes::small_input(disk, "1.0.0", 1), "/out"));
  CHECK(build(disk, fakes::small_input(disk, "1.1.0", 2), "/out").error().code() == Errc::kUsage);
}

TEST_CASE("release: a directory that is not whole is no release", "[signer][release]") {
  FakeDisk disk;
  const auto built = build(disk, fakes::small_input(disk, "1.0.0", 1), "/out");
  REQUIRE(built);
  const auto blob = "/out/" + blob_path(blobs_of(built->release).front().sha256);
  CHECK(load_release(disk, "/in").error().code() == Errc::kIo);
  disk.put(blob, "short");
  CHECK(load_release(disk, "/out").error().code() == Errc::kHashMismatch);
  REQUIRE(disk.remove(blob));
  CHECK(load_release(disk, "/out").error().code() == Errc::kIo);
  disk.put("/out/manifest.json", "{}");
  CHECK(load_release(disk, "/out").error().code() == Errc::kMalformed);
}

TEST_CASE("release: published, a device accepts it; published again, nothing changes",
          "[signer][release]") {
  Bench bench;
  bench.release("1.0.0", 1);
  bench.release("1.1.0", 2);
  const auto report = fakes::seen_by_device(bench.disk);
  REQUIRE(report);
  REQUIRE(report->releases.size() == 2);
  CHECK(report->releases.front().version == "1.1.0");
  for (const auto& release : report->releases) CHECK_FALSE(release.refused);
  const auto repository = load_repository(bench.disk, fakes::kRepository, {});
  const auto again =
      plan_addition(bench.disk, *repository, *load_release(bench.disk, "/b/1.0.0"), "/b/1.0.0");
  REQUIRE(again);
  CHECK_FALSE(again->changed);
  REQUIRE(build(bench.disk, fakes::small_input(bench.disk, "1.0.0", 3), "/b/other"));
  const auto other =
      plan_addition(bench.disk, *repository, *load_release(bench.disk, "/b/other"), "/b/other");
  CHECK(other.error().code() == Errc::kLedger);  // the version is taken
  // what refers to others comes after them (FORMAT 11.1.2)
  const auto paths = again->files.paths();
  REQUIRE(paths.size() == 5);
  for (std::size_t i = 0; i < 4; ++i) CHECK(paths[i].starts_with("blobs/"));
  CHECK(paths.back().starts_with("targets/releases/gw3/1.0.0/"));
}

TEST_CASE("verify: a release whose listing says other numbers than its manifest is refused",
          "[signer][verify]") {
  Bench bench;
  REQUIRE(build(bench.disk, fakes::small_input(bench.disk, "1.0.0", 1), "/b/1.0.0"));
  const auto repository = load_repository(bench.disk, fakes::kRepository, {});
  REQUIRE(repository);
  auto addition =
      plan_addition(bench.disk, *repository, *load_release(bench.disk, "/b/1.0.0"), "/b/1.0.0");
  REQUIRE(addition);
  addition->targets.targets.begin()->second.custom =
      manifest::ReleaseSummary::of(fakes::small_release("1.0.0", 2)).to_json();
  Revision revision(*repository, {}, fakes::kSignedAt + Seconds(60));
  revision.set_role(addition->role, addition->targets);
  const auto done = revision.sign(bench.ring);
  REQUIRE(done);
  addition->files.append(done->publication);
  NoProgress progress;
  REQUIRE(addition->files.publish(bench.disk, fakes::kRepository, progress));
  const auto report = fakes::seen_by_device(bench.disk);
  REQUIRE(report);
  REQUIRE(report->releases.size() == 1);
  CHECK(report->releases.front().refused);
}

TEST_CASE("release: a blob that changed since the build is not published", "[signer][release]") {
  Bench bench;
  const auto built = build(bench.disk, fakes::small_input(bench.disk, "1.0.0", 1), "/b/1.0.0");
  REQUIRE(built);
  const auto blob = "/b/1.0.0/" + blob_path(blobs_of(built->release).front().sha256);
  auto bytes = bench.disk.content(blob);
  bytes[0] ^= 1U;
  bench.disk.put(blob, bytes);
  CHECK(fakes::add_release(bench.disk, bench.ring, "/b/1.0.0").error().code() ==
        Errc::kHashMismatch);
  CHECK(fakes::seen_by_device(bench.disk)->releases.empty());
}

TEST_CASE("verify: a release whose parts are damaged is refused by name", "[signer][verify]") {
  Bench bench;
  bench.release("1.0.0", 1);
  const auto repository = load_repository(bench.disk, fakes::kRepository, {});
  const auto built = load_release(bench.disk, "/b/1.0.0");
  const auto target = manifest_path("releases/gw3/1.0.0/manifest.json", built->digest);
  const auto blob = blob_path(blobs_of(built->release).front().sha256);
  const auto damaged = GENERATE_COPY(values<std::string>({target, blob}));
  INFO(damaged);
  const auto path = std::string(fakes::kRepository) + "/" + damaged;
  auto bytes = bench.disk.content(path);
  bytes[0] ^= 1U;
  bench.disk.put(path, bytes);
  const auto report = fakes::seen_by_device(bench.disk);
  REQUIRE(report);
  REQUIRE(report->releases.size() == 1);
  REQUIRE(report->releases.front().refused);
  CHECK(report->releases.front().refused->code() == Errc::kHashMismatch);
}

TEST_CASE("verify: a missing or short blob is noticed without reading it", "[signer][verify]") {
  Bench bench;
  bench.release("1.0.0", 1);
  const auto built = load_release(bench.disk, "/b/1.0.0");
  const auto path =
      std::string(fakes::kRepository) + "/" + blob_path(blobs_of(built->release).front().sha256);
  VerifyInput input;
  input.directory = fakes::kRepository;
  input.root = bench.disk.content(input.directory + "/metadata/1.root.json");
  input.at = fakes::kSignedAt;
  input.blobs = BlobCheck::kNone;
  NoProgress progress;
  const auto verdict = [&] {
    const auto report = verify_repository(bench.disk, input, progress);
    REQUIRE(report);
    const auto& refused = report->releases.front().refused;
    return refused ? refused->code() : Errc::kInternal;
  };
  CHECK(verdict() == Errc::kInternal);  // nothing to refuse
  bench.disk.put(path, "short");
  CHECK(verdict() == Errc::kHashMismatch);
  REQUIRE(bench.disk.remove(path));
  CHECK(verdict() == Errc::kIo);
}

TEST_CASE("verify: only the products asked for, and only known ones", "[signer][verify]") {
  Bench bench;
  bench.release("1.0.0", 1);
  VerifyInput input;
  input.directory = fakes::kRepository;
  input.root = bench.disk.content(input.directory + "/metadata/1.root.json");
  input.at = fakes::kSignedAt;
  input.products = {"gw3"};
  NoProgress progress;
  CHECK(verify_repository(bench.disk, input, progress)->releases.size() == 1);
  input.products = {"gw4"};
  CHECK(verify_repository(bench.disk, input, progress).error().code() == Errc::kNotForDevice);
}
