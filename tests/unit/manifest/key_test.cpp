#include "manifest/key.hpp"

#include <catch2/catch.hpp>

#include "fakes/edit_json.hpp"
#include "fakes/signing_key.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::edit_json;
using fakes::json_of;

namespace {

const std::string kKey =
    R"({"keytype":"ed25519","keyval":{"public":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},"scheme":"ed25519"})";

constexpr const char* kEcdsaPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH8COQ2WU5l8YlBGIsKa9jGI/kMJO\n"
    "iAuv4vE30mOr6CBHbuS1WaxON3nMCTMXRE3JN89vZnr1f6qvQhKk1MGrNw==\n"
    "-----END PUBLIC KEY-----\n";

json::Value pem_key(const std::string& type, const std::string& scheme, const std::string& pem) {
  json::Object keyval;
  keyval.set("public", pem);
  json::Object key;
  key.set("keytype", type);
  key.set("scheme", scheme);
  key.set("keyval", std::move(keyval));
  return {std::move(key)};
}

}  // namespace

TEST_CASE("key: the id is the digest of the canonical key object (FORMAT 2.2.2)", "[manifest]") {
  const auto key = PublicKey::parse(json_of(kKey), Profile::kStrict);
  REQUIRE(key);
  CHECK(key->id().text == to_hex(sha256(as_bytes(kKey))));
  const fakes::SigningKey signer("a");
  CHECK(PublicKey::parse(json::Value(signer.key().to_json()), Profile::kStrict)->id() ==
        signer.id());
}

TEST_CASE("key: strict takes one shape of key alone (FORMAT 2.2.1)", "[manifest]") {
  struct Row {
    const char* why;
    fakes::Edit edit;
  };
  const auto row = GENERATE(
      Row{"other type", {"keytype", json::Value("rsa")}},
      Row{"other scheme", {"scheme", json::Value("ed25519ph")}},
      Row{"member more", {"keyid_hash_algorithms", json::Value(json::Array{})}},
      Row{"value member more", {"keyval/private", json::Value("00")}},
      Row{"upper case", {"keyval/public", json::Value(std::string(64, 'A'))}},
      Row{"31 bytes", {"keyval/public", json::Value(std::string(62, 'a'))}},
      Row{"33 bytes", {"keyval/public", json::Value(std::string(66, 'a'))}},
      Row{"no type", {"keytype", std::nullopt}}, Row{"no scheme", {"scheme", std::nullopt}},
      Row{"no value", {"keyval", std::nullopt}}, Row{"value no object", {"keyval", json::Value(1)}},
      Row{"public no text", {"keyval/public", json::Value(1)}});
  INFO(row.why);
  const auto key = PublicKey::parse(json_of(edit_json(kKey, row.edit)), Profile::kStrict);
  REQUIRE_FALSE(key);
  CHECK(key.error().code() == Errc::kMalformed);
}

TEST_CASE("key: interop lists keys it cannot use, and they never verify (FORMAT 2.2.4)",
          "[manifest]") {
  for (const auto& edit : {fakes::Edit{"scheme", json::Value("ml-dsa-65")},
                           fakes::Edit{"keyval/public", json::Value("zz")}}) {
    const auto key = PublicKey::parse(json_of(edit_json(kKey, edit)), Profile::kInterop);
    REQUIRE(key);
    CHECK(key->type() == KeyType::kUnknown);
    CHECK_FALSE(key->verify(as_bytes("x"), Bytes(64)));
  }
  for (const auto* scheme : {"ecdsa-sha2-nistp256", "rsassa-pss-sha256"}) {
    const auto* type = scheme[0] == 'e' ? "ecdsa" : "rsa";
    for (const auto* pem : {"not a key", kEcdsaPem}) {
      const auto key = PublicKey::parse(pem_key(type, scheme, pem), Profile::kInterop);
      REQUIRE(key);
      CHECK_FALSE(key->verify(as_bytes("x"), Bytes(64)));
      CHECK_FALSE(key->verify(as_bytes("x"), Bytes()));
    }
  }
}

TEST_CASE("key: two spellings of one PEM key are one key (FORMAT 2.3.3)", "[manifest]") {
  auto spaced = std::string(kEcdsaPem);
  spaced += "\n";
  const auto a =
      PublicKey::parse(pem_key("ecdsa", "ecdsa-sha2-nistp256", kEcdsaPem), Profile::kInterop);
  const auto b =
      PublicKey::parse(pem_key("ecdsa", "ecdsa-sha2-nistp256", spaced), Profile::kInterop);
  REQUIRE(a);
  REQUIRE(b);
  CHECK(a->id() != b->id());
  CHECK(a->material() == b->material());
}

