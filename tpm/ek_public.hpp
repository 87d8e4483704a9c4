#pragma once
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tpm/endorsement.hpp"

namespace pawl::tpm {

/// The public area of an endorsement key as somebody sent it. It proves nothing: anybody can make
/// up such a key, so it becomes an EndorsementKey only when somebody trusted has named it.
class PresentedEk {
 public:
  /// @param public_area  marshalled TPMT_PUBLIC, without a size in front
  /// @return kMalformed for bytes that are none; kTooLarge over 1 KiB; kPeer when it is not of the
  ///         TCG's template L-1: RSA-2048, restricted decryption, AES-128-CFB, made in and bound to
  ///         one TPM. FORMAT 6.7.4.
  static Result<PresentedEk> parse(ByteView public_area);
  /// SHA-256 of the SubjectPublicKeyInfo, as EndorsementKey::fingerprint of its certificate.
  [[nodiscard]] const Sha256Digest& fingerprint() const { return fingerprint_; }
  /// The key itself, when it is the one that `known` names: a line of the operator's list.
  /// @return kPeer for another key.
  [[nodiscard]] Result<EndorsementKey> vouched_by(const Sha256Digest& known) const;

 private:
  PresentedEk(Pkey key, Sha256Digest fingerprint)
      : key_(std::move(key)), fingerprint_(fingerprint) {}
  Pkey key_;
  Sha256Digest fingerprint_;
};

}  // namespace pawl::tpm
