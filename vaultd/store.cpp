#include "vaultd/store.hpp"

#include <chrono>
#include <thread>

#include "sealing/protector.hpp"
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

class TpmKeeper final : public Keeper {
 public:
  explicit TpmKeeper(std::unique_ptr<sealing::VaultTpm> tpm) : tpm_(std::move(tpm)) {}
  vault::KeyProtector& protector() override { return tpm_->protector(); }
  vault::Anchor& anchor() override { return tpm_->anchor(); }
  [[nodiscard]] std::uint64_t renewals() const override { return tpm_->rotation(); }

 private:
  std::unique_ptr<sealing::VaultTpm> tpm_;
};

/// What a person can do when the TPM says no; the faults themselves are in docs/runbooks/tpm.md.
Error with_advice(Error error) {
  if (error.code() != Errc::kTpm) return error;
  return std::move(error).with_hint(
      "a boot the device does not allow opens nothing: start the committed slot, see pawl-updater "
      "status and docs/runbooks/tpm.md");
}

}  // namespace

Result<std::unique_ptr<Keeper>> open_keeper(Disk& disk, Random& random, const Config& config) {
  switch (config.protector) {
    case Config::Protector::kTpm2: {
      PAWL_TRY(auto tpm, sealing::VaultTpm::open(config.tpm.tcti, disk, config.tpm.handover));
      return std::unique_ptr<Keeper>(std::make_unique<TpmKeeper>(std::move(tpm)));
    }
    case Config::Protector::kFile:
      return std::unique_ptr<Keeper>(std::make_unique<FileKeeper>(disk, random, config.file));
  }
  PAWL_ASSERT(false);
}

vault::VaultConfig Store::vault_config() const {
  return {config.directory, config.owner(), config.anchoring, config.recovery, keeper.renewals()};
}

vault::VaultParts Store::parts() {
  return {disk, random, keeper.protector(), keeper.anchor()};
}

Result<vault::Vault> Store::create() {
  auto made = vault::Vault::create(parts(), vault_config());
  if (!made) return with_advice(std::move(made).error());
  return made;
}

Result<vault::Vault> Store::open() {
  constexpr std::chrono::milliseconds kPause{20};
  const auto until = clock.steady() + wait;
  while (true) {
    auto opened = vault::Vault::open(parts(), vault_config());
    if (opened) return opened;
    if (opened.error().code() != Errc::kBusy || clock.steady() >= until) {
      return with_advice(std::move(opened).error());
    }
    std::this_thread::sleep_for(kPause);  // a file lock tells nobody when it is free
  }
}

Result<vault::Vault> Store::recover(const SecretBytes& private_key) {
  return vault::Vault::recover(parts(), vault_config(), private_key);
}

}  // namespace pawl::vaultd
