#pragma once
#include <string>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/bytes.hpp"
#include "base/handle.hpp"

namespace pawl::fakes {

using TestKey = Handle<EVP_PKEY, &EVP_PKEY_free>;
using TestCert = Handle<X509, &X509_free>;

inline TestKey rsa_key(unsigned bits = 2048) {
  return TestKey(EVP_RSA_gen(bits));
}

/// One certificate of a TPM maker's chain. Times are seconds since 1970.
struct CertPlan {
  std::string subject;
  std::string issuer;
  EVP_PKEY* key = nullptr;
  EVP_PKEY* issuer_key = nullptr;
  bool ca = false;    // NOLINT: plain data
  std::string usage;  // extended key usage; empty for none
  long from = 1'700'000'000;
  long until = 1'900'000'000;
};

inline Bytes certificate(const CertPlan& p) {
  const TestCert cert(X509_new());
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1 + static_cast<long>(p.subject.size()));
  ASN1_TIME_set(X509_getm_notBefore(cert.get()), p.from);
  ASN1_TIME_set(X509_getm_notAfter(cert.get()), p.until);
  const auto name = [](X509_NAME* n, const std::string& text) {
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
  };
  name(X509_get_subject_name(cert.get()), p.subject);
  const Handle<X509_NAME, &X509_NAME_free> issuer(X509_NAME_new());
  name(issuer.get(), p.issuer);
  X509_set_issuer_name(cert.get(), issuer.get());
  X509_set_pubkey(cert.get(), p.key);
  const auto add = [&](int nid, const std::string& value) {
    const Handle<X509_EXTENSION, &X509_EXTENSION_free> e(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
    X509_add_ext(cert.get(), e.get(), -1);
  };
  add(NID_basic_constraints, p.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (p.ca) add(NID_key_usage, "critical,keyCertSign");
  if (!p.usage.empty()) add(NID_ext_key_usage, p.usage);
  X509_sign(cert.get(), p.issuer_key, EVP_sha256());
  Bytes der(static_cast<std::size_t>(i2d_X509(cert.get(), nullptr)));
  auto* out = der.data();
  i2d_X509(cert.get(), &out);
  return der;
}

}  // namespace pawl::fakes
