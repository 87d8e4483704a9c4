#include "identity/svid_rules.hpp"

#include <ctime>
#include <optional>

namespace pawl::identity {
namespace {

constexpr std::size_t kMaxCertificate = std::size_t{16} * 1024;

std::string_view text_of(const ASN1_STRING& string) {
  return as_text(
      {ASN1_STRING_get0_data(&string), static_cast<std::size_t>(ASN1_STRING_length(&string))});
}

struct UriNames {
  int count = 0;
  std::string first;
  bool critical = false;
};

Result<UriNames> uri_names(X509& certificate) {
  int critical = -1;
  const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, &critical, nullptr)));
  if (critical == -2) return fail(Errc::kPeer, "subject alternative name occurs twice");
  if (critical >= 0 && !names) return fail(Errc::kPeer, "unreadable subject alternative name");
  UriNames out;
  out.critical = critical == 1;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    if (++out.count == 1) out.first = text_of(*name->d.uniformResourceIdentifier);
  }
  return out;
}

bool subject_is_empty(X509& certificate) {
  return X509_NAME_entry_count(X509_get_subject_name(&certificate)) == 0;
}

bool is_critical(X509& certificate, int nid) {
  const int at = X509_get_ext_by_NID(&certificate, nid, -1);
  return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(&certificate, at)) == 1;
}

// X509-SVID 4.3: every SVID has the extension, and it is critical.
Status check_key_usage_present(X509& certificate) {
  const auto flags = X509_get_extension_flags(&certificate);
  if ((flags & EXFLAG_INVALID) != 0) return fail(Errc::kPeer, "certificate with broken extensions");
  if ((flags & EXFLAG_KUSAGE) == 0) return fail(Errc::kPeer, "no key usage");
  if (!is_critical(certificate, NID_key_usage)) {
    return fail(Errc::kPeer, "key usage is not critical");
  }
  return Ok{};
}

Status check_leaf_usage(X509& leaf) {
  PAWL_CHECK(check_key_usage_present(leaf));
  const auto usage = X509_get_key_usage(&leaf);
  if ((usage & KU_DIGITAL_SIGNATURE) == 0) {
    return fail(Errc::kPeer, "leaf without digitalSignature");
  }
  if ((usage & KU_KEY_CERT_SIGN) != 0) return fail(Errc::kPeer, "leaf with keyCertSign");
  if ((usage & KU_CRL_SIGN) != 0) return fail(Errc::kPeer, "leaf with cRLSign");
  if ((X509_get_extension_flags(&leaf) & EXFLAG_XKUSAGE) == 0) return Ok{};
  const auto extended = X509_get_extended_key_usage(&leaf);
  if ((extended & XKU_SSL_SERVER) == 0) return fail(Errc::kPeer, "leaf without serverAuth");
  if ((extended & XKU_SSL_CLIENT) == 0) return fail(Errc::kPeer, "leaf without clientAuth");
  return Ok{};
}

Error bad_id(const Error& why) {
  return fail(Errc::kPeer, "bad SPIFFE ID: " + why.what());
}

}  // namespace

Result<SpiffeId> check_leaf(X509& leaf) {
  PAWL_TRY(const auto uris, uri_names(leaf));
  if (uris.count != 1) {
    return fail(Errc::kPeer, std::to_string(uris.count) + " URI names, an SVID has exactly one");
  }
  if (subject_is_empty(leaf) && !uris.critical) {  // X509-SVID 3.1, RFC 5280 4.1.2.6
    return fail(Errc::kPeer, "no subject, and the alternative name is not critical");
  }
  auto id = SpiffeId::parse(uris.first);
  if (!id) return bad_id(id.error());
  if (id->path().empty()) return fail(Errc::kPeer, "the SPIFFE ID of a leaf has no path");
  if ((X509_get_extension_flags(&leaf) & EXFLAG_CA) != 0) {
    return fail(Errc::kPeer, "a CA certificate cannot authenticate");
  }
  PAWL_CHECK(check_leaf_usage(leaf));
  return id;
}

Status check_signing(X509& certificate) {
  if ((X509_get_extension_flags(&certificate) & EXFLAG_CA) == 0) {
    return fail(Errc::kPeer, "signed by a certificate that is no CA");
  }
  PAWL_CHECK(check_key_usage_present(certificate));
  if ((X509_get_key_usage(&certificate) & KU_KEY_CERT_SIGN) == 0) {
    return fail(Errc::kPeer, "signed by a certificate without keyCertSign");
  }
  PAWL_TRY(const auto uris, uri_names(certificate));
  if (uris.count == 0) return Ok{};
  if (uris.count > 1) return fail(Errc::kPeer, "signing certificate with more than one URI name");
  const auto id = SpiffeId::parse(uris.first);
  if (!id) return bad_id(id.error());
  if (!id->path().empty())
    return fail(Errc::kPeer, "the SPIFFE ID of a signing certificate has a path");
  return Ok{};
}

Result<X509Ptr> parse_certificate(ByteView der) {
  if (der.size() > kMaxCertificate) return fail(Errc::kTooLarge, "certificate over 16 KiB");
  const auto* at = der.data();
  X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate) return fail(Errc::kMalformed, "not a DER certificate");
  if (at != der.data() + der.size()) return fail(Errc::kMalformed, "bytes after the certificate");
  return certificate;
}

Bytes certificate_der(X509& certificate) {
  const int size = i2d_X509(&certificate, nullptr);
  PAWL_ASSERT(size > 0);
  Bytes out(static_cast<std::size_t>(size));
  auto* at = out.data();
  PAWL_ASSERT(i2d_X509(&certificate, &at) == size);
  return out;
}

Sha256Digest certificate_digest(X509& certificate) {
  return sha256(certificate_der(certificate));
}

Sha256Digest public_key_digest(X509& certificate) {
  auto* key = X509_get_X509_PUBKEY(&certificate);
  const int size = i2d_X509_PUBKEY(key, nullptr);
  PAWL_ASSERT(size > 0);
  Bytes out(static_cast<std::size_t>(size));
  auto* at = out.data();
  PAWL_ASSERT(i2d_X509_PUBKEY(key, &at) == size);
  return sha256(out);
}

Result<UtcTime> not_after(X509& certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &parts) != 1) {
    return fail(Errc::kMalformed, "unreadable end of validity");
  }
  return UtcTime(Seconds(timegm(&parts)));
}

}  // namespace pawl::identity
