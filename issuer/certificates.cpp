#include "issuer/certificates.hpp"

#include <array>

#include <openssl/ec.h>
#include <openssl/err.h>

#include "identity/svid_rules.hpp"

namespace pawl::issuer {
namespace {

using identity::BioPtr;
using identity::GeneralNamesPtr;
using identity::PrivateKeyPtr;
using identity::X509Ptr;
using BigNumber = Handle<BIGNUM, &BN_free>;
using Extension = Handle<X509_EXTENSION, &X509_EXTENSION_free>;

Error refused(const char* what) {
  const auto raw = ERR_peek_last_error();
  ERR_clear_error();
  return fail(Errc::kInternal, std::string("OpenSSL refuses ") + what,
              static_cast<std::int64_t>(raw));
}

/// 16 random bytes, positive: nobody can foresee it and none is used twice.
Status set_serial(X509& certificate, Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  random.fill(bytes);
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x7fU) | 0x40U);
  const BigNumber number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  if (!number || BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) == nullptr) {
    return refused("a serial number");
  }
  return Ok{};
}

Status set_validity(X509& certificate, const Validity& validity) {
  const auto set = [](ASN1_TIME* field, UtcTime time) {
    return ASN1_TIME_set(field, static_cast<time_t>(time.time_since_epoch().count())) != nullptr;
  };
  if (!set(X509_getm_notBefore(&certificate), validity.from) ||
      !set(X509_getm_notAfter(&certificate), validity.until)) {
    return refused("a validity");
  }
  return Ok{};
}

Status add_name(X509& certificate, const std::string& uri, bool critical) {
  const GeneralNamesPtr names(GENERAL_NAMES_new());
  auto* name = GENERAL_NAME_new();
  auto* text = ASN1_IA5STRING_new();
  PAWL_ASSERT(names && name != nullptr && text != nullptr);
  PAWL_ASSERT(ASN1_STRING_set(text, uri.data(), static_cast<int>(uri.size())) == 1);
  GENERAL_NAME_set0_value(name, GEN_URI, text);
  PAWL_ASSERT(sk_GENERAL_NAME_push(names.get(), name) > 0);
  if (X509_add1_ext_i2d(&certificate, NID_subject_alt_name, names.get(), critical ? 1 : 0,
                        X509V3_ADD_DEFAULT) != 1) {
    return refused("a URI name");
  }
  return Ok{};
}

struct TextExtension {
  int nid;
  const char* value;
};

Status add_extensions(X509& certificate, X509& issuer, std::span<const TextExtension> extensions) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  for (const auto& e : extensions) {
    const Extension made(X509V3_EXT_conf_nid(nullptr, &context, e.nid, e.value));
    if (!made || X509_add_ext(&certificate, made.get(), -1) != 1) return refused("an extension");
  }
  return Ok{};
}

Result<X509Ptr> blank(EVP_PKEY& subject, const Validity& validity, Random& random) {
  X509Ptr out(X509_new());
  PAWL_ASSERT(out != nullptr);
  if (X509_set_version(out.get(), X509_VERSION_3) != 1 ||
      X509_set_pubkey(out.get(), &subject) != 1) {
    return refused("a public key");
  }
  PAWL_CHECK(set_serial(*out, random));
  PAWL_CHECK(set_validity(*out, validity));
  return out;
}

/// Signs, and reads the result as a peer will.
Result<X509Ptr> sign(X509& certificate, EVP_PKEY& key) {
  if (X509_sign(&certificate, &key, EVP_sha256()) <= 0) return refused("to sign");
  return identity::parse_certificate(identity::certificate_der(certificate));
}

/// Authorities of one domain differ in their subject: a path can lead to one of them only.
Status name_authority(X509& certificate, const identity::TrustDomain& domain, Random& random) {
  std::array<std::uint8_t, 8> bytes{};
  random.fill(bytes);
  const auto number = to_hex(bytes);
  const auto common = "Pawl issuer of " + domain.name().substr(0, 40);  // at most 64
  auto* name = X509_get_subject_name(&certificate);
  const auto add = [&](const char* field, const std::string& text) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, as_bytes(text).data(),
                                      static_cast<int>(text.size()), -1, 0) == 1;
  };
  if (!add("CN", common) || !add("serialNumber", number) ||
      X509_set_issuer_name(&certificate, name) != 1) {
    return refused("a subject");
  }
  return Ok{};
}

}  // namespace

PrivateKeyPtr new_key() {
  PrivateKeyPtr key(EVP_EC_gen("P-256"));
  PAWL_ASSERT(key != nullptr);
  return key;
}

Result<PrivateKeyPtr> parse_svid_key(ByteView spki) {
  const auto* at = spki.data();
  PrivateKeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  ERR_clear_error();
  if (!key || at != spki.data() + spki.size()) {
    return fail(Errc::kMalformed, "SVID key is not a SubjectPublicKeyInfo");
  }
  std::array<char, 32> group{};
  if (EVP_PKEY_is_a(key.get(), "EC") != 1 ||
      EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr) != 1 ||
      std::string_view(group.data()) != "prime256v1") {
    ERR_clear_error();
    return fail(Errc::kPeer, "SVID key is not on P-256");
  }
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  const bool canonical = size > 0 && std::equal(spki.begin(), spki.end(), der, der + size);
  OPENSSL_free(der);
  if (!canonical) return fail(Errc::kMalformed, "SVID key is not in its canonical form");
  return key;
}

Result<X509Ptr> make_authority(const identity::TrustDomain& domain, EVP_PKEY& key,
                               const Validity& validity, Random& random) {
  static constexpr std::array kExtensions{
      TextExtension{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
      TextExtension{NID_key_usage, "critical,keyCertSign,cRLSign"},
      TextExtension{NID_subject_key_identifier, "hash"}};
  PAWL_TRY(const auto draft, blank(key, validity, random));
  PAWL_CHECK(name_authority(*draft, domain, random));
  PAWL_CHECK(add_name(*draft, "spiffe://" + domain.name(), false));
  PAWL_CHECK(add_extensions(*draft, *draft, kExtensions));
  return sign(*draft, key);
}

bool is_authority_of(const identity::TrustDomain& domain, X509& certificate) {
  const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const auto* text = name->d.uniformResourceIdentifier;
    const ByteView uri(ASN1_STRING_get0_data(text),
                       static_cast<std::size_t>(ASN1_STRING_length(text)));
    return as_text(uri) == "spiffe://" + domain.name();
  }
  return false;
}

Result<X509Ptr> make_svid(const identity::SpiffeId& id, EVP_PKEY& subject, const Validity& validity,
                          const Signer& signer, Random& random) {
  static constexpr std::array kExtensions{
      TextExtension{NID_basic_constraints, "critical,CA:FALSE"},
      TextExtension{NID_key_usage, "critical,digitalSignature"},
      TextExtension{NID_ext_key_usage, "serverAuth,clientAuth"},
      TextExtension{NID_subject_key_identifier, "hash"},
      TextExtension{NID_authority_key_identifier, "keyid:always"}};
  PAWL_TRY(const auto draft, blank(subject, validity, random));
  if (X509_set_issuer_name(draft.get(), X509_get_subject_name(&signer.certificate)) != 1) {
    return refused("an issuer");
  }
  PAWL_CHECK(add_name(*draft, id.uri(), true));
  PAWL_CHECK(add_extensions(*draft, signer.certificate, kExtensions));
  return sign(*draft, signer.key);
}

}  // namespace pawl::issuer
