#pragma once
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "tpm/context.hpp"
#include "tpm/endorsement.hpp"
#include "tpm/policy_cell.hpp"
#include "tpm/quote.hpp"

namespace pawl::tpm {

/// What a device needs to prove its state: an attestation key of its TPM and the maker's
/// certificate for the TPM itself.
class Attester {
 public:
  /// The Name to pin on a device that was not provisioned: makes the storage root key when there is
  /// none. @return kTpm (kTampered) when another kind of key lies at its handle.
  static Result<Name> prepare(Context& tpm);
  /// @param srk  Name of the storage root key, pinned at provisioning
  /// @return kTpm with kCleared or kForeign.
  static Result<Attester> attach(Context& tpm, const Name& srk);

  /// Creates a restricted signing key (ECDSA P-256) below the storage root key. Once, at
  /// provisioning; the blob is kept in a file.
  [[nodiscard]] Result<KeyBlob> create_key();
  /// TPMT_PUBLIC of the endorsement key (RSA-2048, template L-1).
  [[nodiscard]] Result<Bytes> endorsement_public();
  /// The maker's certificate from NV 0x01c00002 (RSA-2048). @return kTpm (kNotProvisioned) without.
  [[nodiscard]] Result<Bytes> endorsement_certificate();
  /// Signs the values of `set` together with `extra_data`.
  [[nodiscard]] Result<QuoteEvidence> quote(const KeyBlob& key, const Sha256Digest& extra_data,
                                            PcrSet set);
  /// Opens a credential made for this TPM and this key (TPM2_ActivateCredential).
  /// @return kTpm (kForeign) when it was made for another TPM or another key.
  [[nodiscard]] Result<SecretBytes> activate(const KeyBlob& key, const Credential& credential);

 private:
  Attester(Context& tpm, EsysHandle srk) : tpm_(tpm), srk_(srk) {}
  Context& tpm_;
  EsysHandle srk_;
};

}  // namespace pawl::tpm
