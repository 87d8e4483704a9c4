#include <algorithm>
#include <array>

#include <p11-kit/pkcs11.h>
#include <sodium.h>

#include "base/digest.hpp"
#include "hsm/key.hpp"
#include "hsm/object.hpp"

namespace pawl::hsm {
namespace {

constexpr std::string_view kSelfTest = "pawl-signer: this key has just been made";
// PrintableString "edwards25519": the one form YubiHSM takes; then the object identifier.
constexpr std::array<std::uint8_t, 14> kCurveName{0x13, 0x0c, 'e', 'd', 'w', 'a', 'r',
                                                  'd',  's',  '2', '5', '5', '1', '9'};
constexpr std::array<std::uint8_t, 5> kCurveId{0x06, 0x03, 0x2b, 0x65, 0x70};  // 1.3.101.112

enum class Detail : std::uint8_t {
  kFull,   // every usage we do not want is set to false
  kShort,  // for tokens that refuse attributes they do not know
};

/// Attribute templates whose values live as long as the object.
class Template {
 public:
  void flag(CK_ATTRIBUTE_TYPE type, bool value) {
    attributes_.push_back({type, value ? &yes_ : &no_, sizeof(CK_BBOOL)});
  }
  void number(CK_ATTRIBUTE_TYPE type, CK_ULONG& value) {
    attributes_.push_back({type, &value, sizeof value});
  }
  void bytes(CK_ATTRIBUTE_TYPE type, ByteView value) {
    // The module only reads templates.
    attributes_.push_back({type, const_cast<std::uint8_t*>(value.data()), value.size()});
  }
  [[nodiscard]] CK_ATTRIBUTE* data() { return attributes_.data(); }
  [[nodiscard]] CK_ULONG size() const { return attributes_.size(); }

