#include "vaultd/store.hpp"

#include <chrono>
#include <thread>

#include "vault/file_protector.hpp"

namespace pawl::vaultd {
namespace {

class FileKeeper final : public Keeper {
 public:
  FileKeeper(Disk& disk, Random& random, const Config::File& paths)
      : protector_(disk, random, paths.key), anchor_(disk, paths.anchor) {}
  vault::KeyProtector& protector() override { return protector_; }
  vault::Anchor& anchor() override { return anchor_; }

 private:
  vault::FileProtector protector_;
  vault::FileAnchor anchor_;
};

}  // namespace

Result<std::unique_ptr<Keeper>> open_keeper(Disk& disk, Random& random, const Config& config) {
  return std::unique_ptr<Keeper>(std::make_unique<FileKeeper>(disk, random, config.file));
}

vault::VaultConfig Store::vault_config() const {
  return {config.directory, config.owner(), config.anchoring, config.recovery};
}

vault::VaultParts Store::parts() {
  return {disk, random, keeper.protector(), keeper.anchor()};
}

Result<vault::Vault> Store::create() {
  return vault::Vault::create(parts(), vault_config());
}

Result<vault::Vault> Store::open() {
  constexpr std::chrono::milliseconds kPause{20};
  const auto until = clock.steady() + wait;
  while (true) {
    auto opened = vault::Vault::open(parts(), vault_config());
    if (opened || opened.error().code() != Errc::kBusy || clock.steady() >= until) return opened;
    std::this_thread::sleep_for(kPause);  // a file lock tells nobody when it is free
  }
}

}  // namespace pawl::vaultd
