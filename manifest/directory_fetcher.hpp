#pragma once
#include <string>

#include "base/disk.hpp"
#include "manifest/ports.hpp"

namespace pawl::manifest {

/// Reads a repository directory (FORMAT 11): `metadata/` and `targets/` beneath it.
class DirectoryFetcher final : public Fetcher {
 public:
  DirectoryFetcher(Disk& disk, std::string directory);
  Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) override;
  Result<std::optional<Bytes>> target(const std::string& path, std::size_t limit) override;

 private:
  Disk& disk_;
  std::string directory_;
};

}  // namespace pawl::manifest
