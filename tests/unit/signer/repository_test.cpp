#include "signer/repository.hpp"

#include <catch2/catch.hpp>

#include "manifest/envelope.hpp"
#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;
using fakes::FakeDisk;

namespace {

struct Bench {
  FakeDisk disk;
  fakes::MemoryKeys keys;
  KeyRing ring = fakes::ring_of(keys, fakes::all_labels());
  NoProgress progress;

  Bench() { REQUIRE(fakes::publish_first(disk, ring)); }
  Repository load() {
    auto out = load_repository(disk, fakes::kRepository, {});
    REQUIRE(out);
    return *std::move(out);
  }
  Revision::Signed publish(Revision revision) {
    auto done = revision.sign(ring);
    REQUIRE(done);
    REQUIRE(done->publication.publish(disk, fakes::kRepository, progress));
    return *std::move(done);
  }
};

std::string metadata(const std::string& name) {
  return std::string(fakes::kRepository) + "/metadata/" + name;
}

std::vector<std::string> roles_of(const Revision::Signed& done) {
  std::vector<std::string> out;
  for (const auto& role : done.roles) out.push_back(role.role);
  return out;
}

}  // namespace

TEST_CASE("repository: a new one is what a device accepts (FORMAT 11.1)", "[signer][repository]") {
  Bench bench;
  const auto report = fakes::seen_by_device(bench.disk);
  REQUIRE(report);
  CHECK(report->roles.size() == 5);
  CHECK(report->releases.empty());
  CHECK(bench.disk.has(metadata("1.root.json")));
  CHECK(bench.disk.has(metadata("1.rel-gw3.json")));
  CHECK(bench.disk.has(metadata("timestamp.json")));
  const auto state = bench.load();
  CHECK(state.policy.ceiling("gw3") == SecurityVersion(9));
  CHECK(state.root.header.expires == fakes::kSignedAt + Seconds(365 * 86400));
  CHECK(state.timestamp.header.expires == fakes::kSignedAt + Seconds(7 * 86400));
  CHECK(state.roles.at("rel-gw3").header.expires == fakes::kSignedAt + Seconds(90 * 86400));
  CHECK(state.root.header.origin->issued == std::nullopt);
  CHECK(state.timestamp.header.origin->issued == fakes::kSignedAt);
}

TEST_CASE("repository: only as many keys sign as the threshold asks for", "[signer][repository]") {
  FakeDisk disk;
  fakes::MemoryKeys keys;
  auto ring = fakes::ring_of(keys, fakes::all_labels());
  const auto done = fakes::sign_first(ring);
  REQUIRE(done);
  CHECK(roles_of(*done) ==
        std::vector<std::string>{"root", "targets", "rel-gw3", "snapshot", "timestamp"});
  CHECK(done->roles.front().signers.size() == 2);
  CHECK(keys.opened.size() == 6);  // carol stays at home
  CHECK(done->publication.paths().back() == "metadata/timestamp.json");
}

TEST_CASE("repository: a missing key is found before any key is opened", "[signer][repository]") {
  fakes::MemoryKeys keys;
  auto ring = fakes::ring_of(keys, {"alice", "bob", "targets", "rel", "snap"});
  CHECK(fakes::sign_first(ring).error().code() == Errc::kIncomplete);
  CHECK(keys.opened.empty());
}

TEST_CASE("repository: a role too large for its token is refused before any key is opened",
          "[signer][repository]") {
  fakes::MemoryKeys keys;
  keys.limit = 1500;
  auto ring = fakes::ring_of(keys, fakes::all_labels());
  CHECK(fakes::sign_first(ring).error().code() == Errc::kTooLarge);
  CHECK(keys.opened.empty());
}

TEST_CASE("repository: renew changes version and expiry and nothing else", "[signer][repository]") {
  const auto* role = GENERATE("root", "targets", "rel-gw3", "snapshot", "timestamp");
  INFO(role);
  Bench bench;
  const auto before = bench.load();
  const auto later = fakes::kSignedAt + Seconds(86400);
  Revision revision(before, {}, later);
  revision.renew(role);
  const auto done = bench.publish(std::move(revision));
  const auto after = bench.load();
  const auto text = [&](const Repository& state) {
    auto copy = state;
    for (auto* header : {&copy.root.header, &copy.targets.header, &copy.snapshot.header,
                         &copy.timestamp.header, &copy.roles.at("rel-gw3").header}) {
      *header = {};
    }
    copy.timestamp.snapshot = {};
    copy.snapshot.meta.clear();
    return copy.root.serialise() + copy.targets.serialise() + copy.snapshot.serialise() +
           copy.timestamp.serialise() + copy.roles.at("rel-gw3").serialise();
  };
  CHECK(text(before) == text(after));
  CHECK(done.roles.front().role == role);
  CHECK(done.roles.front().expires == later + Expiry{}.of(role));
  CHECK(done.roles.front().version == MetadataVersion(2));
  REQUIRE(fakes::seen_by_device(bench.disk, later));
}

