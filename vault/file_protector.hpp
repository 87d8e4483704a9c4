#pragma once
#include <string>

#include "base/disk.hpp"
#include "base/random.hpp"
#include "vault/protector.hpp"

namespace pawl::vault {

/// Development only: the wrapping key is a file beside the data, so whoever has the disk has the
/// vault. Says so in its name.
class FileProtector final : public KeyProtector {
 public:
  FileProtector(Disk& disk, Random& random, std::string path)
      : disk_(disk), random_(random), path_(std::move(path)) {}
  [[nodiscard]] std::string_view name() const override { return "file (development)"; }
  Result<Bytes> seal(const SecretBytes& key) override;
  Result<SecretBytes> open(ByteView blob) override;

 private:
  Result<SecretBytes> load();
  Result<SecretBytes> load_or_create();
  Disk& disk_;
  Random& random_;
  std::string path_;
};

/// Development only: the anchor in a file, which can be set back together with the rest.
class FileAnchor final : public Anchor {
 public:
  FileAnchor(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  Result<std::optional<AnchorValue>> read() override;
  Status write(const AnchorValue& value) override;

 private:
  Disk& disk_;
  std::string path_;
};

}  // namespace pawl::vault
