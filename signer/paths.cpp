#include "signer/paths.hpp"

#include <filesystem>
#include <system_error>

namespace pawl::signer {
namespace {

constexpr std::string_view kFile = "file:";

}  // namespace

std::string resolve_path(const std::string& directory, const std::string& path) {
  if (path.starts_with('/') || directory == ".") return path;
  return directory == "/" ? "/" + path : directory + "/" + path;
}

std::string relative_path(const std::string& directory, const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const auto from = fs::absolute(directory, failed).lexically_normal();
  const auto to = fs::absolute(path, failed).lexically_normal();
  if (failed) return path;
  const auto relative = to.lexically_relative(from);
  const bool outside = relative.empty() || *relative.begin() == "..";
  return outside && path.starts_with('/') ? to.string() : relative.string();
}

std::string resolve_pin(const std::string& directory, const std::string& source) {
  if (!source.starts_with(kFile)) return source;
  return std::string(kFile) + resolve_path(directory, source.substr(kFile.size()));
}

std::string relative_pin(const std::string& directory, const std::string& source) {
  if (!source.starts_with(kFile)) return source;
  return std::string(kFile) + relative_path(directory, source.substr(kFile.size()));
}

}  // namespace pawl::signer
