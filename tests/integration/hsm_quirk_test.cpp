#include "base/digest.hpp"
#include "hsm/broker.hpp"
#include "tests/integration/hsm_ready.hpp"

using namespace pawl;
using namespace pawl::hsm;

namespace {

const std::string kQuirkModule = PAWL_BINARY_DIR "/tests/quirk_token.so";

/// Our own token with a vendor's profile; key gw3 is on it.
struct Quirky {
  explicit Quirky(const std::string& lines = "") {
    uri.token = "quirk";
    uri.object = "gw3";
    uri.module_path = kQuirkModule;
    uri.pin_source = "file:" + soft.file("pin", "1234");
    ::setenv("PAWL_QUIRK_PROFILE", (soft.root() / "profile").c_str(), 1);
    set(lines);
  }
  void set(const std::string& lines) const { (void)soft.file("profile", lines + "\n"); }
  Result<Session*> try_session() {
    auto pin = PinSource::open("prompt");
    return ring->session(uri, *pin);
  }
  Session& session() {
    auto s = try_session();
    if (!s) FAIL(s.error().what());
    return **s;
  }
  std::unique_ptr<Signer> signer() {
    auto s = Pkcs11Signer::open_unpinned(session(), KeyQuery::of(uri));
    if (!s) FAIL(s.error().what());
    return *std::move(s);
  }
  Deadline deadline;
  fakes::SoftHsm soft;
  Uri uri;
  std::optional<Keyring> ring{std::in_place};
};

}  // namespace

TEST_CASE("every form of the public point leads to the key", "[hsm][quirk]") {  // FORMAT 10.3.1
  const auto form = GENERATE(as<std::string>{}, "point=raw", "point=octet", "point=bit",
                             "public=none", "public=none\npoint=raw");
  INFO(form);
  Quirky token(form);
  CHECK(token.signer()->sign(as_bytes("x")));
}

TEST_CASE("a key without any public point is refused", "[hsm][quirk]") {
  Quirky token("point=none");
  const auto key = find_key(token.session(), named("gw3"));
  REQUIRE_FALSE(key);
  CHECK_THAT(key.error().what(), Catch::Contains("no public key on the token"));
}

// FORMAT 10.3.1
TEST_CASE("module, mechanisms and the form of the point are found without a PIN", "[hsm][quirk]") {
  struct Row {
    std::string profile;
    PointForm form;
    bool signs;
  };
  const auto row = GENERATE(values<Row>({{"point=raw", PointForm::kRaw, true},
                                         {"point=octet", PointForm::kOctetString, true},
                                         {"point=bit", PointForm::kBitString, true},
                                         {"point=odd", PointForm::kOther, true},
                                         {"public=none", PointForm::kHidden, true},
                                         {"hidden=1", PointForm::kHidden, true},
                                         {"mechanisms=none", PointForm::kOctetString, false}}));
  INFO(row.profile);
  Quirky token(row.profile + "\ntries=3");
  token.uri.pin_source = "file:/nonexistent";
  const auto found = token.ring->survey(token.uri);
  if (!found) FAIL(found.error().what());
  CHECK(found->point == row.form);
  CHECK(found->signs_ed25519 == row.signs);
  CHECK(found->makes_ed25519 == row.signs);
  CHECK(found->module.description == "quirk token");
  CHECK(token.ring->token(token.uri)->pin == PinState::kGood);
  token.set("removed=1");
  CHECK_FALSE(token.ring->survey(token.uri));
}

TEST_CASE("YubiHSM's limits are known before the PIN and held", "[hsm][quirk]") {  // FORMAT 10.6.3
  struct Row {
    std::string profile;
    std::size_t limit;
  };
  const auto row = GENERATE(values<Row>({{"model=YubiHSM\nfirmware=2.40\nlimit=3114", 3114},
                                         {"model=YubiHSM\nfirmware=2.32\nlimit=2026", 2026}}));
  INFO(row.profile);
  Quirky token(row.profile);
  CHECK(message_limit(*token.ring->token(token.uri)) == row.limit);  // no session, no PIN
  auto signer = token.signer();
  CHECK(signer->message_limit() == row.limit);
  CHECK(signer->sign(Bytes(row.limit)));
  const auto over = signer->sign(Bytes(row.limit + 1));
  REQUIRE_FALSE(over);
  CHECK(over.error().code() == Errc::kTooLarge);
  CHECK(over.error().raw() == 0);  // refused here, not by the token
  const auto key = find_key(token.session(), named("gw3"));
  CHECK(raw_eddsa(token.session(), key->object, Bytes(row.limit + 1)).error().raw() == 0x150);
  CHECK(raw_eddsa(token.session(), key->object, Bytes(3135)).error().raw() == 0x07);
  CHECK(raw_eddsa(token.session(), key->object, Bytes(4097)).error().code() == Errc::kTooLarge);
}

TEST_CASE("keys are found and made by class, id and label only", "[hsm][quirk]") {
  Quirky token("search=class");
  CHECK(find_key(token.session(), named("gw3")));
  CHECK(generate_key(token.session(), named("new")));
  CHECK(list_keys(token.session())->size() == 2);
}

