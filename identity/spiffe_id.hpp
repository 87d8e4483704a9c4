#pragma once
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pawl::identity {

/// The name of a trust domain: 1 to 255 of [a-z0-9._-] (FORMAT 9.1.2).
class TrustDomain {
 public:
  /// Accepts the bare name only, never a URI. @return kMalformed.
  static Result<TrustDomain> parse(std::string_view name);
  [[nodiscard]] const std::string& name() const { return name_; }
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 misreads the defaulted operator
  friend auto operator<=>(const TrustDomain&, const TrustDomain&) = default;

 private:
  explicit TrustDomain(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

/// A SPIFFE ID that followed the grammar of SPIFFE-ID section 2 when it was made (FORMAT 9.1).
/// Compared byte by byte: there is one spelling of every ID.
class SpiffeId {
 public:
  static constexpr std::size_t kMaxBytes = 2048;

  /// @return kTooLarge over 2048 bytes, kMalformed for everything else.
  static Result<SpiffeId> parse(std::string_view uri);
  [[nodiscard]] const std::string& uri() const { return uri_; }
  [[nodiscard]] TrustDomain trust_domain() const;
  /// "" for the trust domain's own ID, else "/a/b".
  [[nodiscard]] std::string_view path() const { return std::string_view(uri_).substr(slash_); }
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const SpiffeId&, const SpiffeId&) = default;

 private:
  SpiffeId(std::string uri, std::size_t slash) : uri_(std::move(uri)), slash_(slash) {}
  std::string uri_;
  std::size_t slash_;
};

}  // namespace pawl::identity
