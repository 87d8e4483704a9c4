#pragma once
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "hsm/key_facts.hpp"

namespace pawl::hsm {

/// Lifts a token's key to `attested` when the vendor's certificates say that it was generated in
/// this device and may not leave it. YubiHSM's attestation, verified offline. FORMAT 10.9.
///
/// @param facts  as the token answered; its serial must be the certificate's
/// @param key  the key's public half
/// @param chain_pem  the attestation certificate, then its issuers in order; at most 64 KiB
/// @param roots_pem  the vendor's roots that are trusted; never taken from the chain
/// @return the facts with `attested` set; kMalformed, kTooLarge, kBadSignature when no root leads
///   here, or kHsm when the certificate speaks of another key or device, an import, or an export.
/// Source: docs.yubico.com, YubiHSM 2 User Guide, Attestation.
[[nodiscard]] Result<KeyFacts> check_attestation(KeyFacts facts, const Ed25519PublicKey& key,
                                                 ByteView chain_pem, ByteView roots_pem);

}  // namespace pawl::hsm
