#pragma once
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "tpm/provision.hpp"
#include "vault/epoch.hpp"

namespace pawl::sealing {

/// The authorization values of a TPM for the holder of the offline recovery key: a sealed box
/// (X25519, libsodium), FORMAT 8.5.
/// @return kConfig for a public key of small order
[[nodiscard]] Result<Bytes> wrap_recovery(const tpm::RecoverySecrets& secrets,
                                          const vault::RecoveryKey& recovery_key);
/// The holder's side. @return kVault when the wrap is for another key, kMalformed
[[nodiscard]] Result<tpm::RecoverySecrets> unwrap_recovery(ByteView wrap,
                                                           const vault::RecoveryKey& public_key,
                                                           const SecretBytes& private_key);

}  // namespace pawl::sealing
