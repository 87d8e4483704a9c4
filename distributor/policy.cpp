#include "distributor/policy.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "manifest/path.hpp"

namespace pawl::distributor {
namespace {

constexpr std::size_t kMaxTag = 64;
constexpr std::size_t kMaxProduct = 160;

bool is_lower_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool is_id_char(char c) {
  return is_lower_name(c) || (c >= 'A' && c <= 'Z');
}

bool segment_may_match(std::string_view segment) {
  return !segment.empty() && segment != "." && segment != ".." &&
         std::all_of(segment.begin(), segment.end(),
                     [](char c) { return is_id_char(c) || c == '*'; });
}

// Takes "/segment" off the front.
std::string_view take_segment(std::string_view& path) {
  const auto end = std::min(path.find('/', 1), path.size());
  const auto segment = path.substr(1, end - 1);
  path.remove_prefix(end);
  return segment;
}

}  // namespace

Result<IdPattern> IdPattern::parse(std::string_view text) {
  if (text.size() > kMaxBytes) return fail(Errc::kTooLarge, "id pattern over 256 bytes");
  if (std::count(text.begin(), text.end(), '*') > std::ptrdiff_t{kMaxStars}) {
    return fail(Errc::kTooLarge, "id pattern with more than 8 stars");
  }
  if (text.empty()) return fail(Errc::kMalformed, "empty id pattern");
  auto rest = text;
  while (!rest.empty()) {
    const bool starts = rest.front() == '/';
    if (!starts || !segment_may_match(take_segment(rest))) {
      return fail(Errc::kMalformed, "no SPIFFE path matches " + printable(text));
    }
  }
  return IdPattern(std::string(text));
}

bool IdPattern::matches(std::string_view path) const {
  return manifest::path_matches(text_, path);  // `?` is not in the alphabet of patterns
}

bool AdmitRule::matches(const identity::SpiffeId& candidate) const {
  return candidate.trust_domain() == trust_domain && id.matches(candidate.path());
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTag &&
         std::all_of(text.begin(), text.end(), is_lower_name);
}

bool is_product(std::string_view text) {
  return !text.empty() && text.size() <= kMaxProduct && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_id_char(c) || c == '+'; });
}

const AdmitRule* admitting_rule(const std::vector<AdmitRule>& rules, const identity::SpiffeId& id) {
  const auto found =
      std::find_if(rules.begin(), rules.end(), [&](const auto& rule) { return rule.matches(id); });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace pawl::distributor
