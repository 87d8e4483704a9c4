#pragma once
#include <memory>
#include <string>

#include "base/disk.hpp"
#include "manifest/bundle.hpp"
#include "manifest/ports.hpp"

namespace pawl::manifest {

/// An offline bundle lying in a file: a source of metadata, of the one manifest and of blobs.
/// Keeps the table in memory and nothing else, whatever the size of the payloads. The medium may
/// change while it is read: every part is checked after it was read, by whoever asked for it.
class BundleFile final : public Fetcher {
 public:
  /// @return kMalformed for what is no bundle or a cut one, kTooLarge, or the error of the disk
  [[nodiscard]] static Result<BundleFile> open(Disk& disk, const std::string& path);

  Result<std::optional<Bytes>> metadata(const std::string& file, std::size_t limit) override;
  Result<std::optional<Bytes>> target(const std::string& path, std::size_t limit) override;
  /// Fills `out` from `offset` of a part. @return kTransport when it does not reach that far
  [[nodiscard]] Status read_at(const BundleEntry& entry, std::span<std::uint8_t> out,
                               std::uint64_t offset);
  [[nodiscard]] const BundleTable& table() const { return table_; }

 private:
  BundleFile(std::unique_ptr<File> file, BundleTable table);
  Result<std::optional<Bytes>> read(BundlePart part, const std::string& name, std::size_t limit);
  std::unique_ptr<File> file_;
  BundleTable table_;
};

}  // namespace pawl::manifest