TEST_CASE("repository: what lies above a renewed role follows", "[signer][repository]") {
  Bench bench;
  const auto renewed = [&](const std::string& role) {
    Revision revision(bench.load(), {}, fakes::kSignedAt);
    revision.renew(role);
    return roles_of(bench.publish(std::move(revision)));
  };
  CHECK(renewed("timestamp") == std::vector<std::string>{"timestamp"});
  CHECK(renewed("snapshot") == std::vector<std::string>{"snapshot", "timestamp"});
  CHECK(renewed("rel-gw3") == std::vector<std::string>{"rel-gw3", "snapshot", "timestamp"});
  CHECK(renewed("root") == std::vector<std::string>{"root"});
  REQUIRE(fakes::seen_by_device(bench.disk));
}

TEST_CASE("repository: a new root is signed by the old keys and by its own",
          "[signer][repository]") {
  Bench bench;
  const auto before = bench.load();
  auto plan = fakes::small_plan();
  plan.root = {{fakes::record_of("dave"), fakes::record_of("erin")}, 2};
  auto root = first_state(plan, "/r")->root;
  root.policy = before.root.policy;
  bench.ring.add(fakes::record_of("dave"), {"dave", "", {}, ""});
  bench.ring.add(fakes::record_of("erin"), {"erin", "", {}, ""});
  Revision revision(before, {}, fakes::kSignedAt);
  revision.set_root(std::move(root));
  const auto done = bench.publish(std::move(revision));
  CHECK(done.roles.front().signers.size() == 4);
  const auto report = fakes::seen_by_device(bench.disk);
  REQUIRE(report);
  CHECK(report->roles.front().version == MetadataVersion(2));
}

TEST_CASE("repository: a version on disk is never signed again (FORMAT 11.1.3)",
          "[signer][repository]") {
  Bench bench;
  bench.disk.put(metadata("7.snapshot.json"), "left by an interrupted publish");
  bench.disk.put(metadata("9x.snapshot.json"), "not a version");
  const auto state = bench.load();
  CHECK(state.next_version("snapshot") == MetadataVersion(8));
  CHECK(state.next_version("targets") == MetadataVersion(2));
  CHECK(state.next_version("timestamp") == MetadataVersion(2));
  CHECK(state.next_version("rel-new") == MetadataVersion(1));
}

TEST_CASE("repository: expired metadata is loaded, for renew needs it", "[signer][repository]") {
  Bench bench;
  const auto later = fakes::kSignedAt + Seconds(std::int64_t{20} * 365 * 86400);
  CHECK(fakes::seen_by_device(bench.disk, later).error().code() == Errc::kExpired);
  Revision revision(bench.load(), {}, later);
  for (const auto* role : {"root", "targets", "rel-gw3"}) revision.renew(role);
  bench.publish(std::move(revision));
  REQUIRE(fakes::seen_by_device(bench.disk, later));
}

TEST_CASE("repository: what is not the named repository is not signed for",
          "[signer][repository]") {
  Bench bench;
  const auto id = bench.load().id;
  CHECK(load_repository(bench.disk, fakes::kRepository, id));
  auto other = id;
  other.bytes[0] ^= 1U;
  CHECK(load_repository(bench.disk, fakes::kRepository, other).error().code() ==
        Errc::kBadSignature);
  CHECK(load_repository(bench.disk, "/nowhere", {}).error().code() == Errc::kIo);
}

TEST_CASE("repository: a changed byte in any metadata file stops the signer",
          "[signer][repository]") {
  const auto* name = GENERATE("1.root.json", "1.targets.json", "1.snapshot.json", "1.rel-gw3.json",
                              "timestamp.json");
  INFO(name);
  Bench bench;
  auto bytes = bench.disk.content(metadata(name));
  bytes[bytes.size() / 2] ^= 1U;
  bench.disk.put(metadata(name), bytes);
  CHECK_FALSE(load_repository(bench.disk, fakes::kRepository, {}));
}

TEST_CASE("repository: one writer at a time", "[signer][repository]") {
  FakeDisk disk;
  const auto lock = lock_repository(disk, "/r");
  REQUIRE(lock);
  CHECK(lock_repository(disk, "/r").error().code() == Errc::kBusy);
  CHECK(disk.public_paths() == std::set<std::string>{"/r"});
}

TEST_CASE("repository: sizes over what tokens sign are warned about", "[signer][repository]") {
  const auto warned = [](std::size_t size) {
    return size_warnings({{"root", MetadataVersion(1), {}, size, {}}}).size();
  };
  CHECK(warned(kOldTokenLimit) == 0);
  CHECK(warned(kOldTokenLimit + 1) == 1);
  CHECK(size_warnings({{"root", MetadataVersion(1), {}, kTokenLimit + 1, {}}})
            .front()
            .find("prune") != std::string::npos);
}

TEST_CASE("repository: paths are those of FORMAT 11.1.1", "[signer][repository]") {
  const Sha256Digest zero;
  const std::string hex(64, '0');
  CHECK(metadata_path("root", MetadataVersion(3)) == "metadata/3.root.json");
  CHECK(metadata_path("timestamp", MetadataVersion(3)) == "metadata/timestamp.json");
  CHECK(policy_path(zero) == "metadata/" + hex + ".policy.json");
  CHECK(blob_path(zero) == "blobs/" + hex);
  CHECK(manifest_path("releases/gw3/1.0.0/manifest.json", zero) ==
        "targets/releases/gw3/1.0.0/" + hex + ".manifest.json");
}
