#include "distributor/route.hpp"

#include <algorithm>
#include <vector>

#include "base/bytes.hpp"

namespace pawl::distributor {
namespace {

constexpr std::size_t kMaxTarget = 512;
constexpr std::size_t kMaxSegment = 160;
constexpr std::size_t kDigestDigits = 64;
constexpr std::string_view kManifestEnd = ".manifest.json";

bool name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_' || c == '+';
}

bool is_name(std::string_view segment) {
  return !segment.empty() && segment.size() <= kMaxSegment && segment.front() != '.' &&
         std::all_of(segment.begin(), segment.end(), name_char);
}

bool is_digest(std::string_view text) {
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == kDigestDigits && std::all_of(text.begin(), text.end(), hex);
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  while (true) {
    const auto slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

bool is_metadata(std::string_view file) {
  return is_name(file) && file.ends_with(".json");
}

// releases/PRODUCT/VERSION/SHA256.manifest.json
bool is_manifest(std::string_view path) {
  const auto parts = split(path);
  return parts.size() == 4 && parts[0] == "releases" && is_name(parts[1]) && is_name(parts[2]) &&
         parts[3].ends_with(kManifestEnd) &&
         is_digest(parts[3].substr(0, parts[3].size() - kManifestEnd.size()));
}

struct Family {
  std::string_view prefix;
  RouteKind kind;
  bool (*is_valid)(std::string_view file);
};
constexpr Family kFamilies[] = {{"/v1/metadata/", RouteKind::kMetadata, &is_metadata},
                                {"/v1/targets/", RouteKind::kTargets, &is_manifest},
                                {"/v1/blob/", RouteKind::kBlob, &is_digest}};

}  // namespace

Result<Route> parse_route(std::string_view target) {
  if (target.size() > kMaxTarget) return fail(Errc::kTooLarge, "request target over 512 bytes");
  for (const auto& family : kFamilies) {
    if (!target.starts_with(family.prefix)) continue;
    const auto file = target.substr(family.prefix.size());
    if (family.is_valid(file)) return Route{family.kind, std::string(file)};
  }
  return fail(Errc::kMalformed, "no such resource: " + printable(target));
}

}  // namespace pawl::distributor
