#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "tests/integration/hsm_ready.hpp"

// SoftHSM 2.6.1 leaks the curve name of every Ed25519 object it reads (mended upstream).
extern "C" const char* __lsan_default_suppressions();   // NOLINT
extern "C" const char* __lsan_default_suppressions() {  // NOLINT
  return "leak:libsofthsm2\n";
}

using namespace pawl;
using namespace pawl::hsm;

TEST_CASE("a generated key sits in the token and says so", "[hsm][softhsm]") {
  Ready ready;
  auto made = generate_key(ready.session(), named("gw3"));
  if (!made) FAIL(made.error().what());

  const auto found = find_key(ready.session(), named("gw3"));  // asked back from the token
  REQUIRE(found);
  CHECK(found->public_key == made->public_key);
  CHECK(found->facts.sensitive == true);
  CHECK(found->facts.extractable == false);
  CHECK(found->facts.never_extractable == true);
  CHECK(found->facts.always_sensitive == true);
  CHECK(found->facts.local == true);
  CHECK(found->facts.is_private == true);
  CHECK(found->facts.may_sign == true);
  CHECK(custody_of(found->facts) == Custody::kTokenBorn);
  CHECK(found->facts.token_label == "release");
  CHECK(list_keys(ready.session())->size() == 1);
}

// FORMAT 10.6.1
TEST_CASE("a signature made in the token verifies under the pinned key", "[hsm][softhsm]") {
  Ready ready;
  const auto made = generate_key(ready.session(), named("gw3"));
  REQUIRE(made);
  const auto signer = Pkcs11Signer::open(ready.session(), named("gw3"), made->public_key);
  REQUIRE(signer);
  const Bytes message(1000, 0x5a);
  const auto signature = (*signer)->sign(message);
  REQUIRE(signature);
  CHECK(ed25519_verify(*signature, message, made->public_key));
  CHECK(*(*signer)->sign(message) == *signature);  // RFC 8032 is deterministic
}

TEST_CASE("a key that is not the pinned one is refused", "[hsm][softhsm]") {
  Ready ready;
  REQUIRE(generate_key(ready.session(), named("gw3")));
  const auto other = generate_key(ready.session(), named("gw4"));
  REQUIRE(other);
  const auto signer = Pkcs11Signer::open(ready.session(), named("gw3"), other->public_key);
  REQUIRE_FALSE(signer);
  CHECK(signer.error().code() == Errc::kHsm);
  CHECK(signer.error().what().find("the repository expects") != std::string::npos);
}

TEST_CASE("labels and ids of keys are not used twice", "[hsm][softhsm]") {
  Ready ready;
  const auto made = generate_key(ready.session(), {"gw3", Bytes{1, 2}});
  REQUIRE(made);
  CHECK_THAT(generate_key(ready.session(), named("gw3")).error().what(),
             Catch::Contains("has a key 'gw3' already"));
  CHECK_THAT(generate_key(ready.session(), {"gw4", Bytes{1, 2}}).error().what(),
             Catch::Contains("id 0102 already"));
  CHECK(generate_key(ready.session(), {}).error().code() == Errc::kUsage);
  CHECK(generate_key(ready.session(), named("")).error().code() == Errc::kUsage);
  CHECK(list_keys(ready.session())->size() == 1);
}

TEST_CASE("an imported key is told from one born in the token", "[hsm][softhsm]") {
  Ready ready;
  const auto pem = ready.soft.file("key.pem", "");
  fakes::SoftHsm::run({"openssl", "genpkey", "-algorithm", "ed25519", "-out", pem});
  ready.soft.import_seed_key(pem, "release", "imported", "0a");
  const auto key = find_key(ready.session(), named("imported"));
  if (!key) FAIL(key.error().what());
  CHECK(key->facts.local == false);
  CHECK(custody_of(key->facts) == Custody::kTokenPrivate);
  const auto signer = Pkcs11Signer::open(ready.session(), named("imported"), key->public_key);
  REQUIRE(signer);
  CHECK((*signer)->sign(as_bytes("x")));
}

