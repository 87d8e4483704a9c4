#include "hsm/ckr.hpp"

#include <array>
#include <string>

#include <p11-kit/pkcs11.h>

namespace pawl::hsm {
namespace {

struct Row {
  Ckr rv;
  std::string_view name;
  std::string_view hint;
};

constexpr std::string_view kReplug = "plug the token in again, then run the command again";
constexpr std::string_view kOldLogin = "run the command again: the token forgot the login";
constexpr std::string_view kOther =
    "the token cannot do this; `pawl-signer doctor` shows what it can";
constexpr std::string_view kOurs = "report this: it should not happen";
constexpr std::string_view kMemory = "free memory on this machine";

// PKCS#11 2.40 section 3.6 and 3.0 section 5.1; every value p11-kit's pkcs11.h names, and those
// seen in the field.
constexpr std::array kRows{
    Row{0x00, "CKR_OK", ""},
    Row{0x01, "CKR_CANCEL", "cancelled at the token"},
    Row{0x02, "CKR_HOST_MEMORY", kMemory},
    Row{0x03, "CKR_SLOT_ID_INVALID", "slot numbers change: select by token label or serial"},
    Row{0x05, "CKR_GENERAL_ERROR", "see the module's own log; its store may be damaged or absent"},
    Row{0x06, "CKR_FUNCTION_FAILED", "see the module's own log"},
    Row{0x07, "CKR_ARGUMENTS_BAD",
        "the module refused an argument; on YubiHSM the PIN is 4 hexadecimal digits of the "
        "authentication key and a password of at least 8 characters"},
    Row{0x08, "CKR_NO_EVENT", ""},
    Row{0x09, "CKR_NEED_TO_CREATE_THREADS", kOurs},
    Row{0x0a, "CKR_CANT_LOCK", kOurs},
    Row{0x10, "CKR_ATTRIBUTE_READ_ONLY", "the token forbids to change this"},
    Row{0x11, "CKR_ATTRIBUTE_SENSITIVE", "the token keeps this secret, as it should"},
    Row{0x12, "CKR_ATTRIBUTE_TYPE_INVALID", kOther},
    Row{0x13, "CKR_ATTRIBUTE_VALUE_INVALID",
        "label or id may be too long for this token (YubiHSM: label 40 characters, id 2 bytes)"},
    Row{0x1b, "CKR_ACTION_PROHIBITED", "the key's own attributes forbid this"},
    Row{0x20, "CKR_DATA_INVALID", kOther},
    Row{0x21, "CKR_DATA_LEN_RANGE", "too many bytes for this token; keep signed parts small"},
    Row{0x30, "CKR_DEVICE_ERROR", "the token failed; unplug it, plug it in again, try once more"},
    Row{0x31, "CKR_DEVICE_MEMORY",
        "the token is full; on YubiHSM the audit log may be full: read it out and set its index"},
    Row{0x32, "CKR_DEVICE_REMOVED", kReplug},
    Row{0x40, "CKR_ENCRYPTED_DATA_INVALID", kOther},
    Row{0x41, "CKR_ENCRYPTED_DATA_LEN_RANGE", kOther},
    Row{0x50, "CKR_FUNCTION_CANCELED", "cancelled at the token"},
    Row{0x51, "CKR_FUNCTION_NOT_PARALLEL", kOurs},
    Row{0x54, "CKR_FUNCTION_NOT_SUPPORTED", kOther},
    Row{0x60, "CKR_KEY_HANDLE_INVALID", "the key went away; was the token changed meanwhile?"},
    Row{0x62, "CKR_KEY_SIZE_RANGE", kOther},
    Row{0x63, "CKR_KEY_TYPE_INCONSISTENT", "this key is not an Ed25519 key"},
    Row{0x64, "CKR_KEY_NOT_NEEDED", kOurs},
    Row{0x65, "CKR_KEY_CHANGED", kOurs},
    Row{0x66, "CKR_KEY_NEEDED", kOurs},
    Row{0x67, "CKR_KEY_INDIGESTIBLE", kOurs},
    Row{0x68, "CKR_KEY_FUNCTION_NOT_PERMITTED", "the key may not sign (CKA_SIGN is false)"},
    Row{0x69, "CKR_KEY_NOT_WRAPPABLE", kOther},
    Row{0x6a, "CKR_KEY_UNEXTRACTABLE", "the key cannot leave the token, as it should"},
    Row{0x70, "CKR_MECHANISM_INVALID",
        "the token or the module in between has no Ed25519 (CKM_EDDSA); p11-kit remoting has not"},
    Row{0x71, "CKR_MECHANISM_PARAM_INVALID", kOther},
    Row{0x82, "CKR_OBJECT_HANDLE_INVALID",
        "the object went away; was the token changed or removed meanwhile?"},
    Row{0x90, "CKR_OPERATION_ACTIVE", kOurs},
    Row{0x91, "CKR_OPERATION_NOT_INITIALIZED", kOurs},
    Row{0xa0, "CKR_PIN_INCORRECT", "wrong PIN; no second try is made, check it before the next"},
    Row{0xa1, "CKR_PIN_INVALID", "the PIN has characters this token does not allow"},
    Row{0xa2, "CKR_PIN_LEN_RANGE", "the PIN is too short or too long for this token"},
    Row{0xa3, "CKR_PIN_EXPIRED", "set a new PIN with the vendor's tool"},
    Row{0xa4, "CKR_PIN_LOCKED", "the token is locked; unlock it with the security officer's PIN"},
    Row{0xb0, "CKR_SESSION_CLOSED", kReplug},
    Row{0xb1, "CKR_SESSION_COUNT", "all sessions of the token are taken; end other programs"},
    Row{0xb3, "CKR_SESSION_HANDLE_INVALID", kReplug},
    Row{0xb4, "CKR_SESSION_PARALLEL_NOT_SUPPORTED", kOurs},
    Row{0xb5, "CKR_SESSION_READ_ONLY", kOurs},
    Row{0xb6, "CKR_SESSION_EXISTS", "end other programs that use this token"},
    Row{0xb7, "CKR_SESSION_READ_ONLY_EXISTS", "end other programs that use this token"},
    Row{0xb8, "CKR_SESSION_READ_WRITE_SO_EXISTS", "end other programs that use this token"},
    Row{0xc0, "CKR_SIGNATURE_INVALID", kOther},
    Row{0xc1, "CKR_SIGNATURE_LEN_RANGE", kOther},
    Row{0xd0, "CKR_TEMPLATE_INCOMPLETE", kOther},
    Row{0xd1, "CKR_TEMPLATE_INCONSISTENT", kOther},
    Row{0xe0, "CKR_TOKEN_NOT_PRESENT", "plug the token in; is its connector running?"},
    Row{0xe1, "CKR_TOKEN_NOT_RECOGNIZED", "this module does not know the token in the slot"},
    Row{0xe2, "CKR_TOKEN_WRITE_PROTECTED", "remove the token's write protection"},
    Row{0xf0, "CKR_UNWRAPPING_KEY_HANDLE_INVALID", kOther},
    Row{0xf1, "CKR_UNWRAPPING_KEY_SIZE_RANGE", kOther},
    Row{0xf2, "CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT", kOther},
    Row{0x100, "CKR_USER_ALREADY_LOGGED_IN", kOurs},
    Row{0x101, "CKR_USER_NOT_LOGGED_IN", kOldLogin},
    Row{0x102, "CKR_USER_PIN_NOT_INITIALIZED", "set the token's user PIN first"},
    Row{0x103, "CKR_USER_TYPE_INVALID", kOurs},
    Row{0x104, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN", "end other programs that use this token"},
    Row{0x105, "CKR_USER_TOO_MANY_TYPES", "end other programs that use this token"},
    Row{0x110, "CKR_WRAPPED_KEY_INVALID", kOther},
    Row{0x112, "CKR_WRAPPED_KEY_LEN_RANGE", kOther},
    Row{0x113, "CKR_WRAPPING_KEY_HANDLE_INVALID", kOther},
    Row{0x114, "CKR_WRAPPING_KEY_SIZE_RANGE", kOther},
    Row{0x115, "CKR_WRAPPING_KEY_TYPE_INCONSISTENT", kOther},
    Row{0x120, "CKR_RANDOM_SEED_NOT_SUPPORTED", kOther},
    Row{0x121, "CKR_RANDOM_NO_RNG", kOther},
    Row{0x130, "CKR_DOMAIN_PARAMS_INVALID", "the token does not know the curve edwards25519"},
    Row{0x140, "CKR_CURVE_NOT_SUPPORTED", "the token does not know the curve edwards25519"},
    Row{0x150, "CKR_BUFFER_TOO_SMALL", "too many bytes for this token; keep signed parts small"},
    Row{0x160, "CKR_SAVED_STATE_INVALID", kOurs},
    Row{0x170, "CKR_INFORMATION_SENSITIVE", kOther},
    Row{0x180, "CKR_STATE_UNSAVEABLE", kOurs},
    Row{0x190, "CKR_CRYPTOKI_NOT_INITIALIZED", "another part of this process closed the module"},
    Row{0x191, "CKR_CRYPTOKI_ALREADY_INITIALIZED", "the module is open twice in this process"},
    Row{0x1a0, "CKR_MUTEX_BAD", kOurs},
    Row{0x1a1, "CKR_MUTEX_NOT_LOCKED", kOurs},
    Row{0x1b0, "CKR_NEW_PIN_MODE", "set a new PIN with the vendor's tool"},
    Row{0x1b1, "CKR_NEXT_OTP", "wait for the token's next one-time code"},
    Row{0x1b5, "CKR_EXCEEDED_MAX_ITERATIONS", kOther},
    Row{0x1b6, "CKR_FIPS_SELF_TEST_FAILED", "the token is out of order; ask its vendor"},
    Row{0x1b7, "CKR_LIBRARY_LOAD_FAILED", "the module cannot load a library it needs"},
    Row{0x1b8, "CKR_PIN_TOO_WEAK", "choose a longer PIN"},
    Row{0x1b9, "CKR_PUBLIC_KEY_INVALID", kOther},
    Row{0x200, "CKR_FUNCTION_REJECTED",
        "the token forbids it; on YubiHSM the authentication key lacks the capability "
        "(sign-eddsa, generate-asymmetric-key) or the key's domain"},
    Row{0x201, "CKR_TOKEN_RESOURCE_EXCEEDED", "the token is full or busy"},
    Row{0x202, "CKR_OPERATION_CANCEL_FAILED", kOurs},
    Row{0x203, "CKR_KEY_EXHAUSTED", "this key has signed as often as it may"},
};

const Row* row_of(Ckr rv) {
  for (const auto& row : kRows) {
    if (row.rv == rv) return &row;
  }
  return nullptr;
}

std::string hex(Ckr rv) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  do {
    out.insert(out.begin(), kDigits[rv & 15U]);
    rv >>= 4U;
  } while (rv != 0);
  return "0x" + out;
}

}  // namespace

std::string_view ckr_name(Ckr rv) {
  if (const auto* row = row_of(rv); row != nullptr) return row->name;
  return rv >= CKR_VENDOR_DEFINED ? "CKR_VENDOR_DEFINED" : "CKR_UNKNOWN";
}

std::string_view ckr_hint(Ckr rv) {
  if (const auto* row = row_of(rv); row != nullptr) return row->hint;
  return "look the number up in the vendor's documents";
}

Error ckr_error(std::string_view call, Ckr rv) {
  const bool length = rv == CKR_DATA_LEN_RANGE || rv == CKR_BUFFER_TOO_SMALL;
  return fail(length ? Errc::kTooLarge : Errc::kHsm,
              std::string(call) + ": " + std::string(ckr_name(rv)) + " (" + hex(rv) + ")",
              static_cast<std::int64_t>(rv))
      .with_hint(std::string(ckr_hint(rv)));
}

}  // namespace pawl::hsm
