#pragma once
#include <array>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "tpm/attestation_key.hpp"
#include "tpm/policy.hpp"

namespace pawl::tpm {

inline constexpr std::size_t kMaxCertificate = 8192;  // bytes of DER
inline constexpr std::size_t kMaxChain = 8;           // intermediates offered

/// The endorsement key of a TPM, proven by its maker's certificate.
class EndorsementKey {
 public:
  /// Checks an EK certificate up to one of the roots the operator trusts.
  ///
  /// @param leaf           DER; trailing 00 or ff bytes, as NV storage leaves them, are ignored
  /// @param intermediates  DER, in any order, untrusted
  /// @param roots          DER, trusted makers
  /// @return kMalformed; kTooLarge; kExpired; kPeer when no chain leads to a root, the certificate
  ///         is not one for an EK (2.23.133.8.1), or the key is not RSA-2048. FORMAT 6.7.3.
  static Result<EndorsementKey> verify(ByteView leaf, std::span<const Bytes> intermediates,
                                       std::span<const Bytes> roots, UtcTime now);
  /// SHA-256 of the SubjectPublicKeyInfo: the device's name in the registry.
  [[nodiscard]] const Sha256Digest& fingerprint() const { return fingerprint_; }
  [[nodiscard]] evp_pkey_st* key() const { return key_.get(); }

 private:
  friend class PresentedEk;
  EndorsementKey(Pkey key, Sha256Digest fingerprint)
      : key_(std::move(key)), fingerprint_(fingerprint) {}
  Pkey key_;
  Sha256Digest fingerprint_;
};

/// A secret that only the TPM of one EK can open, and only for the key with one Name.
struct Credential {
  Bytes id_object;         // body of TPM2B_ID_OBJECT
  Bytes encrypted_secret;  // body of TPM2B_ENCRYPTED_SECRET
};

/// TPM2_MakeCredential in software, for an EK of template L-1 (RSA-2048, SHA-256, AES-128-CFB).
/// @param secret  1 to 32 bytes
/// @return kInternal on misuse or when OpenSSL fails.
/// Source: TPM 2.0 Part 1, section 24 and annex B.10.
[[nodiscard]] Result<Credential> make_credential(const EndorsementKey& ek, const Name& ak,
                                                 const SecretBytes& secret);

}  // namespace pawl::tpm
