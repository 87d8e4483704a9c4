#pragma once
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/digest.hpp"
#include "base/handle.hpp"
#include "base/reader.hpp"
#include "tpm/pcr.hpp"

namespace pawl::fakes {

/// An attestation key in software: what a TPM's quote looks like, field by field.
class SoftAttester {
 public:
  SoftAttester() : key_(EVP_EC_gen("P-256")) {}

  /// TPMT_PUBLIC of a restricted signing key.
  [[nodiscard]] Bytes public_area(std::uint32_t attributes = 0x00050072) const {
    Bytes point(65);
    std::size_t size = 0;
    EVP_PKEY_get_octet_string_param(key_.get(), "pub", point.data(), point.size(), &size);
    Writer w;
    w.u16_be(0x0023);
    w.u16_be(0x000b);
    w.u32_be(attributes);
    for (const std::uint8_t v : std::array<std::uint8_t, 6>{0, 0x10, 0x18, 0x0b, 0x03, 0x10})
      w.u16_be(v);
    w.u16_be(32);
    w.bytes(ByteView(point).subspan(1, 32));
    w.u16_be(32);
    w.bytes(ByteView(point).subspan(33, 32));
    return std::move(w).take();
  }

  struct Fields {
    std::uint32_t magic = 0xff544347;
    std::uint16_t type = 0x8018;
    Sha256Digest extra_data;
    std::uint32_t banks = 1;
    std::uint16_t bank = 0x000b;
    tpm::PcrSet selection;
    Sha256Digest pcr_digest;
  };

  [[nodiscard]] static Bytes attest(const Fields& f) {
    Writer w;
    w.u32_be(f.magic);
    w.u16_be(f.type);
    w.u16_be(34);
    w.bytes(Bytes(34, 0xaa));
    w.u16_be(32);
    w.bytes(f.extra_data.span());
    w.u64_be(1000);
    w.u32_be(7);
    w.u32_be(2);
    w.u8(1);
    w.u64_be(0x20191023);
    w.u32_be(f.banks);
    w.u16_be(f.bank);
    w.u8(3);
    w.bytes(f.selection.select());
    w.u16_be(32);
    w.bytes(f.pcr_digest.span());
    return std::move(w).take();
  }

  /// TPMT_SIGNATURE, ECDSA with SHA-256.
  [[nodiscard]] Bytes sign(ByteView message) const {
    const Handle<EVP_MD_CTX, &EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    Bytes der(128);
    std::size_t size = der.size();
    EVP_DigestSign(context.get(), der.data(), &size, message.data(), message.size());
    const auto* p = der.data();
    const Handle<ECDSA_SIG, &ECDSA_SIG_free> sig(
        d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(size)));
    Bytes r(32);
    Bytes s(32);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig.get()), r.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig.get()), s.data(), 32);
    Writer w;
    w.u16_be(0x0018);
    w.u16_be(0x000b);
    w.u16_be(32);
    w.bytes(r);
    w.u16_be(32);
    w.bytes(s);
    return std::move(w).take();
  }

 private:
  Handle<EVP_PKEY, &EVP_PKEY_free> key_;
};

}  // namespace pawl::fakes
