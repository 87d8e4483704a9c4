#include "manifest/envelope.hpp"

#include <catch2/catch.hpp>

#include "fakes/edit_json.hpp"
#include "fakes/signing_key.hpp"

using namespace pawl;
using namespace pawl::manifest;
using fakes::SigningKey;

namespace {

constexpr std::size_t kLimit = 4096;
const std::string kSigned = R"({"_type":"x","n":1})";

RoleKeys role_of(const std::vector<SigningKey>& keys, unsigned threshold) {
  RoleKeys out;
  out.threshold = threshold;
  for (const auto& key : keys) out.keys.emplace(key.id(), key.key());
  return out;
}

Result<std::vector<KeyId>> check(ByteView file, const RoleKeys& role,
                                 Profile profile = Profile::kStrict) {
  PAWL_TRY(const auto envelope, UnverifiedEnvelope::split(file, kLimit, profile));
  return envelope.verify(role);
}

std::string text_of(const Bytes& bytes) {
  return std::string(as_text(bytes));
}

}  // namespace

TEST_CASE("envelope: what was assembled splits into the same parts (FORMAT 2.3.1)", "[manifest]") {
  const SigningKey a("a");
  const SigningKey b("b");
  const auto file = assemble_envelope(kSigned, {b.sign(kSigned), a.sign(kSigned)});
  const auto envelope = UnverifiedEnvelope::split(file, kLimit, Profile::kStrict);
  REQUIRE(envelope);
  CHECK(envelope->signed_text() == kSigned);
  CHECK(envelope->signatures().size() == 2);
  CHECK(check(file, role_of({a, b}, 2))->size() == 2);
}

TEST_CASE("envelope: strict refuses every other spelling (FORMAT 2.1.2, 2.3.1)", "[manifest]") {
  const SigningKey a("a");
  const auto good = text_of(assemble_envelope(kSigned, {a.sign(kSigned)}));
  const auto insert = [&](std::size_t at, const char* what) {
    return good.substr(0, at) + what + good.substr(at);
  };
  struct Row {
    const char* why;
    std::string text;
    bool interop_accepts;
  };
  const auto row = GENERATE_COPY(
      Row{"blank in front", insert(0, " "), true}, Row{"newline behind", good + "\n", true},
      Row{"blank in the signed part", insert(good.size() - 2, " "), true},
      Row{"third member", insert(good.size() - 1, R"(,"x":1)"), true},
      Row{"signed twice", insert(good.size() - 1, R"(,"signed":{})"), false},
      Row{"order of members", R"({"signed":)" + kSigned + R"(,"signatures":[]})", true},
      Row{"no signatures", R"({"signed":)" + kSigned + "}", false},
      Row{"no signed part", R"({"signatures":[]})", false},
      Row{"signatures no array", R"({"signatures":1,"signed":{}})", false},
      Row{"signature no object", R"({"signatures":[1],"signed":{}})", false},
      Row{"signature without key id", R"({"signatures":[{"sig":"00"}],"signed":{}})", false},
      Row{"signature without value", R"({"signatures":[{"keyid":"00"}],"signed":{}})", false},
      Row{"empty signature", R"({"signatures":[{"keyid":"00","sig":""}],"signed":{}})", true},
      Row{"short signature", R"({"signatures":[{"keyid":"00","sig":"00"}],"signed":{}})", true});
  INFO(row.why);
  const auto strict = UnverifiedEnvelope::split(as_bytes(row.text), kLimit, Profile::kStrict);
  REQUIRE_FALSE(strict);
  CHECK(strict.error().code() == Errc::kMalformed);
  CHECK(static_cast<bool>(UnverifiedEnvelope::split(as_bytes(row.text), kLimit,
                                                    Profile::kInterop)) == row.interop_accepts);
}

TEST_CASE("envelope: a signature has 64 bytes of lower-case hexadecimal (FORMAT 2.3.1)",
          "[manifest]") {
  const SigningKey a("a");
  const auto good = text_of(assemble_envelope(kSigned, {a.sign(kSigned)}));
  const auto hex = to_hex(ByteView(a.sign(kSigned).value));
  auto upper = hex;
  for (auto& c : upper) c = static_cast<char>(std::toupper(c));
  for (const auto& sig : {upper, hex + "00", hex.substr(2), hex.substr(1)}) {
    auto text = good;
    text.replace(text.find(hex), hex.size(), sig);
    CHECK(UnverifiedEnvelope::split(as_bytes(text), kLimit, Profile::kStrict).error().code() ==
          Errc::kMalformed);
    CHECK(check(as_bytes(text), role_of({a}, 1), Profile::kInterop).error().code() ==
          Errc::kBadSignature);
  }
}

