#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "hsm/keyring.hpp"
#include "tests/fakes/softhsm.hpp"

// SoftHSM 2.6.1 leaks the curve name of every Ed25519 object it reads (mended upstream).
extern "C" const char* __lsan_default_suppressions();   // NOLINT
extern "C" const char* __lsan_default_suppressions() {  // NOLINT
  return "leak:libsofthsm2\n";
}

using namespace pawl;
using namespace pawl::hsm;
using fakes::SoftHsm;

namespace {

struct Ready {
  explicit Ready(const std::string& label = "release") {
    soft.add_token(label);
    uri.token = label;
    uri.module_path = fakes::kSoftHsm;
    uri.pin_source = "file:" + soft.file("pin", "1234\n");
  }
  Session& session() {
    auto pin = PinSource::open("prompt");
    auto s = ring.session(uri, *pin);
    if (!s) FAIL(s.error().what());
    return **s;
  }
  SoftHsm soft;
  Uri uri;
  Keyring ring;
};

KeyQuery named(const std::string& label) {
  return {label, std::nullopt};
}

}  // namespace

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
