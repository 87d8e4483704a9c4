#pragma once
#include <string>

#include "base/disk.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "identity/openssl.hpp"
#include "identity/trust_set.hpp"
#include "identity/x509_svid.hpp"

namespace pawl::issuer {

/// The files of an authority in one folder: ca.key (0600), ca.pem, bundle.json.
struct AuthorityFiles {
  std::string key;
  std::string certificate;
  std::string bundle;
};
[[nodiscard]] AuthorityFiles authority_files_in(const std::string& folder);

struct NewAuthority {
  identity::TrustDomain domain;
  Seconds lifetime{};
  Seconds refresh_hint{300};
};

/// The key that signs the SVIDs of one trust domain, and that domain's bundle.
class Authority {
 public:
  /// Makes key, certificate and bundle, in this order; the certificate is what counts as made.
  /// @return kConfig when there is a certificate already: an authority is never replaced by itself.
  static Status create(Disk& disk, const std::string& folder, const NewAuthority& plan, UtcTime now,
                       Random& random);
  /// @return kConfig with a hint when there is none; kMalformed when certificate, key, bundle and
  ///         domain do not belong together; kExpired.
  static Result<Authority> load(Disk& disk, const std::string& folder,
                                const identity::TrustDomain& domain, UtcTime now);

  /// An SVID for `subject`, from a minute ago until `lifetime` from now or the authority's end.
  /// Verified by the rules of `identity` before it is given out.
  [[nodiscard]] Result<identity::X509Ptr> issue(const identity::SpiffeId& id, EVP_PKEY& subject,
                                                UtcTime now, Seconds lifetime, Random& random);
  [[nodiscard]] const json::Value& bundle() const { return bundle_; }
  [[nodiscard]] const identity::TrustSet& trust() const { return trust_; }
  [[nodiscard]] const identity::TrustDomain& domain() const { return domain_; }
  [[nodiscard]] UtcTime not_after() const { return not_after_; }

 private:
  Authority(identity::TrustDomain domain, identity::X509Ptr certificate,
            identity::PrivateKeyPtr key)
      : domain_(std::move(domain)), certificate_(std::move(certificate)), key_(std::move(key)) {}
  [[nodiscard]] Status check(UtcTime now) const;
  identity::TrustDomain domain_;
  identity::X509Ptr certificate_;
  identity::PrivateKeyPtr key_;
  identity::TrustSet trust_;  // the own domain
  json::Value bundle_;
  UtcTime not_after_;
};

/// A new P-256 key with an SVID for it, for a program on this machine.
[[nodiscard]] Result<identity::X509Svid> issue_with_new_key(Authority& authority,
                                                            const identity::SpiffeId& id,
                                                            UtcTime now, Seconds lifetime,
                                                            Random& random);

/// kConfig unless the file is ours or root's and nobody else may read it.
[[nodiscard]] Status check_private_file(const std::string& path);

}  // namespace pawl::issuer
