#pragma once
#include <string>
#include <vector>

#include <openssl/pem.h>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "identity/openssl.hpp"
#include "identity/svid_rules.hpp"
#include "identity/trust_set.hpp"
#include "identity/x509_svid.hpp"

/// Certificates made at run time, good and bad. Fixed dates around kNow; keys are fresh.
namespace pawl::fakes {

inline constexpr UtcTime kNow{Seconds{1795176000}};  // 2026-11-20T12:00:00Z

/// What a certificate says. The defaults are those of a good leaf, without its name.
struct CertSpec {
  std::string subject;            // common name; empty: no subject
  std::vector<std::string> uris;  // as they are, any bytes
  std::vector<std::string> dns;
  bool san_critical = true;
  std::string basic;  // e.g. "critical,CA:TRUE,pathlen:0"; empty: no such extension
  std::string usage = "critical,digitalSignature";
  std::string extended = "serverAuth,clientAuth";
  std::string constraints;  // name constraints
  Seconds from{-3600};      // relative to kNow
  Seconds until{3600};
  unsigned rsa_bits = 0;  // 0: P-256
  const EVP_MD* digest = EVP_sha256();
  std::string repeat;  // a second subject alternative name extension with this URI
};

inline CertSpec leaf_spec(std::string id) {
  CertSpec spec;
  spec.uris = {std::move(id)};
  return spec;
}

inline CertSpec ca_spec(std::string name, std::string id = "") {
  CertSpec spec;
  spec.subject = std::move(name);
  if (!id.empty()) spec.uris = {std::move(id)};
  spec.basic = "critical,CA:TRUE";
  spec.usage = "critical,keyCertSign,cRLSign";
  spec.extended = "";
  spec.until = Seconds{86400};
  return spec;
}

struct Issued {
  identity::X509Ptr certificate;
  identity::PrivateKeyPtr key;
  [[nodiscard]] identity::X509Ptr shared() const {
    X509_up_ref(certificate.get());
    return identity::X509Ptr(certificate.get());
  }
  [[nodiscard]] identity::PrivateKeyPtr shared_key() const {
    EVP_PKEY_up_ref(key.get());
    return identity::PrivateKeyPtr(key.get());
  }
};

inline void add_text_extension(X509& certificate, int nid, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  PAWL_ASSERT(extension != nullptr);
  X509_add_ext(&certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

inline void push_name(GENERAL_NAMES& names, int type, const std::string& value) {
  auto* name = GENERAL_NAME_new();
  auto* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, value.data(), static_cast<int>(value.size()));
  GENERAL_NAME_set0_value(name, type, text);
  sk_GENERAL_NAME_push(&names, name);
}

inline void add_names(X509& certificate, const CertSpec& spec) {
  const identity::GeneralNamesPtr names(GENERAL_NAMES_new());
  for (const auto& uri : spec.uris) push_name(*names, GEN_URI, uri);
  for (const auto& dns : spec.dns) push_name(*names, GEN_DNS, dns);
  if (sk_GENERAL_NAME_num(names.get()) > 0) {
    X509_add1_ext_i2d(&certificate, NID_subject_alt_name, names.get(), spec.san_critical ? 1 : 0,
                      X509V3_ADD_APPEND);
  }
  if (spec.repeat.empty()) return;
  const identity::GeneralNamesPtr second(GENERAL_NAMES_new());
  push_name(*second, GEN_URI, spec.repeat);
  X509_add1_ext_i2d(&certificate, NID_subject_alt_name, second.get(), 0, X509V3_ADD_APPEND);
}

inline identity::PrivateKeyPtr make_key(unsigned rsa_bits) {
  if (rsa_bits != 0) {
    return identity::PrivateKeyPtr(
        EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(rsa_bits)));
  }
  return identity::PrivateKeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
}

inline identity::X509Ptr bare_certificate(const CertSpec& spec, EVP_PKEY& key, UtcTime now) {
  identity::X509Ptr out(X509_new());
  static long serial = 1;  // tests only: every certificate of a run differs
  X509_set_version(out.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial);
  const auto base = static_cast<time_t>(now.time_since_epoch().count());
  ASN1_TIME_set(X509_getm_notBefore(out.get()), base + spec.from.count());
  ASN1_TIME_set(X509_getm_notAfter(out.get()), base + spec.until.count());
  if (!spec.subject.empty()) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_UTF8,
                               as_bytes(spec.subject).data(), -1, -1, 0);
  }
  X509_set_pubkey(out.get(), &key);
  return out;
}

/// Issues a certificate for `key`, signed by `issuer` or, when that is null, by itself.
inline Issued issue_for(identity::PrivateKeyPtr key, const CertSpec& spec, const Issued* issuer,
                        UtcTime now = kNow) {
  auto out = bare_certificate(spec, *key, now);
  auto* parent = issuer == nullptr ? out.get() : issuer->certificate.get();
  X509_set_issuer_name(out.get(), X509_get_subject_name(parent));
  add_names(*out, spec);
  add_text_extension(*out, NID_basic_constraints, spec.basic);
  add_text_extension(*out, NID_key_usage, spec.usage);
  add_text_extension(*out, NID_ext_key_usage, spec.extended);
  add_text_extension(*out, NID_name_constraints, spec.constraints);
  auto* signer = issuer == nullptr ? key.get() : issuer->key.get();
  PAWL_ASSERT(X509_sign(out.get(), signer, spec.digest) > 0);
  // Read again, so that OpenSSL's cached view is that of a received certificate.
  auto read = identity::parse_certificate(identity::certificate_der(*out));
  PAWL_ASSERT(static_cast<bool>(read));
  return {*std::move(read), std::move(key)};
}

inline Issued issue(const CertSpec& spec, const Issued* issuer, UtcTime now = kNow) {
  return issue_for(make_key(spec.rsa_bits), spec, issuer, now);
}

inline identity::TrustDomain domain(std::string_view name) {
  return *identity::TrustDomain::parse(name);
}

inline identity::TrustBundle bundle_of(std::string_view name, const std::vector<const Issued*>& cas,
                                       identity::BundleInfo info = {}) {
  std::vector<identity::X509Ptr> certificates;
  for (const auto* ca : cas) certificates.push_back(ca->shared());
  return *identity::TrustBundle::create(domain(name), std::move(certificates), info);
}

inline identity::X509Svid svid_of(const Issued& leaf, const std::vector<const Issued*>& cas = {}) {
  std::vector<identity::X509Ptr> chain;
  chain.push_back(leaf.shared());
  for (const auto* ca : cas) chain.push_back(ca->shared());
  return *identity::X509Svid::create(std::move(chain), leaf.shared_key());
}

inline std::string text_of(BIO& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

inline std::string pem_of(const Issued& issued) {
  const identity::BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), issued.certificate.get());
  return text_of(*out);
}

inline std::string key_pem_of(const Issued& issued) {
  const identity::BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(out.get(), issued.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(*out);
}

inline Bytes key_der_of(const Issued& issued) {
  const identity::BioPtr out(BIO_new(BIO_s_mem()));
  i2d_PKCS8PrivateKey_bio(out.get(), issued.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  const auto text = text_of(*out);
  return {text.begin(), text.end()};
}

}  // namespace pawl::fakes
