#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.hpp"

namespace pawl::boot {

/// The firmware's variables of the global namespace (8be4df61-93ca-11d2-aa0d-00e098032b8c), by
/// name. The firmware stores each one as a whole: set and remove are one durable operation.
class EfiVariables {
 public:
  static constexpr std::size_t kMaxBytes = 4096;

  virtual ~EfiVariables() = default;
  virtual Result<std::vector<std::string>> names() = 0;
  /// The value without attributes; empty when there is none. kTooLarge over kMaxBytes.
  virtual Result<std::optional<Bytes>> get(const std::string& name) = 0;
  virtual Status set(const std::string& name, ByteView value) = 0;
  virtual Status remove(const std::string& name) = 0;
};

/// efivarfs: one file for each variable, four bytes of attributes before the value. One write is
/// one call of the firmware; there is nothing to sync, and the file system refuses to.
class Efivarfs final : public EfiVariables {
 public:
  Efivarfs(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}
  Result<std::vector<std::string>> names() override;
  Result<std::optional<Bytes>> get(const std::string& name) override;
  Status set(const std::string& name, ByteView value) override;
  Status remove(const std::string& name) override;

 private:
  [[nodiscard]] std::string file(const std::string& name) const;
  Disk& disk_;
  std::string folder_;
};

}  // namespace pawl::boot
