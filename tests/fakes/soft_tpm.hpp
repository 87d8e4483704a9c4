#pragma once
#include <array>
#include <optional>
#include <string>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "tests/fakes/ek_authority.hpp"
#include "tests/fakes/soft_attester.hpp"
#include "tpm/endorsement.hpp"
#include "tpm/quote.hpp"

namespace pawl::fakes {

/// A TPM's two keys in software, with TPM2_ActivateCredential and TPM2_Quote: what a device sends
/// and answers, without an emulator. `ak` can be told to be what a real TPM would not make.
class SoftTpm {
 public:
  static constexpr std::uint32_t kEkAttributes = 0x000300b2;
  static constexpr std::uint32_t kAkAttributes = 0x00050072;

  SoftTpm() : ek_(rsa_key()) {}

  std::uint32_t ak_attributes = kAkAttributes;
  SoftAttester ak;

  [[nodiscard]] EVP_PKEY* ek() const { return ek_.get(); }
  [[nodiscard]] Bytes ak_public() const { return ak.public_area(ak_attributes); }
  /// TPMT_PUBLIC of template L-1.
  [[nodiscard]] Bytes ek_public(std::uint32_t attributes = kEkAttributes) const {
    Writer w;
    w.u16_be(0x0001);
    w.u16_be(0x000b);
    w.u32_be(attributes);
    w.u16_be(32);
    w.bytes(Bytes(32, 0x83));
    for (const std::uint16_t v : std::array<std::uint16_t, 5>{0x0006, 128, 0x0043, 0x0010, 2048})
      w.u16_be(v);
    w.u32_be(0);
    w.u16_be(256);
    w.bytes(modulus());
    return std::move(w).take();
  }
  [[nodiscard]] Sha256Digest fingerprint() const {
    std::uint8_t* der = nullptr;
    const int size = i2d_PUBKEY(ek_.get(), &der);
    const auto digest = sha256({der, static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    return digest;
  }
  [[nodiscard]] tpm::Name ak_name() const {
    tpm::Name out;
    const auto digest = sha256(ak_public());
    out.bytes[1] = 0x0b;
    std::copy(digest.bytes.begin(), digest.bytes.end(), out.bytes.begin() + 2);
    return out;
  }

  /// The secret, or nothing when it was made for another TPM or another key.
  [[nodiscard]] std::optional<Bytes> activate(const tpm::Credential& credential) const {
    const auto seed = open_seed(credential.encrypted_secret);
    if (!seed || credential.id_object.size() < 34) return std::nullopt;
    const ByteView blob(credential.id_object);
    const auto identity = blob.subspan(34);
    Writer covered;
    covered.bytes(identity);
    covered.bytes(ak_name().span());
    const auto mac = hmac(kdfa(*seed, "INTEGRITY", {}, 256), covered.view());
    if (!std::equal(mac.begin(), mac.end(), blob.begin() + 2)) return std::nullopt;
    auto plain = aes_cfb(kdfa(*seed, "STORAGE", ak_name().span(), 128), identity);
    plain.erase(plain.begin(), plain.begin() + 2);
    return plain;
  }
  [[nodiscard]] tpm::QuoteEvidence quote(const Sha256Digest& extra_data, tpm::PcrSet set) const {
    tpm::QuoteEvidence out;
    SoftAttester::Fields fields;
    fields.extra_data = extra_data;
    fields.selection = set;
    fields.pcr_digest = tpm::pcr_composite(set, out.pcrs);
    out.attest = SoftAttester::attest(fields);
    out.signature = ak.sign(out.attest);
    return out;
  }

 private:
  [[nodiscard]] Bytes modulus() const {
    BIGNUM* n = nullptr;
    EVP_PKEY_get_bn_param(ek_.get(), "n", &n);
    Bytes out(256);
    BN_bn2binpad(n, out.data(), 256);
    BN_free(n);
    return out;
  }
  [[nodiscard]] std::optional<Bytes> open_seed(const Bytes& encrypted) const {
    const Handle<EVP_PKEY_CTX, &EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(ek_.get(), nullptr));
    const std::string label("IDENTITY\0", 9);
    EVP_PKEY_decrypt_init(context.get());
    EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING);
    EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha256());
    EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), OPENSSL_memdup(label.data(), 9), 9);
    Bytes out(256);
    std::size_t size = out.size();
    if (EVP_PKEY_decrypt(context.get(), out.data(), &size, encrypted.data(), encrypted.size()) != 1)
      return std::nullopt;
    out.resize(size);
    return out;
  }
  static Bytes hmac(ByteView key, ByteView message) {
    Bytes out(32);
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
         out.data(), nullptr);
    return out;
  }
  static Bytes kdfa(ByteView key, const std::string& label, ByteView context, std::uint32_t bits) {
    Writer w;
    w.u32_be(1);
    w.bytes(as_bytes(label));
    w.u8(0);
    w.bytes(context);
    w.u32_be(bits);
    auto out = hmac(key, w.view());
    out.resize(bits / 8);
    return out;
  }
  static Bytes aes_cfb(const Bytes& key, ByteView cipher) {
    const std::array<std::uint8_t, 16> iv{};
    const Handle<EVP_CIPHER_CTX, &EVP_CIPHER_CTX_free> context(EVP_CIPHER_CTX_new());
    Bytes out(cipher.size());
    int size = 0;
    EVP_DecryptInit_ex(context.get(), EVP_aes_128_cfb128(), nullptr, key.data(), iv.data());
    EVP_DecryptUpdate(context.get(), out.data(), &size, cipher.data(),
                      static_cast<int>(cipher.size()));
    return out;
  }
  TestKey ek_;
};

/// One TPM for all tests that only need some TPM: RSA keys take long to make.
inline SoftTpm& some_tpm() {
  static SoftTpm tpm;
  return tpm;
}
inline SoftTpm& another_tpm() {
  static SoftTpm tpm;
  return tpm;
}
/// A maker of TPMs and what it signs.
inline EVP_PKEY* maker_key() {
  static const TestKey key = rsa_key();
  return key.get();
}
inline Bytes maker_root() {
  return certificate({"maker", "maker", maker_key(), maker_key(), true, ""});
}
inline Bytes maker_certificate(const SoftTpm& tpm, const std::string& usage = "2.23.133.8.1") {
  return certificate({"ek", "maker", tpm.ek(), maker_key(), false, usage});
}

}  // namespace pawl::fakes
