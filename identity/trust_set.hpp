#pragma once
#include <map>
#include <vector>

#include "identity/trust_bundle.hpp"

namespace pawl::identity {

/// The bundles a program trusts, one store per trust domain, never merged. Not for two threads:
/// each thread owns a clone.
class TrustSet {
 public:
  /// Adds or replaces one domain's bundle. @return kRollback when its sequence is below the one
  /// held, is missing where one is held, or names other authorities with the same number; the
  /// old bundle then stays.
  Status put(TrustBundle bundle);
  /// Replaces everything, as a message of the Workload API does: domains that are absent are
  /// trusted no longer. @return kMalformed when a domain occurs twice with different authorities.
  Status assign(std::vector<TrustBundle> bundles);
  [[nodiscard]] const TrustBundle* find(const TrustDomain& domain) const;
  [[nodiscard]] std::size_t size() const { return bundles_.size(); }
  [[nodiscard]] TrustSet clone() const;

 private:
  std::map<TrustDomain, TrustBundle> bundles_;
};

}  // namespace pawl::identity
