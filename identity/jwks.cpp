#include "identity/jwks.hpp"

#include <algorithm>
#include <array>

#include <openssl/core_names.h>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "identity/svid_rules.hpp"

namespace pawl::identity {
namespace {

constexpr json::Limits kLimits{std::size_t{256} * 1024, 8, 8192};
constexpr std::size_t kMaxKeys = 256;
constexpr std::size_t kMaxDomains = 64;
constexpr std::size_t kMaxDer = std::size_t{16} * 1024;
constexpr std::int64_t kMaxRefreshHint = std::int64_t{10} * 365 * 86400;

using BignumPtr = Handle<BIGNUM, &BN_free>;

const std::string* text_member(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  return value == nullptr ? nullptr : value->string();
}

bool is_x509_entry(const json::Object& key) {
  static constexpr std::array<std::string_view, 3> kTypes{"EC", "RSA", "OKP"};
  const auto* use = text_member(key, "use");
  const auto* type = text_member(key, "kty");
  return use != nullptr && *use == "x509-svid" && type != nullptr &&
         std::find(kTypes.begin(), kTypes.end(), *type) != kTypes.end();
}

Status add_authority(const json::Value& entry, std::vector<X509Ptr>& out) {
  const auto* key = entry.object();
  if (key == nullptr) return fail(Errc::kMalformed, "a key of the bundle is not an object");
  if (!is_x509_entry(*key)) return Ok{};
  const auto* chain = key->find("x5c");
  if (chain == nullptr) return Ok{};
  if (chain->array() == nullptr) return fail(Errc::kMalformed, "x5c is not an array");
  if (chain->array()->empty()) return Ok{};
  const auto* first = chain->array()->front().string();
  if (first == nullptr) return fail(Errc::kMalformed, "x5c holds something that is no text");
  PAWL_TRY(const auto der, from_base64(*first, Base64::kStandard, kMaxDer));
  PAWL_TRY(auto certificate, parse_certificate(der));
  out.push_back(std::move(certificate));
  return Ok{};
}

Result<std::optional<std::int64_t>> count_member(const json::Object& object,
                                                 std::string_view name) {
  const auto* value = object.find(name);
  if (value == nullptr) return std::optional<std::int64_t>();
  if (value->integer() == nullptr || *value->integer() < 0) {
    return fail(Errc::kMalformed, std::string(name) + " is not an integer of 0 or more");
  }
  return std::optional(*value->integer());
}

Result<BundleInfo> parse_info(const json::Object& object) {
  PAWL_TRY(const auto sequence, count_member(object, "spiffe_sequence"));
  PAWL_TRY(const auto hint, count_member(object, "spiffe_refresh_hint"));
  BundleInfo info;
  if (sequence) info.sequence = static_cast<std::uint64_t>(*sequence);
  if (hint) info.refresh_hint = Seconds(std::min(*hint, kMaxRefreshHint));
  return info;
}

Result<TrustBundle> parse_object(TrustDomain domain, const json::Value& value) {
  const auto* object = value.object();
  if (object == nullptr) return fail(Errc::kMalformed, "a bundle is a JSON object");
  const auto* keys = object->find("keys");
  if (keys == nullptr || keys->array() == nullptr) {
    return fail(Errc::kMalformed, "a bundle without the array `keys`");
  }
  if (keys->array()->size() > kMaxKeys) {
    return fail(Errc::kTooLarge, "more than 256 keys in a bundle");
  }
  PAWL_TRY(const auto info, parse_info(*object));
  std::vector<X509Ptr> authorities;
  for (const auto& entry : *keys->array()) PAWL_CHECK(add_authority(entry, authorities));
  return TrustBundle::create(std::move(domain), std::move(authorities), info);
}

Result<std::vector<TrustBundle>> parse_map_object(const json::Value& domains) {
  if (domains.object() == nullptr) return fail(Errc::kMalformed, "trust_domains is not an object");
  if (domains.object()->size() > kMaxDomains) {
    return fail(Errc::kTooLarge, "more than 64 trust domains");
  }
  std::vector<TrustBundle> out;
  for (const auto& member : domains.object()->members()) {
    PAWL_TRY(auto domain, TrustDomain::parse(member.name));
    PAWL_TRY(auto bundle, parse_object(std::move(domain), member.value));
    out.push_back(std::move(bundle));
  }
  return out;
}

Result<std::string> number_of(EVP_PKEY& key, const char* name, std::size_t width) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(&key, name, &raw) != 1) {
    return fail(Errc::kMalformed, "unreadable public key");
  }
  const BignumPtr number(raw);
  Bytes bytes(std::max(width, static_cast<std::size_t>(BN_num_bytes(number.get()))));
  BN_bn2binpad(number.get(), bytes.data(), static_cast<int>(bytes.size()));
  return to_base64(bytes, Base64::kUrl);
}

