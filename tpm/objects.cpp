#include "tpm/objects.hpp"

#include <openssl/crypto.h>
#include <tss2/tss2_mu.h>

#include "tpm/esys.hpp"

namespace pawl::tpm {
namespace {

// TCG template for a storage root key: restricted decryption, no dictionary-attack protection (an
// unclean shutdown must not count as a failed try).
constexpr TPMA_OBJECT kSrkAttributes =
    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
// No userWithAuth: the policy is the only way in.
constexpr TPMA_OBJECT kSealedAttributes =
    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA;

TPM2B_PUBLIC srk_template() {
  TPM2B_PUBLIC out{};
  auto& area = out.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = kSrkAttributes;
  auto& ecc = area.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_AES;
  ecc.symmetric.keyBits.aes = 128;
  ecc.symmetric.mode.aes = TPM2_ALG_CFB;
  ecc.scheme.scheme = TPM2_ALG_NULL;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  return out;
}

Status check_srk(Context& tpm, EsysHandle srk) {
  TPM2B_PUBLIC* raw = nullptr;
  PAWL_CHECK(check(Esys_ReadPublic(tpm.esys(), srk, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &raw,
                                   nullptr, nullptr),
                   "TPM2_ReadPublic"));
  const EsysOut<TPM2B_PUBLIC> area(raw);
  const auto& found = area->publicArea;
  if (found.type == TPM2_ALG_ECC && found.nameAlg == TPM2_ALG_SHA256 &&
      found.objectAttributes == kSrkAttributes &&
      found.parameters.eccDetail.curveID == TPM2_ECC_NIST_P256) {
    return Ok{};
  }
  return fail_tpm(Fault::kTampered,
                  "the key at 0x81000001 is not a storage root key of the "
                  "TCG template (ECC P-256, noDA)")
      .with_hint("remove it with tpm2_evictcontrol when nothing else uses it");
}

Result<EsysHandle> create_srk(Context& tpm) {
  const auto area = srk_template();
  const TPM2B_SENSITIVE_CREATE sensitive{};
  const TPML_PCR_SELECTION none{};
  ESYS_TR transient = ESYS_TR_NONE;
  PAWL_CHECK(check(repeating([&] {
                     return Esys_CreatePrimary(tpm.esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
                                               ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &area,
                                               nullptr, &none, &transient, nullptr, nullptr,
                                               nullptr, nullptr);
                   }),
                   "TPM2_CreatePrimary"));
  const Loaded key(tpm.esys(), transient);
  ESYS_TR kept = ESYS_TR_NONE;
  PAWL_CHECK(check(Esys_EvictControl(tpm.esys(), ESYS_TR_RH_OWNER, key.handle(), ESYS_TR_PASSWORD,
                                     ESYS_TR_NONE, ESYS_TR_NONE, kSrkHandle, &kept),
                   "TPM2_EvictControl"));
  return kept;
}

}  // namespace

Result<EsysHandle> find_srk(Context& tpm, const Name& pinned) {
  PAWL_TRY(const auto srk, attach(tpm, kSrkHandle));
  if (!srk) {
    return fail_tpm(Fault::kCleared, "the storage root key is gone: cleared TPM or other board")
        .with_hint("recover with the recovery wrap, or provision again");
  }
  PAWL_TRY(const auto name, name_of(tpm, *srk));
  if (name != pinned) {
    return fail_tpm(Fault::kForeign,
                    "the storage root key is not the one this device was "
                    "provisioned with: other TPM, or someone on its bus");
  }
  return *srk;
}

Result<KeyBlob> create_object(Context& tpm, EsysHandle srk, const TPM2B_PUBLIC& area,
                              ByteView secret) {
  TPM2B_SENSITIVE_CREATE sensitive{};
  sensitive.sensitive.data = to_2b<TPM2B_SENSITIVE_DATA>(secret);
  const TPML_PCR_SELECTION none{};
  PAWL_TRY(const auto session, start_session(tpm, srk, SessionKind::kHmac));
  PAWL_CHECK(set_encryption(tpm, session, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT));
  TPM2B_PRIVATE* raw_private = nullptr;
  TPM2B_PUBLIC* raw_public = nullptr;
  const auto rc = repeating([&] {
    return Esys_Create(tpm.esys(), srk, session.handle(), ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                       &area, nullptr, &none, &raw_private, &raw_public, nullptr, nullptr, nullptr);
  });
  OPENSSL_cleanse(&sensitive, sizeof(sensitive));
  PAWL_CHECK(check(rc, "TPM2_Create"));
  const EsysOut<TPM2B_PRIVATE> made_private(raw_private);
  const EsysOut<TPM2B_PUBLIC> made_public(raw_public);
  KeyBlob out;
  const auto bytes = view_of(*made_private);
  out.private_area.assign(bytes.begin(), bytes.end());
  out.public_area.resize(kMaxBlob);
  std::size_t size = 0;
  PAWL_CHECK(check(Tss2_MU_TPMT_PUBLIC_Marshal(&made_public->publicArea, out.public_area.data(),
                                               out.public_area.size(), &size),
                   "marshalling a public area"));
  out.public_area.resize(size);
  return out;
}

Result<EsysHandle> ensure_srk(Context& tpm) {
  PAWL_TRY(const auto found, attach(tpm, kSrkHandle));
  if (!found) return create_srk(tpm);
  PAWL_CHECK(check_srk(tpm, *found));
  return *found;
}

Result<KeyBlob> seal_under(Context& tpm, EsysHandle srk, const PolicyDigest& policy,
                           const SecretBytes& secret) {
  if (secret.size() == 0 || secret.size() > kMaxSecret) {
    return fail(Errc::kInternal, "sealed secrets have 1 to 128 bytes");
  }
  TPM2B_PUBLIC area{};
  area.publicArea.type = TPM2_ALG_KEYEDHASH;
  area.publicArea.nameAlg = TPM2_ALG_SHA256;
  area.publicArea.objectAttributes = kSealedAttributes;
  area.publicArea.authPolicy = to_2b<TPM2B_DIGEST>(policy.span());
  area.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
  return create_object(tpm, srk, area, secret.span());
}

Result<Loaded> load_object(Context& tpm, EsysHandle srk, const KeyBlob& blob) {
  if (blob.private_area.size() > kMaxBlob || blob.public_area.size() > kMaxBlob) {
    return fail(Errc::kTooLarge, "TPM object over 1 KiB");
  }
  const auto private_area = to_2b<TPM2B_PRIVATE>(blob.private_area);
  TPM2B_PUBLIC area{};
  std::size_t used = 0;
  if (Tss2_MU_TPMT_PUBLIC_Unmarshal(blob.public_area.data(), blob.public_area.size(), &used,
                                    &area.publicArea) != TSS2_RC_SUCCESS ||
      used != blob.public_area.size()) {
    return fail(Errc::kMalformed, "public area of a TPM object");
  }
  ESYS_TR handle = ESYS_TR_NONE;
  const auto rc = repeating([&] {
    return Esys_Load(tpm.esys(), srk, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &private_area,
                     &area, &handle);
  });
  if (base_code(rc) == TPM2_RC_INTEGRITY) {
    return fail_tpm(Fault::kForeign, "the sealed object was not made by this TPM, or is damaged",
                    rc);
  }
  PAWL_CHECK(check(rc, "TPM2_Load"));
  return Loaded(tpm.esys(), handle);
}

Result<SecretBytes> unseal_with(Context& tpm, const Loaded& object, const Loaded& session) {
  PAWL_CHECK(set_encryption(tpm, session, TPMA_SESSION_ENCRYPT));
  TPM2B_SENSITIVE_DATA* raw = nullptr;
  const auto rc =
      Esys_Unseal(tpm.esys(), object.handle(), session.handle(), ESYS_TR_NONE, ESYS_TR_NONE, &raw);
  PAWL_CHECK(set_encryption(tpm, session, 0));
  PAWL_CHECK(check(rc, "TPM2_Unseal"));
  const EsysOut<TPM2B_SENSITIVE_DATA> data(raw);
  auto out = SecretBytes::copy_of(view_of(*data));
  OPENSSL_cleanse(raw, sizeof(*raw));
  return out;
}

}  // namespace pawl::tpm
