#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "manifest/key.hpp"
#include "outside.hpp"

using namespace pawl;
using namespace pawl::manifest;
using outside::hex;
using outside::member;
using outside::text;

namespace {

bool verify_ed25519(const Bytes& key, const Bytes& message, const Bytes& signature) {
  Ed25519PublicKey fixed;
  if (key.size() != fixed.bytes.size()) return false;
  std::copy(key.begin(), key.end(), fixed.bytes.begin());
  return PublicKey::from_ed25519(fixed).verify(message, signature);
}

PublicKey pem_key(const std::string& type, const std::string& scheme, const std::string& pem) {
  json::Object keyval;
  keyval.set("public", pem);
  json::Object key;
  key.set("keytype", type);
  key.set("scheme", scheme);
  key.set("keyval", std::move(keyval));
  auto parsed = PublicKey::parse(json::Value(std::move(key)), Profile::kInterop);
  PAWL_ASSERT(parsed);
  return *std::move(parsed);
}

Bytes bytes_of(std::string_view message) {
  return {message.begin(), message.end()};
}

struct Tally {
  unsigned right = 0;
  unsigned all = 0;
};

template <class F>
Tally run_wycheproof(const std::string& path, F verify) {
  Tally tally;
  const auto file = outside::read_json(path);
  for (const auto& group : *member(file, "testGroups").array()) {
    for (const auto& test : *member(group, "tests").array()) {
      const bool accepted = verify(group, hex(test, "msg"), hex(test, "sig"));
      const bool valid = text(test, "result") == "valid";
      INFO(path << " " << *member(test, "tcId").integer());
      CHECK(accepted == valid);
      tally.right += accepted == valid ? 1 : 0;
      ++tally.all;
    }
  }
  return tally;
}

}  // namespace

TEST_CASE("vectors: Wycheproof Ed25519 agrees in every case (FORMAT 2.2.3)", "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  const auto tally = run_wycheproof(
      *folder + "/wycheproof/testvectors_v1/ed25519_test.json",
      [](const json::Value& group, const Bytes& message, const Bytes& signature) {
        return verify_ed25519(hex(member(group, "publicKey"), "pk"), message, signature);
      });
  CHECK(tally.right == 151);
  CHECK(tally.all == 151);
}

TEST_CASE("vectors: Wycheproof ECDSA and RSA-PSS of the interop profile (FORMAT 2.2.4)",
          "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  const auto with = [](const char* type, const char* scheme) {
    return [=](const json::Value& group, const Bytes& message, const Bytes& signature) {
      return pem_key(type, scheme, text(group, "publicKeyPem")).verify(message, signature);
    };
  };
  const auto base = *folder + "/wycheproof/testvectors_v1/";
  CHECK(run_wycheproof(base + "ecdsa_secp256r1_sha256_test.json",
                       with("ecdsa", "ecdsa-sha2-nistp256"))
            .all == 484);
  for (const auto* file :
       {"rsa_pss_2048_sha256_mgf1_32_test.json", "rsa_pss_3072_sha256_mgf1_32_test.json"}) {
    CHECK(run_wycheproof(base + file, with("rsa", "rsassa-pss-sha256")).all > 50);
  }
}

TEST_CASE("vectors: the criterion of Ed25519 is libsodium's, pinned (FORMAT 2.2.3)", "[vectors]") {
  const auto folder = outside::vectors();
  if (!folder) return;
  std::string pattern;
  const auto speccheck = outside::read_json(*folder + "/ed25519-speccheck/cases.json");
  for (const auto& test : *speccheck.array()) {
    const bool ok =
        verify_ed25519(hex(test, "pub_key"), hex(test, "message"), hex(test, "signature"));
    pattern += ok ? 'V' : 'x';
  }
  CHECK(pattern == "xxxVxxxxxxxx");
  unsigned accepted = 0;
  unsigned all = 0;
  const auto cctv = outside::read_json(*folder + "/cctv/ed25519/ed25519vectors.json");
  for (const auto& test : *cctv.array()) {
    ++all;
    if (verify_ed25519(hex(test, "key"), bytes_of(text(test, "msg")), hex(test, "sig"))) ++accepted;
  }
  CHECK(all == 914);
  CHECK(accepted == 43);
}