Result<std::string> curve_of(EVP_PKEY& key) {
  std::array<char, 64> name{};
  if (EVP_PKEY_get_group_name(&key, name.data(), name.size(), nullptr) != 1) {
    return fail(Errc::kMalformed, "EC key without a named curve");
  }
  const std::string_view curve(name.data());
  if (curve == "prime256v1") return std::string("P-256");
  if (curve == "secp384r1") return std::string("P-384");
  if (curve == "secp521r1") return std::string("P-521");
  return fail(Errc::kMalformed, "no JWK name for the curve " + printable(curve));
}

Status set_key(json::Object& out, EVP_PKEY& key) {
  if (EVP_PKEY_is_a(&key, "RSA") == 1) {
    PAWL_TRY(auto modulus, number_of(key, OSSL_PKEY_PARAM_RSA_N, 0));
    PAWL_TRY(auto exponent, number_of(key, OSSL_PKEY_PARAM_RSA_E, 0));
    out.set("kty", "RSA");
    out.set("n", std::move(modulus));
    out.set("e", std::move(exponent));
    return Ok{};
  }
  if (EVP_PKEY_is_a(&key, "EC") != 1)
    return fail(Errc::kMalformed, "authority key is neither EC nor RSA");
  const auto width = static_cast<std::size_t>(EVP_PKEY_get_bits(&key) + 7) / 8;
  PAWL_TRY(auto curve, curve_of(key));
  PAWL_TRY(auto x, number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, width));
  PAWL_TRY(auto y, number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, width));
  out.set("kty", "EC");
  out.set("crv", std::move(curve));
  out.set("x", std::move(x));
  out.set("y", std::move(y));
  return Ok{};
}

Result<json::Object> bundle_object(const TrustBundle& bundle) {
  json::Array keys;
  for (const auto& authority : bundle.authorities()) {
    json::Object key;
    key.set("use", "x509-svid");
    auto* const public_key = X509_get0_pubkey(authority.get());
    if (public_key == nullptr) return fail(Errc::kMalformed, "unreadable public key");
    PAWL_CHECK(set_key(key, *public_key));
    key.set("x5c", json::Array{to_base64(certificate_der(*authority), Base64::kStandard)});
    keys.emplace_back(std::move(key));
  }
  json::Object out;
  out.set("keys", std::move(keys));
  const auto& info = bundle.info();
  if (info.sequence) out.set("spiffe_sequence", static_cast<std::int64_t>(*info.sequence));
  if (info.refresh_hint) out.set("spiffe_refresh_hint", std::int64_t{info.refresh_hint->count()});
  return out;
}

}  // namespace

Result<TrustBundle> parse_bundle(TrustDomain domain, std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, kLimits));
  return parse_object(std::move(domain), value);
}

Result<std::vector<TrustBundle>> parse_bundle_map(std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, kLimits));
  const auto* domains = value.object() == nullptr ? nullptr : value.object()->find("trust_domains");
  if (domains == nullptr) return fail(Errc::kMalformed, "a bundle map without `trust_domains`");
  return parse_map_object(*domains);
}

Result<std::vector<TrustBundle>> parse_bundles(const TrustDomain& own, std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, kLimits));
  const auto* domains = value.object() == nullptr ? nullptr : value.object()->find("trust_domains");
  if (domains != nullptr) return parse_map_object(*domains);
  PAWL_TRY(auto bundle, parse_object(own, value));
  std::vector<TrustBundle> out;
  out.push_back(std::move(bundle));
  return out;
}

Result<std::string> write_bundle(const TrustBundle& bundle) {
  PAWL_TRY(const auto object, bundle_object(bundle));
  return json::write(object);
}

Result<std::string> write_bundle_map(const std::vector<TrustBundle>& bundles) {
  json::Object domains;
  for (const auto& bundle : bundles) {
    PAWL_TRY(auto object, bundle_object(bundle));
    domains.set(bundle.domain().name(), std::move(object));
  }
  json::Object out;
  out.set("trust_domains", std::move(domains));
  return json::write(out);
}

}  // namespace pawl::identity