TEST_CASE("a new key's id fits the token", "[hsm][quirk]") {
  Quirky token("model=YubiHSM\nfirmware=2.40");
  CHECK(generate_key(token.session(), named("new"))->facts.id.size() == 2);
}

TEST_CASE("a token's dialect of key generation is found", "[hsm][quirk]") {
  const auto dialect =
      GENERATE(as<std::string>{}, "curve=oid", "template=short", "curve=oid\ntemplate=short");
  INFO(dialect);
  Quirky token(dialect);
  CHECK(generate_key(token.session(), named("new")));
}

TEST_CASE("attributes a token lacks never count as good", "[hsm][quirk]") {  // FORMAT 10.4.1
  Quirky token("no_local=1");
  const auto key = find_key(token.session(), named("gw3"));
  REQUIRE(key);
  CHECK_FALSE(key->facts.local);
  CHECK(custody_of(key->facts) == Custody::kTokenPrivate);
}

TEST_CASE("a key that may leave under wrap has no custody and is not made", "[hsm][quirk]") {
  Quirky token("exportable=1");
  CHECK(custody_of(find_key(token.session(), named("gw3"))->facts) == Custody::kNone);
  const auto made = generate_key(token.session(), named("new"));
  REQUIRE_FALSE(made);
  CHECK_THAT(made.error().what(), Catch::Contains("CKA_EXTRACTABLE true"));
  CHECK(list_keys(token.session())->size() == 1);
}

TEST_CASE("wrong PINs go down to the lock only when forced", "[hsm][quirk]") {  // FORMAT 10.2.2
  Quirky token("tries=3");
  const auto right = token.uri.pin_source;
  token.uri.pin_source = "file:" + token.soft.file("wrong", "9999");
  CHECK(token.try_session().error().raw() == 0xa0);
  CHECK_THAT(token.try_session().error().what(), Catch::Contains("no try made"));
  CHECK(token.ring->token(token.uri)->pin == PinState::kCountLow);
  token.ring.emplace(std::string(), PinTry::kForced);
  CHECK(token.try_session().error().raw() == 0xa0);
  CHECK(token.ring->token(token.uri)->pin == PinState::kFinalTry);
  token.ring.emplace();
  CHECK_THAT(token.try_session().error().what(), Catch::Contains("one more wrong PIN locks it"));
  token.ring.emplace(std::string(), PinTry::kForced);
  CHECK(token.try_session().error().raw() == 0xa0);
  token.uri.pin_source = right;
  const auto locked = token.try_session();
  REQUIRE_FALSE(locked);
  CHECK(locked.error().raw() == 0);  // not even asked
  CHECK_THAT(locked.error().what(), Catch::Contains("the PIN is locked"));
}

TEST_CASE("one session is enough, a second is refused by name", "[hsm][quirk]") {
  Quirky token("sessions=1");
  CHECK(token.signer()->sign(as_bytes("x")));
  CHECK(token.signer()->sign(as_bytes("x")));
  const auto second = Session::open(**token.ring->modules().get(kQuirkModule),
                                    *token.ring->token(token.uri), Access::kRead);
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().what(), Catch::Contains("CKR_SESSION_COUNT"));
}

TEST_CASE("a token pulled out in the middle is named and comes back", "[hsm][quirk]") {
  Quirky token;
  auto signer = token.signer();
  CHECK(signer->sign(as_bytes("x")));
  token.set("removed=1");
  const auto gone = signer->sign(as_bytes("x"));
  REQUIRE_FALSE(gone);
  CHECK_THAT(gone.error().what(), Catch::Contains("CKR_DEVICE_REMOVED"));
  CHECK_THAT(gone.error().hint(), Catch::Contains("plug the token in again"));
  CHECK_THAT(token.ring->token(token.uri).error().what(), Catch::Contains("shows no token"));
  token.set("");
  CHECK(signer->sign(as_bytes("x")));
}

TEST_CASE("a signature by another key is caught", "[hsm][quirk]") {  // FORMAT 10.6.2
  Quirky token("sign=other");
  CHECK(token.signer()->sign(as_bytes("x")).error().code() == Errc::kBadSignature);
}

TEST_CASE("the token's own key pad is used without a PIN of ours", "[hsm][quirk]") {
  Quirky token("keypad=1");
  token.uri.pin_source = "protected-path";
  CHECK(token.signer()->sign(as_bytes("x")));
}

TEST_CASE("the quirk token works behind the broker as well", "[hsm][quirk][broker]") {
  Quirky token("model=YubiHSM\nfirmware=2.32\nlimit=2026");
  auto pin = PinSource::open(*token.uri.pin_source);
  const auto broker = Broker::start({kQuirkModule}, *std::move(pin));
  REQUIRE(broker);
  const auto keys = (*broker)->list(token.uri);
  REQUIRE(keys);
  const auto signer = (*broker)->signer(token.uri, keys->front().public_key);
  REQUIRE(signer);
  CHECK((*signer)->message_limit() == 2026);
  CHECK((*signer)->sign(Bytes(2026)));
  token.set("removed=1");
  CHECK_THAT((*signer)->sign(as_bytes("x")).error().what(), Catch::Contains("CKR_DEVICE_REMOVED"));
}
