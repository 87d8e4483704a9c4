#include "hsm/key.hpp"

#include <algorithm>
#include <array>

#include <p11-kit/pkcs11.h>

#include "hsm/ec_point.hpp"
#include "hsm/object.hpp"

namespace pawl::hsm {
namespace {

constexpr std::size_t kMaxPoint = 256;
constexpr std::size_t kMaxName = 255;

struct Flag {
  CK_ATTRIBUTE_TYPE type;
  std::optional<bool> KeyFacts::*member;
};
constexpr std::array kFlags{
    Flag{CKA_PRIVATE, &KeyFacts::is_private},
    Flag{CKA_SENSITIVE, &KeyFacts::sensitive},
    Flag{CKA_EXTRACTABLE, &KeyFacts::extractable},
    Flag{CKA_LOCAL, &KeyFacts::local},
    Flag{CKA_ALWAYS_SENSITIVE, &KeyFacts::always_sensitive},
    Flag{CKA_NEVER_EXTRACTABLE, &KeyFacts::never_extractable},
    Flag{CKA_SIGN, &KeyFacts::may_sign},
};

Result<KeyFacts> read_facts(Session& session, unsigned long object) {
  KeyFacts facts;
  facts.token_label = session.token().label;
  facts.token_serial = session.token().serial;
  facts.token_model = session.token().model;
  PAWL_TRY(const auto label, attribute(session, object, CKA_LABEL, kMaxName));
  if (label) facts.label = as_text(*label);
  PAWL_TRY(auto id, attribute(session, object, CKA_ID, kMaxName));
  if (id) facts.id = *std::move(id);
  for (const auto& flag : kFlags) {
    PAWL_TRY(facts.*(flag.member), flag_attribute(session, object, flag.type));
  }
  return facts;
}

/// The point of one object, public or private, in any known form.
Result<std::optional<Ed25519PublicKey>> point_of(Session& session, unsigned long object) {
  for (const auto type : {CKA_EC_POINT, CKA_PUBLIC_KEY_INFO}) {
    PAWL_TRY(const auto value, attribute(session, object, type, kMaxPoint));
    if (!value || value->empty()) continue;
    PAWL_TRY(const auto key, parse_ec_point(*value));
    return std::optional(key);
  }
  return std::optional<Ed25519PublicKey>();
}

/// The public objects that belong to a private key: same id, or same label where it has no id.
Result<std::vector<unsigned long>> public_objects(Session& session, const KeyFacts& facts) {
  const auto id = facts.id.empty() ? std::nullopt : std::optional(facts.id);
  const auto label = facts.id.empty() ? std::optional(facts.label) : std::nullopt;
  PAWL_TRY(const auto all, find_objects(session, CKO_PUBLIC_KEY, label, id));
  std::vector<unsigned long> out;
  for (const auto object : all) {
    PAWL_TRY(const bool edwards, is_edwards(session, object));
    if (edwards) out.push_back(object);
  }
  return out;
}

Result<Ed25519PublicKey> public_key_of(Session& session, unsigned long object,
                                       const KeyFacts& facts) {
  PAWL_TRY(auto objects, public_objects(session, facts));
  objects.push_back(object);  // YubiHSM answers on the private key as well
  std::optional<Ed25519PublicKey> out;
  for (const auto candidate : objects) {
    PAWL_TRY(const auto point, point_of(session, candidate));
    if (!point) continue;
    if (out && *out != *point) {
      return fail(Errc::kHsm, "key " + printable(facts.label) + " has two different public keys")
          .with_hint("remove the wrong public key object from the token");
    }
    out = point;
  }
  if (out) return *out;
  return fail(Errc::kHsm, "key " + printable(facts.label) + " has no public key on the token")
      .with_hint("import the public key object with the same id");
}

Result<TokenKey> read_key(Session& session, unsigned long object) {
  TokenKey out;
  out.object = object;
  PAWL_TRY(out.facts, read_facts(session, object));
  PAWL_TRY(out.public_key, public_key_of(session, object, out.facts));
  return out;
}

std::string describe_query(const KeyQuery& query) {
  std::string out = "key";
  if (query.label) out += " " + printable(*query.label);
  if (query.id) out += " (id " + to_hex(*query.id) + ")";
  return out;
}

}  // namespace

KeyQuery KeyQuery::of(const Uri& uri) {
  KeyQuery out;
  out.label = uri.object;
  if (uri.id) out.id = Bytes(uri.id->begin(), uri.id->end());
  return out;
}

Result<std::vector<TokenKey>> list_keys(Session& session) {
  PAWL_TRY(const auto objects, find_objects(session, CKO_PRIVATE_KEY, std::nullopt, std::nullopt));
  std::vector<TokenKey> out;
  for (const auto object : objects) {
    PAWL_TRY(const bool edwards, is_edwards(session, object));
    if (!edwards) continue;
    PAWL_TRY(auto key, read_key(session, object));
    out.push_back(std::move(key));
  }
  return out;
}

Result<TokenKey> find_key(Session& session, const KeyQuery& query) {
  if (!query.label && !query.id) {
    return fail(Errc::kUsage, "which key is not said").with_hint("add object=LABEL to the URI");
  }
  PAWL_TRY(const auto objects, find_objects(session, CKO_PRIVATE_KEY, query.label, query.id));
  std::vector<unsigned long> found;
  for (const auto object : objects) {
    PAWL_TRY(const bool edwards, is_edwards(session, object));
    if (edwards) found.push_back(object);
  }
  const auto where = describe_query(query) + " on token " + printable(session.token().label);
  if (found.size() == 1) return read_key(session, found.front());
  if (found.size() > 1) {
    return fail(Errc::kHsm, std::to_string(found.size()) + " keys match " + where)
        .with_hint("add id=... to the PKCS#11 URI");
  }
  if (!objects.empty()) return fail(Errc::kHsm, where + " is not an Ed25519 key");
  return fail(Errc::kHsm, "no " + where)
      .with_hint("`pawl-signer key list` shows the keys; `key new` makes one");
}

Result<Ed25519Signature> raw_eddsa(Session& session, unsigned long object, ByteView message) {
  PAWL_TRY(auto* p11, session.calls());
  CK_MECHANISM mechanism{CKM_EDDSA, nullptr, 0};  // parameters are ignored by some tokens: none
  CK_RV rv = p11->C_SignInit(session.handle(), &mechanism, object);
  if (rv != CKR_OK) return ckr_error("C_SignInit", rv);
  Ed25519Signature out;
  std::array<std::uint8_t, 2 * sizeof out.bytes> space{};  // some modules write past the length
  CK_ULONG size = out.bytes.size();  // exactly: YubiHSM's module writes 16 bits of it
  rv = p11->C_Sign(session.handle(), const_cast<std::uint8_t*>(message.data()), message.size(),
                   space.data(), &size);
  if (rv != CKR_OK) return ckr_error("C_Sign", rv);
  if (size != out.bytes.size()) {
    return fail(Errc::kHsm,
                "the token gave a signature of " + std::to_string(size) + " bytes, Ed25519 has 64");
  }
  std::copy_n(space.begin(), out.bytes.size(), out.bytes.begin());
  return out;
}

}  // namespace pawl::hsm
