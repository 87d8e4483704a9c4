#pragma once
#include <tss2/tss2_tpm2_types.h>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "tpm/context.hpp"
#include "tpm/policy.hpp"
#include "tpm/policy_cell.hpp"

/// Inside of the room: keys and sealed objects below the storage root key.
namespace pawl::tpm {

/// Creates the storage root key of the TCG template (ECC P-256, noDA) and keeps it at kSrkHandle.
/// A key that is there already is taken when it has the template's attributes.
/// @return its handle; its Name is to be pinned.
[[nodiscard]] Result<EsysHandle> ensure_srk(Context& tpm);

/// The storage root key, whose Name must be the pinned one: sessions are salted to it.
/// @return kTpm with kCleared or kForeign.
[[nodiscard]] Result<EsysHandle> find_srk(Context& tpm, const Name& pinned);

/// Creates an object below `srk` with its parameters encrypted; `secret` is empty for a key.
[[nodiscard]] Result<KeyBlob> create_object(Context& tpm, EsysHandle srk, const TPM2B_PUBLIC& area,
                                            ByteView secret);

/// A sealed object that only this policy opens: fixed to this TPM, noDA, no password.
[[nodiscard]] Result<KeyBlob> seal_under(Context& tpm, EsysHandle srk, const PolicyDigest& policy,
                                         const SecretBytes& secret);
/// @return kForeign when the blob was not made under this storage root key.
[[nodiscard]] Result<Loaded> load_object(Context& tpm, EsysHandle srk, const KeyBlob& blob);
/// Uses a satisfied policy session; the answer is encrypted.
[[nodiscard]] Result<SecretBytes> unseal_with(Context& tpm, const Loaded& object,
                                              const Loaded& session);

}  // namespace pawl::tpm
