#include "identity/x509_svid.hpp"

#include <ctime>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "identity/svid_rules.hpp"
#include "identity/trust_bundle.hpp"

namespace pawl::identity {
namespace {

BioPtr memory_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int no_passphrase(char* /*out*/, int /*size*/, int /*writing*/, void* /*context*/) {
  return -1;
}

Result<std::vector<X509Ptr>> chain_of_pem(std::string_view text) {
  const auto bio = memory_of(text);
  std::vector<X509Ptr> out;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, &no_passphrase, nullptr)) {
    out.emplace_back(certificate);
    if (out.size() > X509Svid::kMaxChain) break;
  }
  const auto why = ERR_peek_last_error();
  ERR_clear_error();
  if (out.empty() || ERR_GET_REASON(why) != PEM_R_NO_START_LINE) {
    return fail(Errc::kMalformed, "not a PEM list of 1 to 8 certificates");
  }
  return out;
}

Result<UtcTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return fail(Errc::kMalformed, "unreadable validity");
  return UtcTime(Seconds(timegm(&parts)));
}

}  // namespace

Result<X509Svid> X509Svid::create(std::vector<X509Ptr> chain, PrivateKeyPtr key) {
  if (chain.empty()) return fail(Errc::kMalformed, "an SVID without a certificate");
  if (chain.size() > kMaxChain) return fail(Errc::kTooLarge, "more than 8 certificates in an SVID");
  auto id = check_leaf(*chain.front());
  if (!id) return fail(Errc::kMalformed, "own SVID: " + id.error().what());
  if (!key || X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return fail(Errc::kMalformed, "the private key is not that of the certificate");
  }
  X509Svid out(*std::move(id), std::move(chain), std::move(key));
  PAWL_TRY(out.not_before_, time_of(X509_get0_notBefore(&out.leaf())));
  PAWL_TRY(out.not_after_, time_of(X509_get0_notAfter(&out.leaf())));
  return out;
}

Result<X509Svid> X509Svid::parse_der(ByteView chain, ByteView key) {
  PAWL_TRY(auto certificates, parse_certificates(chain, kMaxChain));
  const auto* at = key.data();
  PrivateKeyPtr own(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(key.size())));
  ERR_clear_error();
  if (!own || at != key.data() + key.size()) return fail(Errc::kMalformed, "not a PKCS#8 key");
  return create(std::move(certificates), std::move(own));
}

Result<X509Svid> X509Svid::parse_pem(std::string_view chain, std::string_view key) {
  PAWL_TRY(auto certificates, chain_of_pem(chain));
  const auto bio = memory_of(key);
  PrivateKeyPtr own(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr));
  ERR_clear_error();
  if (!own) return fail(Errc::kMalformed, "not an unencrypted PEM private key");
  return create(std::move(certificates), std::move(own));
}

}  // namespace pawl::identity
