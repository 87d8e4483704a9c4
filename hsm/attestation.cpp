#include "hsm/attestation.hpp"

#include <charconv>
#include <optional>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/handle.hpp"
#include "base/reader.hpp"

namespace pawl::hsm {
namespace {

using CertificatePtr = Handle<X509, &X509_free>;
using BioPtr = Handle<BIO, &BIO_free>;
using ObjectPtr = Handle<ASN1_OBJECT, &ASN1_OBJECT_free>;
using Chain = std::vector<CertificatePtr>;

constexpr std::size_t kMaxPem = 65536;
constexpr std::size_t kMaxCertificates = 8;
constexpr int kLeastSecurityBits = 112;
constexpr const char* kSerialNumber = "1.3.6.1.4.1.41482.4.2";
constexpr const char* kOrigin = "1.3.6.1.4.1.41482.4.3";
constexpr const char* kCapabilities = "1.3.6.1.4.1.41482.4.5";
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;
constexpr std::uint64_t kGenerated = 1;
constexpr std::uint64_t kExportableUnderWrap = std::uint64_t{1} << 16U;

Result<Chain> read_pem(ByteView pem) {
  if (pem.size() > kMaxPem) return fail(Errc::kTooLarge, "certificates over 64 KiB");
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return fail(Errc::kInternal, "out of memory");
  Chain out;
  for (;;) {
    CertificatePtr one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    if (out.size() == kMaxCertificates) return fail(Errc::kTooLarge, "over 8 certificates");
    out.push_back(std::move(one));
  }
  const auto reason = ERR_GET_REASON(ERR_peek_last_error());
  ERR_clear_error();
  if (reason != PEM_R_NO_START_LINE || out.empty()) {
    return fail(Errc::kMalformed, "not a list of PEM certificates");
  }
  return out;
}

/// The DER value inside an extension; empty when the certificate has no such extension.
Result<std::optional<ByteView>> extension(const X509& certificate, const char* oid) {
  const ObjectPtr object(OBJ_txt2obj(oid, 1));
  if (!object) return fail(Errc::kInternal, "out of memory");
  const int at = X509_get_ext_by_OBJ(&certificate, object.get(), -1);
  if (at < 0) return std::optional<ByteView>();
  if (X509_get_ext_by_OBJ(&certificate, object.get(), at) >= 0) {
    return fail(Errc::kMalformed, "attestation extension twice");
  }
  const ASN1_OCTET_STRING* data = X509_EXTENSION_get_data(X509_get_ext(&certificate, at));
  return std::optional(
      ByteView(ASN1_STRING_get0_data(data), static_cast<std::size_t>(ASN1_STRING_length(data))));
}

/// An INTEGER or BIT STRING of at most 8 bytes as a number.
Result<std::uint64_t> number(const X509& certificate, const char* oid, std::uint8_t tag) {
  PAWL_TRY(const auto value, extension(certificate, oid));
  if (!value)
    return fail(Errc::kHsm, "not a YubiHSM attestation: no extension " + std::string(oid));
  Reader in(*value);
  PAWL_TRY(const auto found, in.u8());
  PAWL_TRY(const auto length, in.u8());
  if (found != tag || length != in.left() || length < 1) {
    return fail(Errc::kMalformed, "attestation extension " + std::string(oid) + " is malformed");
  }
  PAWL_TRY(const auto first, in.u8());
  if (first != 0 && tag == kBitString) return fail(Errc::kMalformed, "unused bits in attestation");
  if (in.left() > 8) return fail(Errc::kTooLarge, "attestation number over 64 bits");
  std::uint64_t out = first;
  while (!in.empty()) {
    PAWL_TRY(const auto byte, in.u8());
    out = (out << 8U) | byte;
  }
  return out;
}

bool issued(X509& issuer, X509& subject) {
  int security = 0;
  if (X509_get_signature_info(&subject, nullptr, nullptr, &security, nullptr) != 1) return false;
  EVP_PKEY* key = X509_get0_pubkey(&issuer);
  const bool good =
      security >= kLeastSecurityBits && key != nullptr &&
      X509_NAME_cmp(X509_get_subject_name(&issuer), X509_get_issuer_name(&subject)) == 0 &&
      X509_verify(&subject, key) == 1;
  ERR_clear_error();
  return good;
}

/// Each certificate by the next, the last by a root. An attested key may attest nothing itself:
/// whoever may use it could otherwise vouch for any other key.
Status check_chain(const Chain& chain, const Chain& roots) {
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    PAWL_TRY(const auto origin, extension(*chain[i + 1], kOrigin));
    if (origin) return fail(Errc::kBadSignature, "an attested key signed this attestation");
    if (!issued(*chain[i + 1], *chain[i])) {
      return fail(Errc::kBadSignature,
                  "attestation certificate " + std::to_string(i) + " is not signed by the next");
    }
  }
  for (const auto& root : roots) {
    if (issued(*root, *chain.back())) return Ok{};
  }
  return fail(Errc::kBadSignature, "no trusted root signed this attestation");
}

Status check_key(X509& leaf, const Ed25519PublicKey& key) {
  EVP_PKEY* attested = X509_get0_pubkey(&leaf);
  Ed25519PublicKey found;
  std::size_t size = found.bytes.size();
  const bool same = attested != nullptr && EVP_PKEY_get_id(attested) == EVP_PKEY_ED25519 &&
                    EVP_PKEY_get_raw_public_key(attested, found.bytes.data(), &size) == 1 &&
                    found == key;
  ERR_clear_error();
  return same ? Status(Ok{}) : Status(fail(Errc::kHsm, "the attestation is of another key"));
}

Status check_origin(const X509& leaf) {
  PAWL_TRY(const auto origin, number(leaf, kOrigin, kBitString));
  if (origin != kGenerated) {
    return fail(Errc::kHsm, "the attested key was not generated in the device");
  }
  PAWL_TRY(const auto capabilities, number(leaf, kCapabilities, kBitString));
  if ((capabilities & kExportableUnderWrap) != 0) {
    return fail(Errc::kHsm, "the attested key may be exported under wrap");
  }
  return Ok{};
}

Status check_serial(const X509& leaf, const KeyFacts& facts) {
  PAWL_TRY(const auto attested, number(leaf, kSerialNumber, kInteger));
  std::uint64_t serial = 0;
  const auto* end = facts.token_serial.data() + facts.token_serial.size();
  const auto [stop, error] = std::from_chars(facts.token_serial.data(), end, serial);
  if (error == std::errc{} && stop == end && serial == attested) return Ok{};
  return fail(Errc::kHsm, "the attestation is of device " + std::to_string(attested) +
                              ", the key is on " + printable(facts.token_serial));
}

}  // namespace

Result<KeyFacts> check_attestation(KeyFacts facts, const Ed25519PublicKey& key, ByteView chain_pem,
                                   ByteView roots_pem) {
  ERR_clear_error();
  PAWL_TRY(const auto chain, read_pem(chain_pem));
  PAWL_TRY(const auto roots, read_pem(roots_pem));
  PAWL_CHECK(check_chain(chain, roots));
  PAWL_CHECK(check_key(*chain.front(), key));
  PAWL_CHECK(check_origin(*chain.front()));
  PAWL_CHECK(check_serial(*chain.front(), facts));
  facts.attested = true;
  return facts;
}

}  // namespace pawl::hsm