 private:
  CK_BBOOL yes_ = CK_TRUE;
  CK_BBOOL no_ = CK_FALSE;
  std::vector<CK_ATTRIBUTE> attributes_;
};

struct Pair {
  CK_OBJECT_HANDLE public_object = 0;
  CK_OBJECT_HANDLE private_object = 0;
};

void fill_public(Template& t, ByteView curve, Detail detail) {
  t.bytes(CKA_EC_PARAMS, curve);
  t.flag(CKA_TOKEN, true);
  t.flag(CKA_VERIFY, true);
  if (detail == Detail::kShort) return;
  for (const auto off : {CKA_PRIVATE, CKA_MODIFIABLE, CKA_ENCRYPT, CKA_WRAP}) t.flag(off, false);
}

void fill_private(Template& t, Detail detail) {
  for (const auto on : {CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN}) t.flag(on, true);
  t.flag(CKA_EXTRACTABLE, false);
  if (detail == Detail::kShort) return;
  for (const auto off :
       {CKA_MODIFIABLE, CKA_COPYABLE, CKA_DECRYPT, CKA_SIGN_RECOVER, CKA_UNWRAP, CKA_DERIVE}) {
    t.flag(off, false);
  }
}

CK_RV generate_once(CK_FUNCTION_LIST& p11, CK_SESSION_HANDLE session, const KeyQuery& name,
                    ByteView curve, Detail detail, Pair& out) {
  CK_ULONG public_class = CKO_PUBLIC_KEY;
  CK_ULONG private_class = CKO_PRIVATE_KEY;
  CK_ULONG type = CKK_EC_EDWARDS;
  Template public_half;
  Template private_half;
  public_half.number(CKA_CLASS, public_class);
  private_half.number(CKA_CLASS, private_class);
  for (auto* half : {&public_half, &private_half}) {
    half->number(CKA_KEY_TYPE, type);
    half->bytes(CKA_ID, *name.id);
    half->bytes(CKA_LABEL, as_bytes(*name.label));
  }
  fill_public(public_half, curve, detail);
  fill_private(private_half, detail);
  CK_MECHANISM mechanism{CKM_EC_EDWARDS_KEY_PAIR_GEN, nullptr, 0};
  return p11.C_GenerateKeyPair(session, &mechanism, public_half.data(), public_half.size(),
                               private_half.data(), private_half.size(), &out.public_object,
                               &out.private_object);
}

/// The token dislikes how we asked; asking differently may help.
bool is_dialect(CK_RV rv) {
  constexpr std::array kDialects{CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID,
                                 CKR_TEMPLATE_INCONSISTENT,  CKR_DOMAIN_PARAMS_INVALID,
                                 CKR_CURVE_NOT_SUPPORTED,    CKR_GENERAL_ERROR};
  return std::find(kDialects.begin(), kDialects.end(), rv) != kDialects.end();
}

Result<Pair> generate_pair(Session& session, const KeyQuery& name) {
  PAWL_TRY(auto* p11, session.calls());
  Pair out;
  CK_RV first = CKR_OK;
  for (const auto detail : {Detail::kFull, Detail::kShort}) {
    for (const ByteView curve : {ByteView(kCurveName), ByteView(kCurveId)}) {
      const CK_RV rv = generate_once(*p11, session.handle(), name, curve, detail, out);
      if (rv == CKR_OK) return out;
      if (first == CKR_OK) first = rv;
      if (!is_dialect(rv)) return ckr_error("C_GenerateKeyPair", rv);
    }
  }
  return ckr_error("C_GenerateKeyPair", first);
}

Status check_unused(Session& session, const KeyQuery& name) {
  PAWL_TRY(const auto same_label, find_objects(session, CKO_PRIVATE_KEY, name.label, std::nullopt));
  if (!same_label.empty()) {
    return fail(Errc::kHsm, "token " + printable(session.token().label) + " has a key " +
                                printable(*name.label) + " already")
        .with_hint("choose another label; keys are never overwritten");
  }
  PAWL_TRY(const auto same_id, find_objects(session, CKO_PRIVATE_KEY, std::nullopt, name.id));
  if (same_id.empty()) return Ok{};
  return fail(Errc::kHsm, "token " + printable(session.token().label) + " has a key with id " +
                              to_hex(*name.id) + " already");
}

/// Random and never zero. YubiHSM's own object ids have two bytes.
Bytes random_id(const Token& token) {
  Bytes out(token.model == "YubiHSM" ? 2 : 8);
  randombytes_buf(out.data(), out.size());
  out.front() = static_cast<std::uint8_t>(out.front() | 1U);
  return out;
}

/// What was made must be kept inside, and its public half must be the one of its signatures.
Status check_made(Session& session, const TokenKey& key) {
  PAWL_CHECK(require_custody(key.facts, Custody::kTokenPrivate));
  PAWL_TRY(const auto signature, raw_eddsa(session, key.object, as_bytes(kSelfTest)));
  if (!ed25519_verify(signature, as_bytes(kSelfTest), key.public_key)) {
    return fail(Errc::kBadSignature, "the new key's signature does not verify");
  }
  return Ok{};
}

Result<TokenKey> read_made(Session& session, const KeyQuery& name) {
  PAWL_TRY(auto key, find_key(session, name));
  PAWL_CHECK(check_made(session, key));
  return key;
}

}  // namespace

Result<TokenKey> generate_key(Session& session, const KeyQuery& query) {
  if (!query.label || query.label->empty() || query.label->size() > 255) {
    return fail(Errc::kUsage, "a new key needs a label of 1 to 255 bytes");
  }
  if (sodium_init() < 0) return fail(Errc::kInternal, "libsodium cannot start");
  KeyQuery name = query;
  if (!name.id) name.id = random_id(session.token());
  PAWL_CHECK(check_unused(session, name));
  PAWL_TRY(const auto made, generate_pair(session, name));
  auto key = read_made(session, name);
  if (!key) {
    PAWL_TRY(auto* p11, session.calls());
    (void)p11->C_DestroyObject(session.handle(), made.private_object);
    (void)p11->C_DestroyObject(session.handle(), made.public_object);
  }
  return key;
}

}  // namespace pawl::hsm
