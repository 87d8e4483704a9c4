#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "identity/openssl.hpp"
#include "identity/spiffe_id.hpp"

namespace pawl::identity {

/// What a bundle says of itself: `spiffe_sequence` and `spiffe_refresh_hint`.
struct BundleInfo {
  std::optional<std::uint64_t> sequence;
  std::optional<Seconds> refresh_hint;
};

/// The authorities of one trust domain and of that domain alone. An empty list is valid and means
/// that everything of the domain is refused.
class TrustBundle {
 public:
  static constexpr std::size_t kMaxAuthorities = 64;

  /// @param authorities  CA certificates, self-signed or not
  /// @return kTooLarge over 64, kMalformed when one is no CA.
  static Result<TrustBundle> create(TrustDomain domain, std::vector<X509Ptr> authorities,
                                    BundleInfo info = {});
  /// As create, from certificates of the Workload API: DER, one after the other.
  static Result<TrustBundle> parse_der(TrustDomain domain, ByteView certificates);

  [[nodiscard]] const TrustDomain& domain() const { return domain_; }
  [[nodiscard]] const BundleInfo& info() const { return info_; }
  [[nodiscard]] const std::vector<X509Ptr>& authorities() const { return authorities_; }
  [[nodiscard]] X509_STORE& store() const { return *store_; }
  [[nodiscard]] bool has_authority(const Sha256Digest& certificate) const;
  /// The same authorities, whatever their order and the sequence.
  [[nodiscard]] bool same_authorities(const TrustBundle& other) const {
    return digests_ == other.digests_;
  }
  /// Shares the certificates; for a second thread's own set.
  [[nodiscard]] TrustBundle clone() const;

 private:
  TrustBundle(TrustDomain domain, std::vector<X509Ptr> authorities, BundleInfo info);
  TrustDomain domain_;
  BundleInfo info_;
  std::vector<X509Ptr> authorities_;
  std::vector<Sha256Digest> digests_;  // sorted
  X509StorePtr store_;
};

/// DER certificates one after the other. @return kTooLarge over `limit` certificates, kMalformed.
[[nodiscard]] Result<std::vector<X509Ptr>> parse_certificates(ByteView der, std::size_t limit);

}  // namespace pawl::identity
