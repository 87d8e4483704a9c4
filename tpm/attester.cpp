#include "tpm/attester.hpp"

#include <openssl/crypto.h>
#include <tss2/tss2_mu.h>

#include "tpm/esys.hpp"
#include "tpm/objects.hpp"

namespace pawl::tpm {
namespace {

constexpr TPM2_HANDLE kEkCertificate = 0x01c00002;  // TCG EK profile: RSA-2048, template L-1
constexpr UINT16 kNvChunk = 512;
constexpr unsigned kMaxQuotes = 16;  // attempts to quote exactly the values that were read

TPM2B_PUBLIC ak_template() {
  TPM2B_PUBLIC out{};
  auto& area = out.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                          TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
  auto& ecc = area.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_NULL;
  ecc.scheme.scheme = TPM2_ALG_ECDSA;
  ecc.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  return out;
}

/// Policy of template L-1: PolicySecret(endorsement hierarchy).
constexpr std::array<std::uint8_t, 32> kEkPolicy{
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};

TPM2B_PUBLIC ek_template() {
  TPM2B_PUBLIC out{};
  auto& area = out.publicArea;
  area.type = TPM2_ALG_RSA;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                          TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  area.authPolicy = to_2b<TPM2B_DIGEST>(kEkPolicy);
  auto& rsa = area.parameters.rsaDetail;
  rsa.symmetric.algorithm = TPM2_ALG_AES;
  rsa.symmetric.keyBits.aes = 128;
  rsa.symmetric.mode.aes = TPM2_ALG_CFB;
  rsa.scheme.scheme = TPM2_ALG_NULL;
  rsa.keyBits = 2048;
  area.unique.rsa.size = 256;
  return out;
}

Result<Loaded> create_ek(Context& tpm) {
  const auto area = ek_template();
  const TPM2B_SENSITIVE_CREATE sensitive{};
  const TPML_PCR_SELECTION none{};
  ESYS_TR handle = ESYS_TR_NONE;
  PAWL_CHECK(check(repeating([&] {
                     return Esys_CreatePrimary(tpm.esys(), ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
                                               ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &area,
                                               nullptr, &none, &handle, nullptr, nullptr, nullptr,
                                               nullptr);
                   }),
                   "TPM2_CreatePrimary of the endorsement key"));
  return Loaded(tpm.esys(), handle);
}

/// A session that may use the endorsement key.
Result<Loaded> ek_session(Context& tpm, EsysHandle srk) {
  PAWL_TRY(auto session, start_session(tpm, srk, SessionKind::kPolicy));
  PAWL_CHECK(check(
      Esys_PolicySecret(tpm.esys(), ESYS_TR_RH_ENDORSEMENT, session.handle(), ESYS_TR_PASSWORD,
                        ESYS_TR_NONE, ESYS_TR_NONE, nullptr, nullptr, nullptr, 0, nullptr, nullptr),
      "PolicySecret"));
  return session;
}

/// A seed that another EK wrapped does not decrypt: some TPMs answer FAILURE to that and go on.
bool is_for_another(Context& tpm, TSS2_RC rc) {
  const auto code = base_code(rc);
  if (code == TPM2_RC_FAILURE) return static_cast<bool>(tpm.permanent());
  return code == TPM2_RC_INTEGRITY || code == TPM2_RC_VALUE || code == TPM2_RC_SIZE;
}

template <class T, class Marshal>
Result<Bytes> marshal(const T& value, Marshal* function) {
  Bytes out(kMaxBlob);
  std::size_t size = 0;
  PAWL_CHECK(check(function(&value, out.data(), out.size(), &size), "marshalling"));
  out.resize(size);
  return out;
}

Result<QuoteEvidence> quote_once(Context& tpm, const Loaded& key, const Sha256Digest& extra_data,
                                 PcrSet set) {
  QuoteEvidence out;
  PAWL_TRY(out.pcrs, tpm.read_pcrs(set));
  const auto data = to_2b<TPM2B_DATA>(extra_data.span());
  const TPMT_SIG_SCHEME scheme{TPM2_ALG_NULL, {}};
  const auto selection = selection_of(set);
  TPM2B_ATTEST* raw_attest = nullptr;
  TPMT_SIGNATURE* raw_signature = nullptr;
  PAWL_CHECK(check(repeating([&] {
                     return Esys_Quote(tpm.esys(), key.handle(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                       ESYS_TR_NONE, &data, &scheme, &selection, &raw_attest,
                                       &raw_signature);
                   }),
                   "TPM2_Quote"));
  const EsysOut<TPM2B_ATTEST> attest(raw_attest);
  const EsysOut<TPMT_SIGNATURE> signature(raw_signature);
  out.attest.assign(attest->attestationData, attest->attestationData + attest->size);
  PAWL_TRY(out.signature, marshal(*signature, &Tss2_MU_TPMT_SIGNATURE_Marshal));
  return out;
}

}  // namespace

Result<Attester> Attester::attach(Context& tpm, const Name& srk) {
  PAWL_TRY(const auto found, find_srk(tpm, srk));
  return Attester(tpm, found);
}

Result<Name> Attester::prepare(Context& tpm) {
  PAWL_TRY(const auto srk, ensure_srk(tpm));
  return name_of(tpm, srk);
}

Result<KeyBlob> Attester::create_key() {
  return create_object(tpm_, srk_, ak_template(), {});
}

Result<Bytes> Attester::endorsement_public() {
  PAWL_TRY(const auto ek, create_ek(tpm_));
  TPM2B_PUBLIC* raw = nullptr;
  PAWL_CHECK(check(Esys_ReadPublic(tpm_.esys(), ek.handle(), ESYS_TR_NONE, ESYS_TR_NONE,
                                   ESYS_TR_NONE, &raw, nullptr, nullptr),
                   "TPM2_ReadPublic of the endorsement key"));
  const EsysOut<TPM2B_PUBLIC> area(raw);
  return marshal(area->publicArea, &Tss2_MU_TPMT_PUBLIC_Marshal);
}

Result<Bytes> Attester::endorsement_certificate() {
  PAWL_TRY(const auto index, tpm::attach(tpm_, kEkCertificate));
  if (!index) return fail_tpm(Fault::kNotProvisioned, "the TPM holds no RSA-2048 EK certificate");
  TPM2B_NV_PUBLIC* raw_area = nullptr;
  PAWL_CHECK(check(Esys_NV_ReadPublic(tpm_.esys(), *index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                      &raw_area, nullptr),
                   "TPM2_NV_ReadPublic"));
  const EsysOut<TPM2B_NV_PUBLIC> area(raw_area);
  const auto size = area->nvPublic.dataSize;
  if (size > kMaxCertificate) return fail(Errc::kTooLarge, "EK certificate over 8 KiB");
  Bytes out;
  while (out.size() < size) {
    const auto offset = static_cast<UINT16>(out.size());
    const auto part = std::min<UINT16>(kNvChunk, static_cast<UINT16>(size - offset));
    TPM2B_MAX_NV_BUFFER* raw = nullptr;
    PAWL_CHECK(check(repeating([&] {
                       return Esys_NV_Read(tpm_.esys(), *index, *index, ESYS_TR_PASSWORD,
                                           ESYS_TR_NONE, ESYS_TR_NONE, part, offset, &raw);
                     }),
                     "TPM2_NV_Read"));
    const EsysOut<TPM2B_MAX_NV_BUFFER> data(raw);
    if (data->size == 0) return fail_tpm(Fault::kOther, "NV read returned nothing");
    out.insert(out.end(), data->buffer, data->buffer + data->size);
  }
  return out;
}

Result<QuoteEvidence> Attester::quote(const KeyBlob& key, const Sha256Digest& extra_data,
                                      PcrSet set) {
  PAWL_TRY(const auto loaded, load_object(tpm_, srk_, key));
  for (unsigned n = 0; n < kMaxQuotes; ++n) {
    PAWL_TRY(auto evidence, quote_once(tpm_, loaded, extra_data, set));
    PAWL_TRY(const auto after, tpm_.read_pcrs(set));
    if (after == evidence.pcrs) return evidence;
  }
  return fail_tpm(Fault::kPcrChanged, "PCRs kept changing while they were quoted");
}

Result<SecretBytes> Attester::activate(const KeyBlob& key, const Credential& credential) {
  if (credential.id_object.size() > sizeof(TPM2B_ID_OBJECT::credential) ||
      credential.encrypted_secret.size() > sizeof(TPM2B_ENCRYPTED_SECRET::secret)) {
    return fail(Errc::kTooLarge, "credential is too large");
  }
  PAWL_TRY(const auto ak, load_object(tpm_, srk_, key));
  PAWL_TRY(const auto ek, create_ek(tpm_));
  PAWL_TRY(const auto session, ek_session(tpm_, srk_));
  TPM2B_ID_OBJECT id{};
  id.size = static_cast<UINT16>(credential.id_object.size());
  std::copy(credential.id_object.begin(), credential.id_object.end(), id.credential);
  TPM2B_ENCRYPTED_SECRET seed{};
  seed.size = static_cast<UINT16>(credential.encrypted_secret.size());
  std::copy(credential.encrypted_secret.begin(), credential.encrypted_secret.end(), seed.secret);
  PAWL_CHECK(set_encryption(tpm_, session, TPMA_SESSION_ENCRYPT));
  TPM2B_DIGEST* raw = nullptr;
  const auto rc = Esys_ActivateCredential(tpm_.esys(), ak.handle(), ek.handle(), ESYS_TR_PASSWORD,
                                          session.handle(), ESYS_TR_NONE, &id, &seed, &raw);
  if (is_for_another(tpm_, rc)) {
    return fail_tpm(Fault::kForeign, "the credential is for another TPM or another key", rc);
  }
  PAWL_CHECK(check(rc, "TPM2_ActivateCredential"));
  const EsysOut<TPM2B_DIGEST> secret(raw);
  auto out = SecretBytes::copy_of(view_of(*secret));
  OPENSSL_cleanse(raw, sizeof(*raw));
  return out;
}

}  // namespace pawl::tpm
