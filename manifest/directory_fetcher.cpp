#include "manifest/directory_fetcher.hpp"

#include "manifest/path.hpp"

namespace pawl::manifest {

DirectoryFetcher::DirectoryFetcher(Disk& disk, std::string directory)
    : disk_(disk), directory_(std::move(directory)) {}

Result<std::optional<Bytes>> DirectoryFetcher::metadata(const std::string& file,
                                                        std::size_t limit) {
  return read_optional(disk_, directory_ + "/metadata/" + file, limit);
}

Result<std::optional<Bytes>> DirectoryFetcher::target(const std::string& path, std::size_t limit) {
  if (!safe_target_path(path)) {
    return fail(Errc::kMalformed, "target path " + printable(path) + " leaves the repository");
  }
  return read_optional(disk_, directory_ + "/targets/" + path, limit);
}

}  // namespace pawl::manifest
