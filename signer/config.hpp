#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "signer/expiry.hpp"

namespace pawl::signer {

/// How to reach one private key on this host. What the key may sign is said by the repository's
/// metadata and nowhere else.
struct KeyEntry {
  std::string name;                // [a-z0-9-]{1,32}
  std::string record;              // path of its .pub.json, absolute or from the working directory
  std::optional<std::string> uri;  // where the key lies on this host, when not as in the record
  std::string pin = "prompt";      // fd:N, file:F, credential:NAME, env:VAR, prompt or none
  // an external program that signs for the key (FORMAT 10.8): absolute path, then its arguments
  std::vector<std::string> command = {};
  std::size_t message_limit = 4096;  // of the program, bytes
  Seconds time_limit{60};            // of the program, for one signature
};

/// What the manifests of one product have in common: defaults of `release build`.
struct ProductEntry {
  std::string name;
  std::optional<std::string> vendor_id;  // UUIDs, lower case
  std::optional<std::string> class_id;
  std::vector<std::string> hardware;       // revisions
  std::vector<std::string> boot_profiles;  // efi-uki, grub-uki, uboot-uki
  std::optional<std::string> phases;       // "sysinit ready"
};

/// signer.toml (pawl-signer.toml(5)). Paths in the file are relative to its own directory.
struct Config {
  static constexpr std::size_t kMaxKeys = 64;
  std::string path;                           // of the file; empty when there is none
  std::optional<std::string> repository;      // default for --repo
  std::optional<Sha256Digest> repository_id;  // digest of root version 1
  std::string ledger;                         // what this host has signed
  std::string module;                         // PKCS#11 module of URIs without module-path
  Seconds token_timeout{30};                  // one request to a token: 1 s to 10 min
  Expiry expiry;
  std::vector<KeyEntry> keys;
  std::vector<ProductEntry> products;

  [[nodiscard]] const KeyEntry* find(std::string_view name) const;
  /// Empty defaults for a product that is not configured.
  [[nodiscard]] ProductEntry product(std::string_view name) const;
};

/// @param path  of the file: for messages and to resolve relative paths
/// @return kConfig naming file and line
[[nodiscard]] Result<Config> parse_config(std::string_view text, std::string path);

/// The file named by --config; else `signer.toml` beside the repository `repository` or, without
/// one, in the working directory; else /etc/pawl/signer.toml; else an empty configuration.
/// @return kConfig also when the named file does not exist
[[nodiscard]] Result<Config> load_config(Disk& disk, const std::optional<std::string>& named,
                                         const std::optional<std::string>& repository);

/// Where a new configuration belongs: as load_config looks, without /etc.
[[nodiscard]] std::string config_path_for(const std::optional<std::string>& named,
                                          const std::optional<std::string>& repository);

/// Appends one key to the file (creating it); the name must be new to it. Durable.
[[nodiscard]] Status append_key(Disk& disk, const std::string& path, const KeyEntry& key);
/// Writes `repository`, `repository_id` and the expiry of a new repository into the file, leaving
/// everything else in it as it is. @return kConfig when it names another repository already
[[nodiscard]] Status set_repository(Disk& disk, const std::string& path,
                                    const std::string& repository, const Sha256Digest& id,
                                    const Expiry& expiry);

/// Key and product names: 1 to 32 of a-z, 0-9 and '-', not beginning with '-'.
[[nodiscard]] bool is_name(std::string_view text);

}  // namespace pawl::signer
