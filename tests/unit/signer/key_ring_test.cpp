#include "signer/key_ring.hpp"

#include <catch2/catch.hpp>

#include "tests/fakes/signer_repository.hpp"

using namespace pawl;
using namespace pawl::signer;

namespace {

manifest::RoleKeys role_of(const std::vector<std::string>& labels, unsigned threshold) {
  manifest::RoleKeys out;
  for (const auto& label : labels) {
    const fakes::SigningKey key(label);
    out.keys.emplace(key.id(), key.key());
  }
  out.threshold = threshold;
  return out;
}

}  // namespace

TEST_CASE("ring: as many keys are chosen as the threshold asks for", "[signer][ring]") {
  fakes::MemoryKeys keys;
  const auto ring = fakes::ring_of(keys, {"time", "bob", "alice", "carol"});
  const auto chosen = ring.choose("root", role_of({"alice", "bob", "carol"}, 2));
  REQUIRE(chosen);
  CHECK(*chosen == std::vector{fakes::SigningKey("bob").id(), fakes::SigningKey("alice").id()});
  CHECK(keys.opened.empty());  // choosing asks for no PIN
}

TEST_CASE("ring: one key under two names counts once", "[signer][ring]") {
  fakes::MemoryKeys keys;
  auto ring = fakes::ring_of(keys, {"alice"});
  ring.add(fakes::record_of("alice"), {"alice-again", "x", {}, ""});
  CHECK(ring.choose("root", role_of({"alice", "bob"}, 2)).error().code() == Errc::kIncomplete);
}

TEST_CASE("ring: missing keys are named before anything is opened", "[signer][ring]") {
  fakes::MemoryKeys keys;
  const auto ring = fakes::ring_of(keys, {"alice"});
  const auto chosen = ring.choose("root", role_of({"alice", "bob"}, 2));
  REQUIRE_FALSE(chosen);
  CHECK(chosen.error().code() == Errc::kIncomplete);
  CHECK(chosen.error().what().find("alice") != std::string::npos);
  CHECK(chosen.error().what().find(fakes::SigningKey("bob").id().text.substr(0, 8)) !=
        std::string::npos);
  CHECK(keys.opened.empty());
}

TEST_CASE("ring: a key is opened once and signs what verifies", "[signer][ring]") {
  fakes::MemoryKeys keys;
  auto ring = fakes::ring_of(keys, {"alice"});
  const fakes::SigningKey alice("alice");
  for (const auto* text : {"one", "two"}) {
    const auto signature = ring.sign(alice.id(), text);
    REQUIRE(signature);
    CHECK(alice.key().verify(as_bytes(text), signature->value));
  }
  CHECK(keys.opened == std::vector<std::string>{"alice"});
}

TEST_CASE("ring: a signature by another key than the recorded one is refused", "[signer][ring]") {
  fakes::MemoryKeys keys;
  keys.other_key = "alice";
  auto ring = fakes::ring_of(keys, {"alice"});
  CHECK(ring.sign(fakes::SigningKey("alice").id(), "x").error().code() == Errc::kBadSignature);
}

TEST_CASE("ring: errors of a token name the key", "[signer][ring]") {
  fakes::MemoryKeys keys;
  keys.broken = "alice";
  auto ring = fakes::ring_of(keys, {"alice"});
  const auto signature = ring.sign(fakes::SigningKey("alice").id(), "x");
  REQUIRE_FALSE(signature);
  CHECK(signature.error().code() == Errc::kHsm);
  CHECK(signature.error().what().starts_with("key alice: "));
}

TEST_CASE("ring: a token's message limit is compared without a PIN", "[signer][ring]") {
  fakes::MemoryKeys keys;
  keys.limit = 3114;
  auto ring = fakes::ring_of(keys, {"alice"});
  const auto id = fakes::SigningKey("alice").id();
  CHECK(ring.check_size(id, "root", 3114));
  CHECK(ring.check_size(id, "root", 3115).error().code() == Errc::kTooLarge);
  CHECK(keys.opened.empty());
}

TEST_CASE("ring: records are read from where the configuration says", "[signer][ring]") {
  fakes::FakeDisk disk;
  fakes::MemoryKeys keys;
  disk.put("/s/keys/alice.pub.json", key_record_text(fakes::record_of("alice")));
  const auto config =
      parse_config("[keys.a]\nrecord = \"keys/alice.pub.json\"\n", "/s/signer.toml");
  REQUIRE(config);
  const auto ring = KeyRing::load(disk, *config, keys);
  REQUIRE(ring);
  REQUIRE(ring->find("a") != nullptr);
  CHECK(ring->find("a")->label == "alice");
  CHECK(ring->find(fakes::SigningKey("alice").id()) == ring->find("a"));
  CHECK(ring->find("b") == nullptr);
  const auto moved =
      parse_config("[keys.a]\nrecord = \"keys/alice.pub.json\"\nuri = \"pkcs11:token=spare\"\n",
                   "/s/signer.toml");
  REQUIRE(moved);
  CHECK(KeyRing::load(disk, *moved, keys)->find("a")->uri == "pkcs11:token=spare");
  const auto absent = parse_config("[keys.a]\nrecord = \"x\"\n", "/s/signer.toml");
  REQUIRE(absent);
  CHECK(KeyRing::load(disk, *absent, keys).error().code() == Errc::kConfig);
}

TEST_CASE("ring: software keys are found beside the configuration and named once used",
          "[signer][ring]") {
  fakes::FakeDisk disk;
  fakes::MemoryKeys keys;
  auto record = fakes::record_of("dev");
  record.uri = "software:dev.key";
  record.custody = "none";
  disk.put("/s/dev.pub.json", key_record_text(record));
  const auto config = parse_config("[keys.dev]\nrecord = \"dev.pub.json\"\n", "/s/signer.toml");
  REQUIRE(config);
  auto ring = KeyRing::load(disk, *config, keys);
  REQUIRE(ring);
  CHECK(ring->find("dev")->uri == "software:/s/dev.key");
  CHECK(ring->development_signers().empty());
  REQUIRE(ring->sign(fakes::SigningKey("dev").id(), "x"));
  CHECK(ring->development_signers() == std::vector<std::string>{"dev"});
}
