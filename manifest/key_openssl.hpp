#pragma once
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace pawl::manifest {

/// The two schemes beside Ed25519 that public TUF repositories use. Interop profile only.
enum class OpensslScheme : std::uint8_t { kEcdsaP256Sha256, kRsaPssSha256 };

/// @param pem SubjectPublicKeyInfo in PEM. False when anything at all is wrong.
[[nodiscard]] bool openssl_verify(OpensslScheme scheme, std::string_view pem, ByteView message,
                                  ByteView signature);
/// Hex of the DER SubjectPublicKeyInfo, or the text itself when it is not a PEM key.
[[nodiscard]] std::string openssl_spki(std::string_view pem);

}  // namespace pawl::manifest
