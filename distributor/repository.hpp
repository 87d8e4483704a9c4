#pragma once
#include <memory>
#include <string>

#include "base/disk.hpp"
#include "distributor/route.hpp"

namespace pawl::distributor {

/// A repository directory (FORMAT 11) as it lies on disk. Nothing is verified here: devices check
/// every byte against what was signed.
class Repository {
 public:
  Repository(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}
  /// @return kIo with raw ENOENT when there is no such file.
  Result<std::unique_ptr<File>> open(const Route& route);

 private:
  Disk& disk_;
  std::string folder_;
};

}  // namespace pawl::distributor
