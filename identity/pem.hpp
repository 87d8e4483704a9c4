#pragma once
#include <string>

#include "base/bytes.hpp"
#include "identity/openssl.hpp"

/// Texts of certificates and keys, as they lie in files (FORMAT 9.5).
namespace pawl::identity {

[[nodiscard]] std::string certificate_pem(X509& certificate);
/// PKCS#8 without a passphrase. The caller wipes it.
[[nodiscard]] Bytes private_key_pem(EVP_PKEY& key);
/// DER SubjectPublicKeyInfo.
[[nodiscard]] Bytes public_key_der(EVP_PKEY& key);

}  // namespace pawl::identity
