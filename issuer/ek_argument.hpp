#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "base/disk.hpp"
#include "base/strong.hpp"

namespace pawl::issuer {

/// Reads an endorsement key in any form people have it in: an EK certificate (PEM or DER, also with
/// the padding of NV storage), a TPM2B_PUBLIC as tpm2-tools write it, or a PEM public key.
/// @return its fingerprint: SHA-256 of the SubjectPublicKeyInfo; kMalformed; kPeer for another kind
///         of key than an EK. The certificate's issuer is not checked: the operator vouches.
[[nodiscard]] Result<Sha256Digest> ek_fingerprint(ByteView content);

/// The argument of `ek add`: 64 hexadecimal digits or the path of a file.
[[nodiscard]] Result<Sha256Digest> resolve_ek(Disk& disk, const std::string& argument);

/// Every certificate in the files of a folder (*.pem with one or more, *.der, *.crt), as DER.
/// @return kConfig for a folder without any, or for a file that holds something else.
[[nodiscard]] Result<std::vector<Bytes>> load_makers(Disk& disk, const std::string& folder);

}  // namespace pawl::issuer
