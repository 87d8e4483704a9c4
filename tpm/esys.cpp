#include "tpm/esys.hpp"

#include <thread>

namespace pawl::tpm {
namespace {

constexpr TSS2_RC kLayer = 0xff0000;
constexpr TSS2_RC kTctiLayer = TSS2_TCTI_RC_LAYER;
constexpr TSS2_RC kFormatOne = 0x080;

std::string hex_code(TSS2_RC rc) {
  const std::array<std::uint8_t, 4> bytes{
      static_cast<std::uint8_t>(rc >> 24U), static_cast<std::uint8_t>(rc >> 16U),
      static_cast<std::uint8_t>(rc >> 8U), static_cast<std::uint8_t>(rc)};
  return "0x" + to_hex(bytes);
}

bool wants_repeat(TSS2_RC rc) {
  return fault_from(rc) == Fault::kTransient;
}

}  // namespace

TSS2_RC base_code(TSS2_RC rc) {
  const auto code = rc & ~kLayer;
  if ((code & kFormatOne) != 0) return code & 0x0bfU;  // format one: drop P and the number
  return code;
}

Fault fault_from(TSS2_RC rc) {
  if (rc == TSS2_RC_SUCCESS) return Fault::kNone;
  const auto layer = rc & kLayer;
  if (layer == kTctiLayer) return Fault::kNoTpm;
  if (layer == TSS2_ESAPI_RC_LAYER || layer == TSS2_SYS_RC_LAYER || layer == TSS2_MU_RC_LAYER) {
    return Fault::kOther;
  }
  switch (base_code(rc)) {
    case TPM2_RC_INITIALIZE:
    case TPM2_RC_FAILURE:
      return Fault::kNoTpm;
    case TPM2_RC_LOCKOUT:
      return Fault::kLockout;
    case TPM2_RC_PCR_CHANGED:
      return Fault::kPcrChanged;
    case TPM2_RC_POLICY:
    case TPM2_RC_POLICY_CC:
    case TPM2_RC_POLICY_FAIL:
      return Fault::kPolicyRefused;
    case TPM2_RC_AUTH_FAIL:
    case TPM2_RC_BAD_AUTH:
    case TPM2_RC_AUTH_MISSING:
    case TPM2_RC_AUTH_UNAVAILABLE:
    case TPM2_RC_NV_AUTHORIZATION:
      return Fault::kAuth;
    case TPM2_RC_NV_SPACE:
    case TPM2_RC_OBJECT_MEMORY:
    case TPM2_RC_SESSION_MEMORY:
      return Fault::kNoSpace;
    case TPM2_RC_NV_UNINITIALIZED:
      return Fault::kNotProvisioned;
    case TPM2_RC_RETRY:
    case TPM2_RC_YIELDED:
    case TPM2_RC_TESTING:
    case TPM2_RC_NV_RATE:
      return Fault::kTransient;
    default:
      return Fault::kOther;
  }
}

Status check(TSS2_RC rc, const char* command) {
  if (rc == TSS2_RC_SUCCESS) return Ok{};
  return fail_tpm(fault_from(rc), std::string(command) + " answered " + hex_code(rc), rc);
}

std::chrono::milliseconds backoff(unsigned n) {
  return std::min(std::chrono::milliseconds(10) * (1U << std::min(n, 7U)),
                  std::chrono::milliseconds(500));
}

void sleep_thread(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
}

TSS2_RC repeating(const std::function<TSS2_RC()>& command, const Sleep& sleep) {
  auto rc = command();
  for (unsigned n = 1; n <= kMaxRepeats && wants_repeat(rc); ++n) {
    sleep(backoff(n));
    rc = command();
  }
  return rc;
}

TPML_PCR_SELECTION selection_of(PcrSet set) {
  TPML_PCR_SELECTION out{};
  out.count = 1;
  out.pcrSelections[0].hash = TPM2_ALG_SHA256;
  out.pcrSelections[0].sizeofSelect = 3;
  const auto select = set.select();
  std::copy(select.begin(), select.end(), out.pcrSelections[0].pcrSelect);
  return out;
}

Result<Loaded> start_session(Context& tpm, EsysHandle salt, SessionKind kind) {
  TPMT_SYM_DEF aes{};
  aes.algorithm = TPM2_ALG_AES;
  aes.keyBits.aes = 128;
  aes.mode.aes = TPM2_ALG_CFB;
  ESYS_TR session = ESYS_TR_NONE;
  const auto type = kind == SessionKind::kHmac ? TPM2_SE_HMAC : TPM2_SE_POLICY;
  PAWL_CHECK(check(repeating([&] {
                     return Esys_StartAuthSession(tpm.esys(), salt, ESYS_TR_NONE, ESYS_TR_NONE,
                                                  ESYS_TR_NONE, ESYS_TR_NONE, nullptr, type, &aes,
                                                  TPM2_ALG_SHA256, &session);
                   }),
                   "TPM2_StartAuthSession"));
  Loaded out(tpm.esys(), session);
  PAWL_CHECK(set_encryption(tpm, out, 0));
  return out;
}

Status set_encryption(Context& tpm, const Loaded& session, TPMA_SESSION attributes) {
  return check(Esys_TRSess_SetAttributes(tpm.esys(), session.handle(),
                                         attributes | TPMA_SESSION_CONTINUESESSION, 0xff),
               "session attributes");
}

Result<std::optional<EsysHandle>> attach(Context& tpm, TPM2_HANDLE handle) {
  ESYS_TR out = ESYS_TR_NONE;
  const auto rc = repeating([&] {
    return Esys_TR_FromTPMPublic(tpm.esys(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                 &out);
  });
  if ((rc & kLayer) == 0 && base_code(rc) == TPM2_RC_HANDLE) return std::optional<EsysHandle>();
  PAWL_CHECK(check(rc, "reading a public area"));
  return std::optional<EsysHandle>(out);
}

Result<Name> name_of(Context& tpm, EsysHandle handle) {
  TPM2B_NAME* raw = nullptr;
  PAWL_CHECK(check(Esys_TR_GetName(tpm.esys(), handle, &raw), "reading a Name"));
  const EsysOut<TPM2B_NAME> name(raw);
  Name out;
  if (name->size != out.bytes.size()) {
    return fail_tpm(Fault::kTampered, "TPM object whose Name is not SHA-256");
  }
  std::copy(name->name, name->name + name->size, out.bytes.begin());
  return out;
}

}  // namespace pawl::tpm
