#pragma once
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pawl::signer {

/// "90d", "12h", "30s": one number and one unit of s, m (minutes), h, d, w, y (365 days).
/// @return kUsage unless it is 1 second to 50 years
[[nodiscard]] Result<Seconds> parse_duration(std::string_view text);
/// The shortest text parse_duration reads back: 86400 s -> "1d".
[[nodiscard]] std::string duration_text(Seconds duration);

/// How long a role's metadata is good for from the moment it is signed.
struct Expiry {
  static constexpr Seconds kDay{86400};
  Seconds root = 365 * kDay;
  Seconds targets = 365 * kDay;
  Seconds release = 90 * kDay;  // the delegated role of each product
  Seconds snapshot = 30 * kDay;
  Seconds timestamp = 7 * kDay;

  /// The field of a role; every name that is not a top-level role is a product's role.
  [[nodiscard]] Seconds& of(std::string_view role);
  [[nodiscard]] Seconds of(std::string_view role) const;
};

}  // namespace pawl::signer
