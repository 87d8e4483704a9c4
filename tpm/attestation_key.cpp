#include "tpm/attestation_key.hpp"

#include <string>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/handle.hpp"
#include "base/reader.hpp"

namespace pawl::tpm {
namespace {

constexpr std::uint16_t kEcc = 0x0023;
constexpr std::uint16_t kSha256 = 0x000b;
constexpr std::uint16_t kEcdsa = 0x0018;
constexpr std::uint16_t kNull = 0x0010;
constexpr std::uint16_t kP256 = 0x0003;

struct Attribute {
  std::uint32_t bit;
  bool wanted;
  const char* name;
};
// TPMA_OBJECT bits without which a TPM's signature proves nothing about its state.
constexpr std::array kAttributes{
    Attribute{1U << 1U, true, "fixedTPM"},
    Attribute{1U << 4U, true, "fixedParent"},
    Attribute{1U << 5U, true, "sensitiveDataOrigin"},
    Attribute{1U << 16U, true, "restricted"},
    Attribute{1U << 17U, false, "decrypt"},
    Attribute{1U << 18U, true, "sign"},
};

using ParamBuilder = Handle<OSSL_PARAM_BLD, &OSSL_PARAM_BLD_free>;
using Params = Handle<OSSL_PARAM, &OSSL_PARAM_free>;
using PkeyContext = Handle<EVP_PKEY_CTX, &EVP_PKEY_CTX_free>;

Status check_attributes(std::uint32_t attributes) {
  for (const auto& a : kAttributes) {
    if (((attributes & a.bit) != 0) != a.wanted) {
      return fail(Errc::kPeer, std::string("attestation key: ") + a.name + " is " +
                                   (a.wanted ? "not set" : "set"));
    }
  }
  return Ok{};
}

Status expect(Result<std::uint16_t> value, std::uint16_t wanted, const char* what) {
  if (!value) return std::move(value).error();
  if (*value == wanted) return Ok{};
  return fail(Errc::kPeer, std::string("attestation key has an unsupported ") + what);
}

Result<ByteView> coordinate(Reader& r) {
  PAWL_TRY(const auto size, r.u16_be());
  if (size != 32) return fail(Errc::kMalformed, "P-256 coordinate of a wrong size");
  return r.take(size);
}

/// OpenSSL checks that the point lies on the curve.
Result<Pkey> p256_key(ByteView x, ByteView y) {
  Writer point;
  point.u8(4);
  point.bytes(x);
  point.bytes(y);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  PAWL_ASSERT(builder != nullptr);
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.view().data(),
                                   point.view().size());
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return fail(Errc::kMalformed, "attestation key is not a point of P-256");
  }
  return Pkey(key);
}

}  // namespace

void PkeyFree::operator()(evp_pkey_st* key) const noexcept {
  EVP_PKEY_free(key);
}

Result<AttestationKey> AttestationKey::parse(ByteView public_area) {
  if (public_area.size() > kMaxPublicArea) return fail(Errc::kTooLarge, "public area over 1 KiB");
  Reader r(public_area);
  PAWL_CHECK(expect(r.u16_be(), kEcc, "type"));
  PAWL_CHECK(expect(r.u16_be(), kSha256, "name algorithm"));
  PAWL_TRY(const auto attributes, r.u32_be());
  PAWL_CHECK(check_attributes(attributes));
  PAWL_TRY(const auto policy_size, r.u16_be());
  PAWL_CHECK(r.take(policy_size));
  PAWL_CHECK(expect(r.u16_be(), kNull, "symmetric algorithm"));
  PAWL_CHECK(expect(r.u16_be(), kEcdsa, "signature scheme"));
  PAWL_CHECK(expect(r.u16_be(), kSha256, "signature digest"));
  PAWL_CHECK(expect(r.u16_be(), kP256, "curve"));
  PAWL_CHECK(expect(r.u16_be(), kNull, "key derivation"));
  PAWL_TRY(const auto x, coordinate(r));
  PAWL_TRY(const auto y, coordinate(r));
  if (!r.empty()) return fail(Errc::kMalformed, "bytes after the public area");
  PAWL_TRY(auto key, p256_key(x, y));
  PAWL_TRY(const auto name, object_name(public_area));
  return AttestationKey(name, std::move(key));
}

}  // namespace pawl::tpm
