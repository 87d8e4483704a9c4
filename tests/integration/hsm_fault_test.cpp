#include "tests/integration/hsm_ready.hpp"

using namespace pawl;
using namespace pawl::hsm;

namespace {

constexpr Ckr kDeviceErrors[] = {0x05, 0x30, 0x31, 0x32, 0xb1, 0xe0, 0x101, 0x200};

std::string text_of(Ckr rv) {
  return std::to_string(rv);
}

}  // namespace

TEST_CASE("every failure of a call on the way to a signature is named", "[hsm][fault]") {
  const auto call =
      GENERATE(as<std::string>{}, "C_OpenSession", "C_GetSessionInfo", "C_Login",
               "C_FindObjectsInit", "C_FindObjects", "C_GetAttributeValue", "C_SignInit", "C_Sign");
  Faulty ready;
  ready.break_with("");
  const auto made = [&] {
    Ready& plain = ready;
    return generate_key(plain.session(), named("gw3"));
  }();
  if (!made) FAIL(made.error().what());
  for (const Ckr rv : kDeviceErrors) {
    INFO(call << " fails with " << ckr_name(rv));
    ready.break_with("");
    Module& module = **ready.ring->modules().get(*ready.uri.module_path);
    const auto token = ready.ring->token(ready.uri);
    REQUIRE(token);
    if (call == "C_Login") ready.ring.emplace();  // logs out
    ready.break_with(call + "=" + text_of(rv));
    const auto sign = [&]() -> Status {
      if (call == "C_Login") {
        PAWL_TRY(auto* session, ready.try_session());
        (void)session;
        return Ok{};
      }
      PAWL_TRY(auto session, Session::open(module, *token, Access::kRead));
      PAWL_TRY(auto source, PinSource::open(*ready.uri.pin_source));
      PAWL_CHECK(session.login(source));
      PAWL_TRY(auto signer, Pkcs11Signer::open(session, named("gw3"), made->public_key));
      PAWL_CHECK(signer->sign(as_bytes("x")));
      return Ok{};
    };
    const auto status = sign();
    REQUIRE_FALSE(status);
    CHECK(status.error().code() == Errc::kHsm);
    CHECK(status.error().raw() == static_cast<std::int64_t>(rv));
    CHECK_THAT(status.error().what(), Catch::Contains(call + ": " + std::string(ckr_name(rv))));
    CHECK_FALSE(status.error().hint().empty());
  }
}

TEST_CASE("every failure of a call while a module starts is named", "[hsm][fault]") {
  const auto call = GENERATE(as<std::string>{}, "C_Initialize", "C_GetSlotList", "C_GetSlotInfo",
                             "C_GetTokenInfo");
  for (const Ckr rv : {Ckr{0x05}, Ckr{0x30}, Ckr{0x06}}) {
    INFO(call << " fails with " << ckr_name(rv));
    Faulty ready;
    ready.break_with(call + "=" + text_of(rv));
    const auto token = ready.ring->token(ready.uri);
    REQUIRE_FALSE(token);
    CHECK(token.error().code() == Errc::kHsm);
    CHECK(token.error().raw() == static_cast<std::int64_t>(rv));
  }
}

TEST_CASE("a token's refusal of a length is a size error", "[hsm][fault]") {
  const auto rv = GENERATE(Ckr{0x150}, Ckr{0x21});
  Faulty ready;
  ready.break_with("");
  const auto made = generate_key(ready.session(), named("gw3"));
  const auto signer = Pkcs11Signer::open(ready.session(), named("gw3"), made->public_key);
  REQUIRE(signer);
  ready.break_with("C_Sign=" + text_of(rv));
  const auto signature = (*signer)->sign(as_bytes("x"));
  REQUIRE_FALSE(signature);
  CHECK(signature.error().code() == Errc::kTooLarge);
}

TEST_CASE("a wrong signature of the token is caught", "[hsm][fault]") {
  Faulty ready;
  ready.break_with("");
  const auto made = generate_key(ready.session(), named("gw3"));
  const auto signer = Pkcs11Signer::open(ready.session(), named("gw3"), made->public_key);
  REQUIRE(signer);
  ready.break_with("C_Sign=flip");
  const auto flipped = (*signer)->sign(as_bytes("x"));
  REQUIRE_FALSE(flipped);
  CHECK(flipped.error().code() == Errc::kBadSignature);
  for (const auto* length : {"0", "63", "65", "200"}) {
    INFO(length);
    ready.break_with("C_Sign=length:" + std::string(length));
    const auto odd = (*signer)->sign(as_bytes("x"));
    REQUIRE_FALSE(odd);
    CHECK(odd.error().code() == Errc::kHsm);
    CHECK_THAT(odd.error().what(), Catch::Contains(std::string(length) + " bytes"));
  }
  ready.break_with("");
  CHECK((*signer)->sign(as_bytes("x")));
}