TEST_CASE("a token with RSA and Ed25519 keys shows the Ed25519 ones", "[hsm][softhsm]") {
  Ready ready;
  REQUIRE(generate_key(ready.session(), named("gw3")));
  const auto pem = ready.soft.file("rsa.pem", "");
  fakes::SoftHsm::run({"openssl", "genpkey", "-algorithm", "rsa", "-quiet", "-out", pem});
  ready.soft.import_seed_key(pem, "release", "old", "0b");
  CHECK(list_keys(ready.session())->size() == 1);
  const auto rsa = find_key(ready.session(), named("old"));
  REQUIRE_FALSE(rsa);
  CHECK_THAT(rsa.error().what(), Catch::Contains("is not an Ed25519 key"));
}

TEST_CASE("two keys of one label are told apart by id or refused", "[hsm][softhsm]") {
  Ready ready;
  const auto first = generate_key(ready.session(), {"gw3", Bytes{1}});
  REQUIRE(first);
  const auto pem = ready.soft.file("key.pem", "");
  fakes::SoftHsm::run({"openssl", "genpkey", "-algorithm", "ed25519", "-out", pem});
  ready.soft.import_seed_key(pem, "release", "gw3", "02");
  CHECK_THAT(find_key(ready.session(), named("gw3")).error().what(),
             Catch::Contains("2 keys match"));
  CHECK(find_key(ready.session(), {"gw3", Bytes{1}})->public_key == first->public_key);
  CHECK(find_key(ready.session(), {std::nullopt, Bytes{2}})->public_key != first->public_key);
}

TEST_CASE("a key whose public objects disagree is refused", "[hsm][softhsm]") {
  Ready ready;
  REQUIRE(generate_key(ready.session(), {"gw3", Bytes{1}}));
  const auto pem = ready.soft.file("key.pem", "");
  const auto der = ready.soft.file("key.der", "");
  fakes::SoftHsm::run({"openssl", "genpkey", "-algorithm", "ed25519", "-out", pem});
  fakes::SoftHsm::run({"openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER", "-out", der});
  ready.soft.import_seed_key(pem, "release", "evil", "01");  // its public half has the same id
  const auto key = find_key(ready.session(), named("gw3"));
  REQUIRE_FALSE(key);
  CHECK_THAT(key.error().what(), Catch::Contains("two different public keys"));
}

TEST_CASE("an absent key is named, and an empty question refused", "[hsm][softhsm]") {
  Ready ready;
  const auto key = find_key(ready.session(), named("gw9"));
  REQUIRE_FALSE(key);
  CHECK(key.error().code() == Errc::kHsm);
  CHECK(key.error().what() == "no key 'gw9' on token 'release'");
  CHECK_FALSE(key.error().hint().empty());
  CHECK(find_key(ready.session(), {}).error().code() == Errc::kUsage);
}

TEST_CASE("a message over the limit is refused and a large one signed", "[hsm][softhsm]") {
  Ready ready;
  const auto made = generate_key(ready.session(), named("gw3"));
  const auto signer = Pkcs11Signer::open(ready.session(), named("gw3"), made->public_key);
  REQUIRE(signer);
  CHECK((*signer)->message_limit() == kMaxMessage);
  CHECK((*signer)->sign(Bytes(kMaxMessage)));
  CHECK((*signer)->sign(Bytes(kMaxMessage + 1)).error().code() == Errc::kTooLarge);
}

TEST_CASE("a forked child cannot sign with its parent's session", "[hsm][softhsm]") {
  Ready ready;
  const auto made = generate_key(ready.session(), named("gw3"));
  const auto signer = Pkcs11Signer::open(ready.session(), named("gw3"), made->public_key);
  REQUIRE(signer);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto signature = (*signer)->sign(as_bytes("x"));
    const bool refused =
        !signature && signature.error().what().find("forked child") != std::string::npos;
    ::_exit(refused ? 42 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 42);
  CHECK((*signer)->sign(as_bytes("x")));
}
