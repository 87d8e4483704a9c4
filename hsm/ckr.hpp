#pragma once
#include <string_view>

#include "base/result.hpp"

// The struct behind CK_FUNCTION_LIST in pkcs11.h; PKCS#11 2.40 section 3.4.
struct _CK_FUNCTION_LIST;  // NOLINT

namespace pawl::hsm {

/// A PKCS#11 return value (CK_RV).
using Ckr = unsigned long;
/// The functions of one loaded module.
using Calls = _CK_FUNCTION_LIST;

/// `CKR_PIN_INCORRECT`; vendor and unknown values are `CKR_UNKNOWN`.
[[nodiscard]] std::string_view ckr_name(Ckr rv);
/// What the operator can do about it; empty when the name says all.
[[nodiscard]] std::string_view ckr_hint(Ckr rv);
/// kHsm, raw = rv: `C_Login: CKR_PIN_INCORRECT (0xa0)` with its hint. A length refused by the
/// token is kTooLarge.
[[nodiscard]] Error ckr_error(std::string_view call, Ckr rv);

}  // namespace pawl::hsm
