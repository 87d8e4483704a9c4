#include "tpm/ek_public.hpp"

#include <array>
#include <string>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "base/digest.hpp"
#include "base/handle.hpp"
#include "base/reader.hpp"

namespace pawl::tpm {
namespace {

constexpr std::uint16_t kRsa = 0x0001;
constexpr std::uint16_t kSha256 = 0x000b;
constexpr std::uint16_t kAes = 0x0006;
constexpr std::uint16_t kCfb = 0x0043;
constexpr std::uint16_t kNull = 0x0010;
constexpr std::uint32_t kDefaultExponent = 65537;  // stands as 0 in a public area

struct Attribute {
  std::uint32_t bit;
  bool wanted;
  const char* name;
};
// TPMA_OBJECT bits of a key that decrypts only what ActivateCredential and Import hand to it.
constexpr std::array kAttributes{
    Attribute{1U << 1U, true, "fixedTPM"},
    Attribute{1U << 4U, true, "fixedParent"},
    Attribute{1U << 5U, true, "sensitiveDataOrigin"},
    Attribute{1U << 16U, true, "restricted"},
    Attribute{1U << 17U, true, "decrypt"},
    Attribute{1U << 18U, false, "sign"},
};

using ParamBuilder = Handle<OSSL_PARAM_BLD, &OSSL_PARAM_BLD_free>;
using Params = Handle<OSSL_PARAM, &OSSL_PARAM_free>;
using PkeyContext = Handle<EVP_PKEY_CTX, &EVP_PKEY_CTX_free>;
using BigNumber = Handle<BIGNUM, &BN_free>;

Status check_attributes(std::uint32_t attributes) {
  for (const auto& a : kAttributes) {
    if (((attributes & a.bit) != 0) != a.wanted) {
      return fail(Errc::kPeer, std::string("endorsement key: ") + a.name + " is " +
                                   (a.wanted ? "not set" : "set"));
    }
  }
  return Ok{};
}

Status expect(Result<std::uint16_t> value, std::uint16_t wanted, const char* what) {
  if (!value) return std::move(value).error();
  if (*value == wanted) return Ok{};
  return fail(Errc::kPeer, std::string("endorsement key has an unsupported ") + what);
}

Result<Pkey> rsa_key(ByteView modulus) {
  const BigNumber n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  PAWL_ASSERT(n && builder);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_ulong(builder.get(), OSSL_PKEY_PARAM_RSA_E, kDefaultExponent);
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return fail(Errc::kMalformed, "endorsement key is not an RSA key");
  }
  Pkey out(key);
  if (EVP_PKEY_get_bits(out.get()) != 2048) {
    return fail(Errc::kMalformed, "endorsement key's modulus is shorter than 2048 bits");
  }
  return out;
}

Result<ByteView> parse_modulus(Reader& r) {
  PAWL_CHECK(expect(r.u16_be(), 2048, "size"));
  PAWL_TRY(const auto exponent, r.u32_be());
  if (exponent != 0 && exponent != kDefaultExponent) {
    return fail(Errc::kPeer, "endorsement key has an unsupported exponent");
  }
  PAWL_TRY(const auto size, r.u16_be());
  if (size != 256) return fail(Errc::kMalformed, "RSA-2048 modulus of a wrong size");
  return r.take(size);
}

Sha256Digest spki_digest(EVP_PKEY* key) {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  PAWL_ASSERT(size > 0);
  const auto digest = sha256({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return digest;
}

}  // namespace

Result<PresentedEk> PresentedEk::parse(ByteView public_area) {
  if (public_area.size() > kMaxPublicArea) return fail(Errc::kTooLarge, "public area over 1 KiB");
  Reader r(public_area);
  PAWL_CHECK(expect(r.u16_be(), kRsa, "type"));
  PAWL_CHECK(expect(r.u16_be(), kSha256, "name algorithm"));
  PAWL_TRY(const auto attributes, r.u32_be());
  PAWL_CHECK(check_attributes(attributes));
  PAWL_TRY(const auto policy_size, r.u16_be());
  PAWL_CHECK(r.take(policy_size));
  PAWL_CHECK(expect(r.u16_be(), kAes, "symmetric algorithm"));
  PAWL_CHECK(expect(r.u16_be(), 128, "symmetric key size"));
  PAWL_CHECK(expect(r.u16_be(), kCfb, "symmetric mode"));
  PAWL_CHECK(expect(r.u16_be(), kNull, "scheme"));
  PAWL_TRY(const auto modulus, parse_modulus(r));
  if (!r.empty()) return fail(Errc::kMalformed, "bytes after the public area");
  PAWL_TRY(auto key, rsa_key(modulus));
  const auto fingerprint = spki_digest(key.get());
  return PresentedEk(std::move(key), fingerprint);
}

Result<EndorsementKey> PresentedEk::vouched_by(const Sha256Digest& known) const {
  if (known != fingerprint_) return fail(Errc::kPeer, "endorsement key is not the one vouched for");
  EVP_PKEY_up_ref(key_.get());
  return EndorsementKey(Pkey(key_.get()), fingerprint_);
}

}  // namespace pawl::tpm
