#pragma once
#include <memory>
#include <string>

#include "base/disk.hpp"
#include "manifest/ports.hpp"

namespace pawl::manifest {

/// Metadata files in one directory, `<encoded name>.json`, each replaced whole: a power cut leaves
/// the old or the new bytes. Holds the directory's lock as long as it lives.
class DiskStore final : public Store {
 public:
  /// Creates the directory; drops temporary files of an interrupted run.
  /// @return kBusy when another process has the directory open
  [[nodiscard]] static Result<DiskStore> open(Disk& disk, std::string directory);

  Result<std::optional<Bytes>> load(const std::string& name, std::size_t limit) override;
  Status save(const std::string& name, ByteView bytes) override;
  Status drop(const std::string& name) override;

 private:
  DiskStore(Disk& disk, std::string directory, std::unique_ptr<DiskLock> lock);
  [[nodiscard]] std::string path_of(const std::string& name) const;
  Disk& disk_;
  std::string directory_;
  std::unique_ptr<DiskLock> lock_;
};

}  // namespace pawl::manifest
