#pragma once
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tpm/attestation_key.hpp"
#include "tpm/pcr.hpp"

namespace pawl::tpm {

inline constexpr std::size_t kMaxAttest = 1024;
inline constexpr std::size_t kMaxSignature = 256;

/// What a TPM stated about itself under a verified quote.
struct Quote {
  PcrSet selection;
  std::uint64_t clock_ms = 0;
  std::uint32_t reset_count = 0;    // another value than before: the device rebooted
  std::uint32_t restart_count = 0;  // ... or was resumed
  std::uint64_t firmware_version = 0;
};

/// A quote as it travels: marshalled TPMS_ATTEST and TPMT_SIGNATURE, and the PCRs it speaks of.
struct QuoteEvidence {
  Bytes attest;
  Bytes signature;
  PcrValues pcrs{};
};

/// Checks signature, kind, nonce, PCR selection and PCR digest of a quote.
///
/// @param extra_data  what the quote must carry: 32 bytes made from nonce and connection
/// @param needed      PCRs the selection must contain, SHA-256 bank, and no other bank
/// @return kTooLarge, kMalformed, kBadSignature; kHashMismatch for another nonce or other PCRs;
///         kPeer when the selection leaves out a needed PCR. FORMAT 6.7.2.
[[nodiscard]] Result<Quote> verify_quote(const AttestationKey& ak, const QuoteEvidence& evidence,
                                         const Sha256Digest& extra_data, PcrSet needed);

/// ECDSA P-256 with SHA-256 over `message` by an attestation key, as a TPMT_SIGNATURE.
/// @return kMalformed or kBadSignature.
[[nodiscard]] Status verify_signature(const AttestationKey& ak, ByteView message,
                                      ByteView signature);

}  // namespace pawl::tpm
