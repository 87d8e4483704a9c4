#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "vault/vault.hpp"

namespace pawl::vaultd {

/// `vault.toml` (FORMAT 7.6). Lives inside the verified image; paths that do not begin with `/` are
/// below the folder of the configuration file.
struct Config {
  enum class Protector : std::uint8_t {
    kTpm2,  // opens in boots that the device's TPM allows
    kFile,  // development: the key lies beside the data
  };
  struct Tpm {  // used by Protector::kTpm2 only
    std::string tcti = "device:/dev/tpmrm0";
    std::string handover = "/run/pawl/cell";  // written by pawl-updater boot
  };
  struct File {  // used by Protector::kFile only
    std::string key;
    std::string anchor;
  };

  Protector protector = Protector::kTpm2;
  std::string directory = "/var/lib/pawl/vault";
  std::string user = "root";      // who may open it, and nobody else
  std::string device = "device";  // name bound into every file
  vault::Anchoring anchoring = vault::Anchoring::kFirstWrite;
  Tpm tpm;
  File file;
  std::optional<vault::RecoveryKey> recovery;

  /// What is bound into every file: user and device (FORMAT 7.6.3).
  [[nodiscard]] std::string owner() const { return user + "@" + device; }
};

/// Parses and checks a configuration. Unknown, repeated and contradicting keys are kConfig and name
/// file and line. There is no default protector: a development key is never taken by accident.
/// @param origin  path of the file: for messages and as the base of relative paths
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& origin);

}  // namespace pawl::vaultd