TEST_CASE("envelope: a threshold counts keys with a valid signature (FORMAT 2.3.2, 2.3.3)",
          "[manifest]") {
  const SigningKey a("a");
  const SigningKey b("b");
  const SigningKey c("c");
  auto broken = b.sign(kSigned);
  broken.value[5] ^= 1;
  const auto file = assemble_envelope(kSigned, {a.sign(kSigned), broken, c.sign(kSigned)});
  CHECK(check(file, role_of({a, b, c}, 2)));  // the broken one spoils nothing
  CHECK(check(file, role_of({a, b, c}, 3)).error().code() == Errc::kBadSignature);
  CHECK(check(file, role_of({a, b}, 1)));  // the unknown one neither
  CHECK(check(file, role_of({b}, 1)).error().code() == Errc::kBadSignature);
  CHECK(check(file, role_of({}, 1)).error().code() == Errc::kBadSignature);
  CHECK(check(file, role_of({a}, 0)).error().code() == Errc::kBadSignature);
  CHECK(check(file, role_of({b}, 1)).error().attack() == "arbitrary");
}

TEST_CASE("envelope: one key under two ids counts once (FORMAT 2.3.3)", "[manifest]") {
  const SigningKey a("a");
  auto again = a.sign(kSigned);
  again.key_id.text = "alias";
  auto role = role_of({a}, 2);
  role.keys.emplace(again.key_id, a.key());
  const auto file = assemble_envelope(kSigned, {a.sign(kSigned), again});
  CHECK(check(file, role).error().code() == Errc::kBadSignature);
  role.threshold = 1;
  CHECK(check(file, role)->size() == 1);
}

TEST_CASE("envelope: a key that signs twice is refused (FORMAT 2.3.2)", "[manifest]") {
  const SigningKey a("a");
  const auto file = assemble_envelope(kSigned, {a.sign(kSigned), a.sign(kSigned)});
  for (const auto profile : {Profile::kStrict, Profile::kInterop}) {
    CHECK(check(file, role_of({a}, 1), profile).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("envelope: bytes and signatures are bounded (FORMAT 2.1.4, 2.3.2)", "[manifest]") {
  const SigningKey a("a");
  const auto file = assemble_envelope(kSigned, {a.sign(kSigned)});
  CHECK(UnverifiedEnvelope::split(file, file.size(), Profile::kStrict));
  CHECK(UnverifiedEnvelope::split(file, file.size() - 1, Profile::kStrict).error().code() ==
        Errc::kTooLarge);
  std::vector<Signature> many;
  for (int i = 0; i < 65; ++i) many.push_back(SigningKey(std::to_string(i)).sign(kSigned));
  const auto crowded = assemble_envelope(kSigned, many);
  CHECK(UnverifiedEnvelope::split(crowded, 1U << 20U, Profile::kStrict).error().code() ==
        Errc::kTooLarge);
  many.pop_back();
  CHECK(UnverifiedEnvelope::split(assemble_envelope(kSigned, many), 1U << 20U, Profile::kStrict));
  const auto deep =
      R"({"signatures":[],"signed":)" + std::string(9, '[') + std::string(9, ']') + "}";
  CHECK(UnverifiedEnvelope::split(as_bytes(deep), kLimit, Profile::kStrict).error().code() ==
        Errc::kTooLarge);
}

TEST_CASE("envelope: interop signatures cover the OLPC form (FORMAT 2.1.3)", "[manifest]") {
  const SigningKey a("a");
  const std::string spaced = "{ \"b\": \"x\\ny\", \"a\": 1 }";
  const std::string covered = "{\"a\":1,\"b\":\"x\ny\"}";
  const auto file = assemble_envelope(spaced, {a.sign(covered)});
  CHECK(check(file, role_of({a}, 1), Profile::kInterop));
  const auto over_raw = assemble_envelope(spaced, {a.sign(spaced)});
  CHECK(check(over_raw, role_of({a}, 1), Profile::kInterop).error().code() == Errc::kBadSignature);
  const auto fraction = assemble_envelope(R"({"a":1.5})", {a.sign("x")});
  CHECK(check(fraction, role_of({a}, 1), Profile::kInterop).error().code() == Errc::kMalformed);
}

TEST_CASE("envelope: no truncated file is accepted", "[manifest]") {
  const SigningKey a("a");
  const auto good = assemble_envelope(kSigned, {a.sign(kSigned)});
  for (const auto profile : {Profile::kStrict, Profile::kInterop}) {
    for (std::size_t n = 0; n < good.size(); ++n) {
      REQUIRE(UnverifiedEnvelope::split(ByteView(good).first(n), kLimit, profile).error().code() ==
              Errc::kMalformed);
    }
  }
}
