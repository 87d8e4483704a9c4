#include "signer/inspect.hpp"

#include <catch2/catch.hpp>

#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;

namespace {

fakes::FakeDisk published() {
  fakes::FakeDisk disk;
  fakes::MemoryKeys keys;
  auto ring = fakes::ring_of(keys, fakes::all_labels());
  NoProgress progress;
  REQUIRE(fakes::publish_first(disk, ring));
  REQUIRE(build_release(disk, fakes::small_input(disk, "1.0.0", 1), "/b", progress));
  REQUIRE(fakes::add_release(disk, ring, "/b"));
  return disk;
}

}  // namespace

TEST_CASE("inspect: every file the signer writes is known by its content", "[signer][inspect]") {
  auto disk = published();
  const std::string metadata = std::string(fakes::kRepository) + "/metadata/";
  const auto kind = [&](const std::string& path) {
    const auto found = inspect_file(disk.content(path));
    INFO(path << ": " << (found ? found->kind : found.error().what()));
    REQUIRE(found);
    CHECK(found->text.ends_with('\n'));
    return found->kind;
  };
  CHECK(kind(metadata + "1.root.json") == "root");
  CHECK(kind(metadata + "1.targets.json") == "targets");
  CHECK(kind(metadata + "2.rel-gw3.json") == "targets");
  CHECK(kind(metadata + "2.snapshot.json") == "snapshot");
  CHECK(kind(metadata + "timestamp.json") == "timestamp");
  CHECK(kind("/b/manifest.json") == "release manifest");
  CHECK(kind("/in/1.0.0.efi") == "unified kernel image");
  const auto built = load_release(disk, "/b");
  REQUIRE(built);
  const auto& index = built->release.components.front().payloads.front().index;
  CHECK(kind("/b/" + blob_path(index.sha256)) == "payload index");
  const auto policy = load_repository(disk, fakes::kRepository, {})->root.policy;
  REQUIRE(policy);
  CHECK(kind(std::string(fakes::kRepository) + "/" + policy_path(policy->sha256)) == "policy");
  disk.put("/k", key_record_text(fakes::record_of("alice")));
  CHECK(kind("/k") == "public key record");
}

TEST_CASE("inspect: a root tells its id and how many of its own keys have signed",
          "[signer][inspect]") {
  auto disk = published();
  const auto path = std::string(fakes::kRepository) + "/metadata/1.root.json";
  const auto found = inspect_file(disk.content(path));
  REQUIRE(found);
  const auto id = to_hex(load_repository(disk, fakes::kRepository, {})->id);
  REQUIRE(found->facts.find("repository_id") != nullptr);
  CHECK(*found->facts.find("repository_id")->string() == id);
  CHECK(*found->facts.find("valid_root_signatures")->integer() == 2);
}

TEST_CASE("inspect: anything else is refused", "[signer][inspect]") {
  for (const std::string_view text :
       {"", "x", "{}", "[]", "{\"_type\":\"pawl.poem\"}", "{\"signed\":{}}", "MZ", "PAWLIDX1",
        "{\"signatures\":[],\"signed\":{\"_type\":\"poem\"}}"}) {
    INFO(text);
    const auto found = inspect_file(as_bytes(text));
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == Errc::kMalformed);
  }
}
