#pragma once
#include <memory>

#include "base/disk.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "vault/vault.hpp"
#include "vaultd/config.hpp"

namespace pawl::vaultd {

/// The key protector and the anchor that a configuration names; they belong together.
class Keeper {
 public:
  virtual ~Keeper() = default;
  virtual vault::KeyProtector& protector() = 0;
  virtual vault::Anchor& anchor() = 0;
  /// How often it has asked for a new epoch key (FORMAT 7.5.5).
  [[nodiscard]] virtual std::uint64_t renewals() const { return 0; }
};
/// @return kTpm for a TPM that is not the provisioned one, or not provisioned
[[nodiscard]] Result<std::unique_ptr<Keeper>> open_keeper(Disk& disk, Random& random,
                                                          const Config& config);

/// Everything the verbs work with. The clock only bounds how long to wait for another process.
struct Store {
  const Config& config;
  Disk& disk;
  Random& random;
  Clock& clock;
  Keeper& keeper;
  Seconds wait{10};

  /// Makes the vault. @return as vault::Vault::create
  [[nodiscard]] Result<vault::Vault> create();
  /// Opens it, waiting for another process to let it go. @return as vault::Vault::open
  [[nodiscard]] Result<vault::Vault> open();
  /// @return as vault::Vault::recover
  [[nodiscard]] Result<vault::Vault> recover(const SecretBytes& private_key);
  [[nodiscard]] vault::VaultConfig vault_config() const;

 private:
  [[nodiscard]] vault::VaultParts parts();
};

}  // namespace pawl::vaultd
