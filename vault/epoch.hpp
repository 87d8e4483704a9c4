#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "vault/protector.hpp"

namespace pawl::vault {

using RecoveryKey =
    FixedBytes<struct RecoveryKeyTag, 32>;  // X25519 public key, private half offline

/// SHA-256("pawl-epoch-key" 00 || epoch as u64 LE || key): what the anchor holds of an epoch key.
[[nodiscard]] Sha256Digest epoch_key_hash(std::uint64_t epoch, const SecretBytes& key);

/// The sealed epoch keys of one vault (FORMAT 7.5): `<N>.blob` sealed by the protector, `<N>.link`
/// by which the key of epoch N-1 vouches for that of epoch N, `<N>.recovery` for the recovery key.
class EpochFiles {
 public:
  EpochFiles(Disk& disk, std::string directory, KeyProtector& protector)
      : disk_(disk), directory_(std::move(directory)), protector_(protector) {}

  /// Seals `key` as epoch `epoch` and makes all its files durable. Writing it again replaces it.
  Status write(std::uint64_t epoch, const SecretBytes& key,
               const std::optional<RecoveryKey>& recovery);
  /// The older key vouches for the newer one, whose epoch is `epoch`.
  Status write_link(std::uint64_t epoch, const SecretBytes& older, const SecretBytes& newer);
  [[nodiscard]] Result<SecretBytes> open(std::uint64_t epoch);
  /// By the recovery wrap of that epoch. @return kVault: there is none, or it is for another key
  [[nodiscard]] Result<SecretBytes> recover(std::uint64_t epoch, const RecoveryKey& public_key,
                                            const SecretBytes& private_key);
  /// @return kVault unless `older` vouched for `newer` as epoch `epoch`
  [[nodiscard]] Status check_link(std::uint64_t epoch, const SecretBytes& older,
                                  const SecretBytes& newer);
  /// Removes the files of every epoch but one.
  Status keep_only(std::uint64_t epoch);

 private:
  [[nodiscard]] std::string path(std::uint64_t epoch, std::string_view kind) const;
  Disk& disk_;
  std::string directory_;
  KeyProtector& protector_;
};

/// Opens a recovery wrap with the private half. @return kVault when it is for another key
[[nodiscard]] Result<SecretBytes> open_recovery(ByteView wrap, const RecoveryKey& public_key,
                                                const SecretBytes& private_key);

}  // namespace pawl::vault
