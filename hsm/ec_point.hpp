#pragma once
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

namespace pawl::hsm {

/// The 32 bytes of an Ed25519 public key from CKA_EC_POINT in the three forms tokens use: raw 32
/// (PKCS#11 3.1), DER OCTET STRING 04 20 (SoftHSM, YubiHSM), DER BIT STRING 03 21 00; or from a
/// 44-byte SubjectPublicKeyInfo (CKA_PUBLIC_KEY_INFO). Nothing else. FORMAT 10.3.
///
/// The result is what the token says; trust comes from a signature that verifies under it.
/// @return kMalformed with the length
[[nodiscard]] Result<Ed25519PublicKey> parse_ec_point(ByteView value);

}  // namespace pawl::hsm
