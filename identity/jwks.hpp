#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "identity/trust_bundle.hpp"

/// SPIFFE bundles as JWK sets (FORMAT 9.3).
namespace pawl::identity {

/// One bundle. A bundle does not carry its domain's name: the caller must know it.
///
/// Entries of another use or an unknown key type, and entries without x5c, are ignored; an empty
/// `keys` is a valid bundle that trusts nobody.
/// @return kTooLarge over 256 KiB or 64 authorities; kMalformed, also for duplicate members.
/// Source: SPIFFE Trust Domain and Bundle 4; X509-SVID 6.2.
[[nodiscard]] Result<TrustBundle> parse_bundle(TrustDomain domain, std::string_view text);

/// {"trust_domains": {NAME: bundle, ...}}; at most 64 domains.
[[nodiscard]] Result<std::vector<TrustBundle>> parse_bundle_map(std::string_view text);

/// A map or, when it has no member `trust_domains`, the bundle of `own` alone.
[[nodiscard]] Result<std::vector<TrustBundle>> parse_bundles(const TrustDomain& own,
                                                             std::string_view text);

/// JWK set of the authorities; keys other than EC and RSA are refused with kMalformed.
[[nodiscard]] Result<std::string> write_bundle(const TrustBundle& bundle);
/// The map form of several bundles.
[[nodiscard]] Result<std::string> write_bundle_map(const std::vector<TrustBundle>& bundles);

}  // namespace pawl::identity
