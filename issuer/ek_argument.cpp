#include "issuer/ek_argument.hpp"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "identity/openssl.hpp"
#include "tpm/ek_public.hpp"

namespace pawl::issuer {
namespace {

using identity::BioPtr;
using identity::PrivateKeyPtr;
using identity::X509Ptr;

constexpr std::size_t kMaxFile = std::size_t{64} * 1024;
constexpr std::size_t kMaxMakers = 256;
constexpr std::string_view kPem = "-----BEGIN ";

int no_passphrase(char* /*out*/, int /*size*/, int /*writing*/, void* /*context*/) {
  return -1;
}

BioPtr memory_of(ByteView text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Result<Sha256Digest> fingerprint_of(EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_is_a(key, "RSA") != 1 || EVP_PKEY_get_bits(key) != 2048) {
    ERR_clear_error();
    return fail(Errc::kPeer, "endorsement key is not RSA-2048");
  }
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  PAWL_ASSERT(size > 0);
  const auto digest = sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return digest;
}

Result<Sha256Digest> of_pem(ByteView content) {
  const auto first = memory_of(content);
  const X509Ptr certificate(PEM_read_bio_X509(first.get(), nullptr, &no_passphrase, nullptr));
  ERR_clear_error();
  if (certificate) return fingerprint_of(X509_get0_pubkey(certificate.get()));
  const auto second = memory_of(content);
  const PrivateKeyPtr key(PEM_read_bio_PUBKEY(second.get(), nullptr, &no_passphrase, nullptr));
  ERR_clear_error();
  if (key) return fingerprint_of(key.get());
  return fail(Errc::kMalformed, "PEM text without a certificate or a public key");
}

X509Ptr der_certificate(ByteView content) {
  const auto* at = content.data();
  X509Ptr out(d2i_X509(nullptr, &at, static_cast<long>(content.size())));
  ERR_clear_error();
  return out;
}

std::optional<ByteView> sized_public(ByteView content) {
  Reader r(content);
  const auto size = r.u16_be();
  if (!size || *size != r.left()) return std::nullopt;
  return content.subspan(2);
}

Status add_pem_certificates(ByteView content, std::vector<Bytes>& out) {
  const auto bio = memory_of(content);
  const auto before = out.size();
  while (
      const X509Ptr certificate{PEM_read_bio_X509(bio.get(), nullptr, &no_passphrase, nullptr)}) {
    std::uint8_t* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    PAWL_ASSERT(size > 0);
    out.emplace_back(der, der + size);
    OPENSSL_free(der);
  }
  const auto why = ERR_peek_last_error();
  ERR_clear_error();
  if (out.size() > before && ERR_GET_REASON(why) == PEM_R_NO_START_LINE) return Ok{};
  return fail(Errc::kConfig, "not a PEM list of certificates");
}

Status add_certificates(ByteView content, std::vector<Bytes>& out) {
  if (as_text(content).find(kPem) != std::string_view::npos) {
    return add_pem_certificates(content, out);
  }
  if (!der_certificate(content)) return fail(Errc::kConfig, "not a DER certificate");
  out.emplace_back(content.begin(), content.end());
  return Ok{};
}

bool is_certificate_file(const std::string& name) {
  return name.ends_with(".pem") || name.ends_with(".der") || name.ends_with(".crt");
}

}  // namespace

Result<Sha256Digest> ek_fingerprint(ByteView content) {
  if (as_text(content).find(kPem) != std::string_view::npos) return of_pem(content);
  if (const auto area = sized_public(content)) {
    PAWL_TRY(const auto key, tpm::PresentedEk::parse(*area));
    return key.fingerprint();
  }
  const auto certificate = der_certificate(content);
  if (certificate) return fingerprint_of(X509_get0_pubkey(certificate.get()));
  return fail(Errc::kMalformed, "neither an EK certificate nor a TPM2B_PUBLIC nor a PEM key");
}

Result<Sha256Digest> resolve_ek(Disk& disk, const std::string& argument) {
  auto hash = fixed_from_hex<Sha256Digest>(argument);
  if (hash) return hash;
  PAWL_TRY(const auto content, read_file(disk, argument, kMaxFile));
  auto fingerprint = ek_fingerprint(content);
  if (fingerprint) return fingerprint;
  auto error = std::move(fingerprint).error();
  error.prefix(argument);
  return error;
}

Result<std::vector<Bytes>> load_makers(Disk& disk, const std::string& folder) {
  std::vector<Bytes> out;
  PAWL_TRY(const auto names, disk.list(folder));
  for (const auto& name : names) {
    if (!is_certificate_file(name)) continue;
    PAWL_TRY(const auto content, read_file(disk, folder + "/" + name, kMaxFile));
    if (auto added = add_certificates(content, out); !added) {
      auto error = std::move(added).error();
      error.prefix(folder + "/" + name);
      return error;
    }
  }
  if (out.empty()) return fail(Errc::kConfig, folder + ": no maker's certificate (*.pem, *.der)");
  if (out.size() > kMaxMakers) return fail(Errc::kTooLarge, folder + ": more than 256 makers");
  return out;
}

}  // namespace pawl::issuer
