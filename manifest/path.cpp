#include "manifest/path.hpp"

#include <algorithm>

#include "manifest/fields.hpp"

namespace pawl::manifest {
namespace {

constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool plain(char c, std::string_view more) {
  return kLowerDigits.find(c) != std::string_view::npos ||
         kUpper.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
}

bool safe_part(std::string_view part) {
  return !part.empty() && part != "." && part != ".." &&
         std::all_of(part.begin(), part.end(), [](char c) { return plain(c, "._+~-"); });
}

}  // namespace

bool path_matches(std::string_view pattern, std::string_view path) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // where to go on after a star took one more character
  std::size_t taken = 0;
  while (t < path.size()) {
    const char c = p < pattern.size() ? pattern[p] : '\0';
    if (p < pattern.size() && c == '*') {
      star = ++p;
      taken = t;
    } else if (p < pattern.size() && (c == path[t] || (c == '?' && path[t] != '/'))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos && path[taken] != '/') {
      p = star;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool safe_target_path(std::string_view path) {
  constexpr std::size_t kMaxPath = 256;
  if (path.size() > kMaxPath) return false;
  while (true) {
    const auto slash = path.find('/');
    if (!safe_part(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool safe_role_name(std::string_view name) {
  constexpr std::size_t kMaxName = 64;
  if (!made_of(name, "abcdefghijklmnopqrstuvwxyz0123456789._-", kMaxName)) return false;
  if (kLowerDigits.find(name.front()) == std::string_view::npos) return false;
  if (made_of(name, "0123456789", kMaxName)) return false;
  constexpr std::string_view kTaken[] = {"root", "timestamp", "snapshot", "targets", "policy"};
  return std::find(std::begin(kTaken), std::end(kTaken), name) == std::end(kTaken);
}

std::string encode_role_name(std::string_view name) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    if (plain(c, "_.-")) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

std::string consistent_target_path(std::string_view path, std::string_view prefix) {
  const auto slash = path.rfind('/');
  const auto name = slash == std::string_view::npos ? 0 : slash + 1;
  return std::string(path.substr(0, name)) + std::string(prefix) + "." +
         std::string(path.substr(name));
}

std::string release_path(std::string_view product, std::string_view version) {
  return "releases/" + std::string(product) + "/" + std::string(version) + "/manifest.json";
}
std::string release_pattern(std::string_view product) {
  return "releases/" + std::string(product) + "/*/*";
}
std::string release_role(std::string_view product) {
  return "rel-" + std::string(product);
}

}  // namespace pawl::manifest
