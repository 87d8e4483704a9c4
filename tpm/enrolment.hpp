#pragma once
#include "base/bytes.hpp"
#include "base/strong.hpp"
#include "tpm/pcr.hpp"
#include "tpm/policy.hpp"

/// What both ends of an enrolment compute: how one TPM vouches for one SVID key (FORMAT 13.3).
namespace pawl::tpm {

/// Drawn by the issuer for one enrolment; also its nonce.
using EnrolmentSession = FixedBytes<struct EnrolmentSessionTag, 32>;

struct EnrolmentFacts {
  EnrolmentSession session;
  Sha256Digest ek;        // EndorsementKey::fingerprint
  Name ak;                // of the attestation key
  Sha256Digest svid_key;  // of its DER SubjectPublicKeyInfo
};

/// The extra data of the quote that binds the SVID key to the TPM.
[[nodiscard]] Sha256Digest enrolment_challenge(const EnrolmentFacts& facts);
/// The message that the SVID key itself signs (ECDSA with SHA-256): proof that the device has it.
[[nodiscard]] Bytes possession_message(const Sha256Digest& challenge);
/// The PCRs of that quote: every one that a boot profile binds. Reported, not judged.
[[nodiscard]] PcrSet enrolment_pcrs();

}  // namespace pawl::tpm