TEST_CASE("a new key that signs wrongly is destroyed again", "[hsm][fault]") {
  Faulty ready;
  ready.break_with("C_Sign=flip");
  const auto made = generate_key(ready.session(), named("gw3"));
  REQUIRE_FALSE(made);
  CHECK(made.error().code() == Errc::kBadSignature);
  ready.break_with("");
  CHECK(list_keys(ready.session())->empty());
}

TEST_CASE("a token that refuses to generate is named", "[hsm][fault]") {
  for (const Ckr rv : {Ckr{0x70}, Ckr{0x31}, Ckr{0xd1}}) {  // the last after four dialects
    INFO(ckr_name(rv));
    Faulty ready;
    ready.break_with("C_GenerateKeyPair=" + text_of(rv));
    const auto made = generate_key(ready.session(), named("gw3"));
    REQUIRE_FALSE(made);
    CHECK(made.error().raw() == static_cast<std::int64_t>(rv));
  }
}

TEST_CASE("no PIN is spent when the token's flags forbid it", "[hsm][fault]") {
  struct Row {
    std::string_view why;
    unsigned flags;
    bool forced_works;
  };
  const auto row = GENERATE(values<Row>({{"count low", 0x10000, true},
                                         {"final try", 0x20000, true},
                                         {"locked", 0x40000, false},
                                         {"to be changed", 0x80000, false}}));
  INFO(row.why);
  Faulty ready;
  ready.break_with("flags=" + std::to_string(row.flags) + "\nC_Login=5");
  const auto status = ready.try_session();
  REQUIRE_FALSE(status);
  CHECK(status.error().raw() == 0);  // C_Login was not reached
  ready.ring.emplace(std::string(), PinTry::kForced);
  auto pin = PinSource::open("prompt");
  ready.break_with("flags=" + std::to_string(row.flags));
  CHECK(static_cast<bool>(ready.ring->session(ready.uri, *pin)) == row.forced_works);
}

TEST_CASE("a login that the token refuses is named and made once", "[hsm][fault]") {
  // wrong, not allowed, of another length, expired, locked, never set
  for (const Ckr rv : {Ckr{0xa0}, Ckr{0xa1}, Ckr{0xa2}, Ckr{0xa3}, Ckr{0xa4}, Ckr{0x102}}) {
    INFO(ckr_name(rv));
    Faulty ready;
    ready.break_with("C_Login=" + text_of(rv));
    const auto session = ready.try_session();
    REQUIRE_FALSE(session);
    CHECK(session.error().code() == Errc::kHsm);
    CHECK(session.error().raw() == static_cast<std::int64_t>(rv));
    CHECK_FALSE(session.error().hint().empty());
  }
}

TEST_CASE("a protected path is used only where the token has one", "[hsm][fault]") {
  Faulty ready;
  ready.break_with("");
  ready.uri.pin_source = "protected-path";
  const auto none = ready.try_session();
  REQUIRE_FALSE(none);
  CHECK_THAT(none.error().what(), Catch::Contains("no key pad"));
  ready.break_with("flags=0x100");
  const auto asked = ready.try_session();  // SoftHSM refuses the empty PIN that means "ask"
  REQUIRE_FALSE(asked);
  CHECK_THAT(asked.error().what(), Catch::Contains("C_Login: CKR_ARGUMENTS_BAD"));
}

TEST_CASE("a token that was swapped gets no PIN", "[hsm][fault]") {
  Faulty ready;
  ready.break_with("");
  const auto token = ready.ring->token(ready.uri);
  REQUIRE(token);
  auto session =
      Session::open(**ready.ring->modules().get(*ready.uri.module_path), *token, Access::kRead);
  REQUIRE(session);
  ready.break_with("serial=other\nC_Login=5");
  auto pin = PinSource::open(*ready.uri.pin_source);
  const auto status = session->login(*pin);
  REQUIRE_FALSE(status);
  CHECK_THAT(status.error().what(), Catch::Contains("took the place of token 'release'"));
}
