#include "hsm/survey.hpp"

#include <algorithm>

#include <p11-kit/pkcs11.h>

#include "hsm/ec_point.hpp"
#include "hsm/object.hpp"

namespace pawl::hsm {
namespace {

constexpr std::size_t kMaxPoint = 256;
constexpr std::size_t kRawSize = 32;
constexpr std::uint8_t kBitStringTag = 0x03;

PointForm form_of(ByteView point) {
  if (!parse_ec_point(point)) return PointForm::kOther;
  if (point.size() == kRawSize) return PointForm::kRaw;
  return point.front() == kBitStringTag ? PointForm::kBitString : PointForm::kOctetString;
}

Result<PointForm> look_for_point(Session& session, const KeyQuery& query) {
  PAWL_TRY(const auto objects, find_objects(session, CKO_PUBLIC_KEY, query.label, query.id));
  for (const auto object : objects) {
    PAWL_TRY(const bool edwards, is_edwards(session, object));
    if (!edwards) continue;
    PAWL_TRY(const auto point, attribute(session, object, CKA_EC_POINT, kMaxPoint));
    if (point && !point->empty()) return form_of(*point);
  }
  return PointForm::kHidden;
}

}  // namespace

std::string_view point_form_name(PointForm form) {
  switch (form) {
    case PointForm::kHidden:
      return "hidden";
    case PointForm::kRaw:
      return "raw";
    case PointForm::kOctetString:
      return "octet_string";
    case PointForm::kBitString:
      return "bit_string";
    case PointForm::kOther:
      return "other";
  }
  return "unknown";
}

Result<Survey> survey(Module& module, const Token& token, const KeyQuery& query) {
  Survey out;
  out.module = module.info();
  PAWL_TRY(const auto known, module.mechanisms(token.slot_id));
  out.signs_ed25519 = std::binary_search(known.begin(), known.end(), std::uint64_t{CKM_EDDSA});
  out.makes_ed25519 =
      std::binary_search(known.begin(), known.end(), std::uint64_t{CKM_EC_EDWARDS_KEY_PAIR_GEN});
  PAWL_TRY(auto session, Session::open(module, token, Access::kRead));
  auto form = look_for_point(session, query);
  if (form) {
    out.point = *form;
    return out;
  }
  const bool wants_login = form.error().raw() == static_cast<std::int64_t>(CKR_USER_NOT_LOGGED_IN);
  if (wants_login) return out;  // YubiHSM shows nothing before
  return std::move(form).error();
}

}  // namespace pawl::hsm
