#include "identity/trust_set.hpp"

#include "base/bytes.hpp"

namespace pawl::identity {
namespace {

Status check_not_older(const TrustBundle& held, const TrustBundle& offered) {
  const auto old_number = held.info().sequence;
  const auto new_number = offered.info().sequence;
  if (!old_number) return Ok{};
  const auto name = printable(held.domain().name());
  if (!new_number) {
    return fail(Errc::kRollback, "bundle of " + name + " has no sequence, the last had " +
                                     std::to_string(*old_number));
  }
  if (*new_number < *old_number) {
    return fail(Errc::kRollback, "bundle sequence " + std::to_string(*new_number) + " of " + name +
                                     " is below " + std::to_string(*old_number));
  }
  if (*new_number == *old_number && !held.same_authorities(offered)) {
    return fail(Errc::kRollback, "bundle of " + name + " changed under the same sequence " +
                                     std::to_string(*new_number));
  }
  return Ok{};
}

}  // namespace

Status TrustSet::put(TrustBundle bundle) {
  if (const auto* held = find(bundle.domain()); held != nullptr) {
    PAWL_CHECK(check_not_older(*held, bundle));
  }
  const auto domain = bundle.domain();
  bundles_.insert_or_assign(domain, std::move(bundle));
  return Ok{};
}

Status TrustSet::assign(std::vector<TrustBundle> bundles) {
  std::map<TrustDomain, TrustBundle> fresh;
  for (auto& bundle : bundles) {
    const auto domain = bundle.domain();
    const auto held = fresh.find(domain);
    if (held == fresh.end()) {
      fresh.emplace(domain, std::move(bundle));
    } else if (!held->second.same_authorities(bundle)) {
      return fail(Errc::kMalformed, "two different bundles of " + printable(domain.name()));
    }
  }
  bundles_ = std::move(fresh);
  return Ok{};
}

const TrustBundle* TrustSet::find(const TrustDomain& domain) const {
  const auto found = bundles_.find(domain);
  return found == bundles_.end() ? nullptr : &found->second;
}

TrustSet TrustSet::clone() const {
  TrustSet out;
  for (const auto& [domain, bundle] : bundles_) out.bundles_.emplace(domain, bundle.clone());
  return out;
}

}  // namespace pawl::identity
