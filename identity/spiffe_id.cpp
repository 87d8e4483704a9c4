#include "identity/spiffe_id.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace pawl::identity {
namespace {

constexpr std::string_view kScheme = "spiffe://";
constexpr std::size_t kMaxDomain = 255;

bool domain_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool path_char(char c) {
  return domain_char(c) || (c >= 'A' && c <= 'Z');
}

Status check_segment(std::string_view segment) {
  if (segment.empty()) return fail(Errc::kMalformed, "empty path segment in a SPIFFE ID");
  if (segment == "." || segment == "..") {
    return fail(Errc::kMalformed, "relative path segment in a SPIFFE ID");
  }
  if (!std::all_of(segment.begin(), segment.end(), path_char)) {
    return fail(Errc::kMalformed,
                "character not allowed in a SPIFFE ID path: " + printable(segment));
  }
  return Ok{};
}

Status check_path(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the '/'
    const auto segment = path.substr(0, path.find('/'));
    PAWL_CHECK(check_segment(segment));
    path.remove_prefix(segment.size());
  }
  return Ok{};
}

}  // namespace

Result<TrustDomain> TrustDomain::parse(std::string_view name) {
  if (name.empty()) return fail(Errc::kMalformed, "empty trust domain");
  if (name.size() > kMaxDomain) return fail(Errc::kMalformed, "trust domain over 255 bytes");
  if (!std::all_of(name.begin(), name.end(), domain_char)) {
    return fail(Errc::kMalformed, "character not allowed in a trust domain: " + printable(name));
  }
  return TrustDomain(std::string(name));
}

Result<SpiffeId> SpiffeId::parse(std::string_view uri) {
  if (uri.size() > kMaxBytes) return fail(Errc::kTooLarge, "SPIFFE ID over 2048 bytes");
  if (!uri.starts_with(kScheme)) {
    return fail(Errc::kMalformed, "not a spiffe:// URI: " + printable(uri));
  }
  const auto slash = std::min(uri.find('/', kScheme.size()), uri.size());
  PAWL_CHECK(TrustDomain::parse(uri.substr(kScheme.size(), slash - kScheme.size())));
  PAWL_CHECK(check_path(uri.substr(slash)));
  return SpiffeId(std::string(uri), slash);
}

TrustDomain SpiffeId::trust_domain() const {
  auto domain =
      TrustDomain::parse(std::string_view(uri_).substr(kScheme.size(), slash_ - kScheme.size()));
  PAWL_ASSERT(static_cast<bool>(domain));  // checked by parse
  return *std::move(domain);
}

}  // namespace pawl::identity
