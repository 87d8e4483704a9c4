#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "identity/spiffe_id.hpp"

namespace pawl::distributor {

/// The path part of SPIFFE IDs with `*` for any part of one segment: "/device/gw3-*"
/// (FORMAT 12.5.2).
class IdPattern {
 public:
  static constexpr std::size_t kMaxBytes = 256;
  static constexpr std::size_t kMaxStars = 8;

  /// @return kTooLarge over the limits, kMalformed for what no ID could match.
  static Result<IdPattern> parse(std::string_view text);
  [[nodiscard]] bool matches(std::string_view path) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  explicit IdPattern(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// Who is admitted at first sight, and as what (FORMAT 12.5).
struct AdmitRule {
  std::string name;
  identity::TrustDomain trust_domain;
  IdPattern id;
  std::string product;
  std::vector<std::string> tags;

  [[nodiscard]] bool matches(const identity::SpiffeId& candidate) const;
};

/// A tag is 1 to 64 of [a-z0-9._-].
[[nodiscard]] bool is_tag(std::string_view text);
/// A product or version as repository names have them (FORMAT 12.2.1).
[[nodiscard]] bool is_product(std::string_view text);

/// The first rule that matches; null: the device waits for a decision.
[[nodiscard]] const AdmitRule* admitting_rule(const std::vector<AdmitRule>& rules,
                                              const identity::SpiffeId& id);

}  // namespace pawl::distributor
