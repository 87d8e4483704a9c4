#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/cli/command.hpp"
#include "base/disk.hpp"
#include "payload/build.hpp"
#include "signer/config.hpp"
#include "signer/hsm_keys.hpp"
#include "signer/revision.hpp"

namespace pawl::signer {

/// A repository nobody else changes while this lives.
struct LockedRepository {
  std::unique_ptr<DiskLock> lock;
  Repository repository;
};

/// What every verb that signs needs: disk, clock, configuration and keys of one run.
class Workbench {
 public:
  /// Reads the configuration that --config, --repo and the working directory point to. Opens no
  /// token. @return kConfig
  [[nodiscard]] static Result<std::unique_ptr<Workbench>> open(const cli::Args& args, cli::Io& io);

  /// As open, for `key new`: the configuration need not exist, and no repository is looked for.
  [[nodiscard]] static Result<std::unique_ptr<Workbench>> open_for_new_key(const cli::Args& args,
                                                                           cli::Io& io);
  /// As open, for `repo init DIR`: the configuration lies beside DIR.
  [[nodiscard]] static Result<std::unique_ptr<Workbench>> open_for_init(const cli::Args& args,
                                                                        cli::Io& io);

  [[nodiscard]] Disk& disk() { return disk_; }
  [[nodiscard]] Clock& clock() { return clock_; }
  [[nodiscard]] Config& config() { return config_; }
  [[nodiscard]] KeyRing& ring() { return ring_; }
  [[nodiscard]] HsmKeys& keys() { return *keys_; }
  /// --repo, or `repository` of the configuration. @return kUsage when neither is given
  [[nodiscard]] Result<std::string> repository() const;
  /// Repository of this configuration, verified; for verbs that only read.
  [[nodiscard]] Result<Repository> load() const;
  /// @return kBusy while another command changes it
  [[nodiscard]] Result<LockedRepository> lock_and_load() const;

 private:
  static Result<std::unique_ptr<Workbench>> make(Config config,
                                                 std::optional<std::string> repository,
                                                 cli::Io& io);
  Workbench(Config config, std::optional<std::string> repository, std::unique_ptr<HsmKeys> keys,
            KeyRing ring);
  mutable PosixDisk disk_;  // has no state
  SystemClock clock_;
  Config config_;
  std::optional<std::string> repository_;
  std::unique_ptr<HsmKeys> keys_;
  KeyRing ring_;
};

/// Signs a revision, publishes it and prints one result. The caller holds the lock.
/// @param what  for people, in front of the list of signed roles
[[nodiscard]] Status sign_and_publish(Workbench& bench, Revision& revision, Publication extra,
                                      json::Object result, std::string what, cli::Io& io);

/// The mark every output carries after a software key has signed; none when `labels` is empty.
void mark_development(const std::vector<std::string>& labels, json::Object& object,
                      std::string& text);

/// zstd levels where `--level` is not given: a full payload has every byte of the image, a delta
/// few, and is fetched by most devices (decisions/0045).
inline constexpr int kFullPayloadLevel = 9;
inline constexpr int kDeltaPayloadLevel = 19;
/// `--level` and `--threads`; all processors by default. @return kUsage
[[nodiscard]] Result<payload::BuildOptions> read_payload_options(const cli::Args& args,
                                                                 int default_level);

/// `--tlog FILE`. @return kMalformed naming file and line
[[nodiscard]] Result<std::optional<manifest::LogPolicy>> log_policy_option(const cli::Args& args,
                                                                           Disk& disk);

/// `--proof FILE`: the transparency proof of a release (FORMAT 2.6.8).
[[nodiscard]] Result<std::optional<Bytes>> proof_option(const cli::Args& args, Disk& disk);
/// Says so when a release of a repository with a log comes without its proof.
void note_unproved(const Repository& repository, const std::optional<Bytes>& proof, cli::Io& io);

/// `--at TIME`, or the time of day. @return kUsage
[[nodiscard]] Result<UtcTime> clock_option(const cli::Args& args);
/// Applies `--expires ROLE=DURATION` options. @return kUsage
[[nodiscard]] Status apply_expires(const std::vector<std::string>& options, Expiry& expiry);

}  // namespace pawl::signer
