#include "identity/trust_bundle.hpp"

#include <algorithm>

#include "identity/svid_rules.hpp"

namespace pawl::identity {

Result<std::vector<X509Ptr>> parse_certificates(ByteView der, std::size_t limit) {
  std::vector<X509Ptr> out;
  const auto* at = der.data();
  const auto* const end = der.data() + der.size();
  while (at != end) {
    if (out.size() == limit) {
      return fail(Errc::kTooLarge, "more than " + std::to_string(limit) + " certificates");
    }
    X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(end - at)));
    if (!certificate) return fail(Errc::kMalformed, "not a list of DER certificates");
    out.push_back(std::move(certificate));
  }
  return out;
}

TrustBundle::TrustBundle(TrustDomain domain, std::vector<X509Ptr> authorities, BundleInfo info)
    : domain_(std::move(domain)),
      info_(info),
      authorities_(std::move(authorities)),
      store_(X509_STORE_new()) {
  PAWL_ASSERT(store_ != nullptr);
  for (const auto& authority : authorities_) {
    PAWL_ASSERT(X509_STORE_add_cert(store_.get(), authority.get()) == 1);
    digests_.push_back(certificate_digest(*authority));
  }
  std::sort(digests_.begin(), digests_.end());
  digests_.erase(std::unique(digests_.begin(), digests_.end()), digests_.end());
}

Result<TrustBundle> TrustBundle::create(TrustDomain domain, std::vector<X509Ptr> authorities,
                                        BundleInfo info) {
  if (authorities.size() > kMaxAuthorities) {
    return fail(Errc::kTooLarge, "more than 64 authorities in the bundle of " + domain.name());
  }
  for (const auto& authority : authorities) {
    if ((X509_get_extension_flags(authority.get()) & (EXFLAG_CA | EXFLAG_INVALID)) != EXFLAG_CA) {
      return fail(Errc::kMalformed, "an authority of " + printable(domain.name()) + " is no CA");
    }
  }
  return TrustBundle(std::move(domain), std::move(authorities), info);
}

Result<TrustBundle> TrustBundle::parse_der(TrustDomain domain, ByteView certificates) {
  PAWL_TRY(auto authorities, parse_certificates(certificates, kMaxAuthorities));
  return create(std::move(domain), std::move(authorities));
}

bool TrustBundle::has_authority(const Sha256Digest& certificate) const {
  return std::binary_search(digests_.begin(), digests_.end(), certificate);
}

TrustBundle TrustBundle::clone() const {
  std::vector<X509Ptr> shared;
  for (const auto& authority : authorities_) {
    X509_up_ref(authority.get());
    shared.emplace_back(authority.get());
  }
  return {domain_, std::move(shared), info_};
}

}  // namespace pawl::identity
