#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/disk.hpp"
#include "base/time.hpp"
#include "manifest/policy.hpp"
#include "manifest/ports.hpp"
#include "manifest/roles.hpp"

namespace pawl::signer {

/// Enough for any chain of roots; a device takes 64 at a time.
inline constexpr unsigned kMaxRoots = 4096;

/// A repository directory as the signer finds it (FORMAT 11.1): every signature of the published
/// chain checked by the device's own client, expiry left aside, since expired metadata is what
/// `renew` is for.
struct Repository {
  std::string directory;
  Sha256Digest id;  // SHA-256 of the signed part of root version 1
  Bytes first_root;
  manifest::Root root;
  manifest::Policy policy;
  manifest::Timestamp timestamp;
  manifest::Snapshot snapshot;
  manifest::Targets targets;
  std::map<std::string, manifest::Targets> roles;   // delegated, by role name
  std::map<std::string, MetadataVersion> versions;  // highest on disk, published or not

  /// One above everything on disk: a version is never signed twice.
  [[nodiscard]] MetadataVersion next_version(const std::string& role) const;
  /// What `targets` says about a delegated role; nullptr when there is none.
  [[nodiscard]] const manifest::Delegation* delegation(std::string_view role) const;
  /// Who may sign a role.
  [[nodiscard]] manifest::RoleKeys keys_of(const std::string& role) const;
};

/// Reads and verifies. @param id  what root version 1 must be, when the caller knows
/// @return kIo when there is no repository, kBadSignature when the directory is not that repository
[[nodiscard]] Result<Repository> load_repository(Disk& disk, const std::string& directory,
                                                 const std::optional<Sha256Digest>& id);

/// True once the directory has been published: `metadata/timestamp.json` is there.
[[nodiscard]] Result<bool> is_published(Disk& disk, const std::string& directory);
/// One writer at a time. @return kBusy
[[nodiscard]] Result<std::unique_ptr<DiskLock>> lock_repository(Disk& disk,
                                                                const std::string& directory);

/// "metadata/4.root.json"; timestamp carries no version.
[[nodiscard]] std::string metadata_path(const std::string& role, MetadataVersion version);
[[nodiscard]] std::string policy_path(const Sha256Digest& digest);
[[nodiscard]] std::string blob_path(const Sha256Digest& digest);
/// "targets/releases/gw3/1.0.0/<sha256>.manifest.json"
[[nodiscard]] std::string manifest_path(const std::string& target_path, const Sha256Digest& digest);

/// Metadata files in memory, for a client that starts from nothing.
class MemoryStore final : public manifest::Store {
 public:
  Result<std::optional<Bytes>> load(const std::string& name, std::size_t limit) override;
  Status save(const std::string& name, ByteView bytes) override;
  Status drop(const std::string& name) override;

 private:
  std::map<std::string, Bytes> files_;
};

/// A clock that stands still.
class FixedClock final : public Clock {
 public:
  explicit FixedClock(UtcTime now) : now_(now) {}
  UtcTime now() override { return now_; }
  std::chrono::steady_clock::time_point steady() override { return {}; }

 private:
  UtcTime now_;
};

}  // namespace pawl::signer