TEST_CASE("key: Ed25519 refuses what libsodium refuses (FORMAT 2.2.3)", "[manifest]") {
  const fakes::SigningKey signer("a");
  const auto signature = signer.sign("text").value;
  CHECK(signer.key().verify(as_bytes("text"), signature));
  CHECK_FALSE(signer.key().verify(as_bytes("texu"), signature));
  CHECK_FALSE(fakes::SigningKey("b").key().verify(as_bytes("text"), signature));
  CHECK_FALSE(signer.key().verify(as_bytes("text"), ByteView(signature).first(63)));
  auto longer = signature;
  longer.push_back(0);
  CHECK_FALSE(signer.key().verify(as_bytes("text"), longer));
  // a small-order public key with the all-zero scalar: a valid equation, refused all the same
  Ed25519PublicKey small;
  small.bytes[0] = 1;
  Bytes forged(64);
  forged[0] = 1;
  CHECK_FALSE(PublicKey::from_ed25519(small).verify(as_bytes("anything"), forged));
}

TEST_CASE("key: strict roles name each listed key once and can be met (FORMAT 2.3.4)",
          "[manifest]") {
  const fakes::SigningKey a("a");
  const fakes::SigningKey b("b");
  const KeyMap keys{{a.id(), a.key()}, {b.id(), b.key()}};
  Role good{{a.id(), b.id()}, 2};
  json::Object object;
  role_to_json(good, object);
  const auto text = json::write(object);
  const auto parse = [&](const std::string& edited, Profile profile) {
    const auto value = json_of(edited);
    return parse_role(*value.object(), "role", profile, keys);
  };
  REQUIRE(parse(text, Profile::kStrict));
  CHECK(*parse(text, Profile::kStrict) == good);
  // a threshold that the one key could meet, so that only the repetition is wrong
  const auto twice =
      R"({"keyids":[")" + b.id().text + R"(",")" + b.id().text + R"("],"threshold":1})";
  CHECK(parse(twice, Profile::kStrict).error().code() == Errc::kMalformed);
  const auto unknown = R"({"keyids":["00",")" + b.id().text + R"("],"threshold":1})";
  CHECK(parse(unknown, Profile::kStrict).error().code() == Errc::kMalformed);
  CHECK(parse(twice, Profile::kInterop)->key_ids == std::vector<KeyId>{b.id()});
  struct Row {
    const char* why;
    fakes::Edit edit;
    bool interop_accepts;
  };
  const auto row = GENERATE_COPY(Row{"threshold 0", {"threshold", json::Value(0)}, false},
                                 Row{"threshold negative", {"threshold", json::Value(-1)}, false},
                                 Row{"threshold over 64", {"threshold", json::Value(65)}, false},
                                 Row{"threshold over keys", {"threshold", json::Value(3)}, true},
                                 Row{"unknown key", {"keyids/0", json::Value("00")}, true},
                                 Row{"key twice", {"keyids/0", json::Value(b.id().text)}, true},
                                 Row{"key id no text", {"keyids/0", json::Value(1)}, false},
                                 Row{"no keyids", {"keyids", std::nullopt}, false},
                                 Row{"no threshold", {"threshold", std::nullopt}, false});
  INFO(row.why);
  const auto strict = parse(edit_json(text, row.edit), Profile::kStrict);
  REQUIRE_FALSE(strict);
  CHECK(strict.error().code() == Errc::kMalformed);
  CHECK(static_cast<bool>(parse(edit_json(text, row.edit), Profile::kInterop)) ==
        row.interop_accepts);
}

TEST_CASE("key: strict refuses an id that is not its key's digest (FORMAT 2.2.2)", "[manifest]") {
  const fakes::SigningKey a("a");
  json::Object keys;
  keys.set(fakes::SigningKey("b").id().text, a.key().to_json());
  const auto strict = parse_keys(keys, Profile::kStrict, 10);
  REQUIRE_FALSE(strict);
  CHECK(strict.error().code() == Errc::kMalformed);
  CHECK(parse_keys(keys, Profile::kInterop, 10));
  CHECK(parse_keys(keys, Profile::kInterop, 0).error().code() == Errc::kTooLarge);
}
