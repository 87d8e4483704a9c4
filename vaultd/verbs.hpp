#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "vaultd/store.hpp"
#include "vaultd/streams.hpp"

/// What the verbs of pawl-vault do, without command line and output (the manual).
namespace pawl::vaultd {

enum class DryRun : std::uint8_t { kNo, kYes };

/// Makes an empty vault. @return kVault when there is one, or an anchor that tells of one
[[nodiscard]] Result<vault::VaultStatus> init(Store& store);

enum class PutMode : std::uint8_t { kReplace, kAppend };
/// Streams a value in; nothing changes until its last byte is durable.
[[nodiscard]] Result<vault::EntryInfo> put(Store& store, const std::string& name, PutMode mode,
                                           Source& from, Progress& progress);

/// A part of an entry; without length up to its end.
struct Range {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};
struct GetResult {
  std::uint64_t size = 0;    // of the whole entry
  std::uint64_t length = 0;  // bytes given out
};
/// Gives out bytes that have been verified, piece by piece. @return kUsage past the end
[[nodiscard]] Result<GetResult> get(Store& store, const std::string& name, const Range& range,
                                    Sink& to, Progress& progress);
/// The same into memory; kTooLarge over `limit`.
struct GetValue {
  GetResult facts;
  SecretBytes value;
};
[[nodiscard]] Result<GetValue> get_value(Store& store, const std::string& name, const Range& range,
                                         std::size_t limit);

[[nodiscard]] Result<std::vector<vault::EntryInfo>> list(Store& store);

/// @return what was removed, or with kYes what would be
[[nodiscard]] Result<vault::EntryInfo> remove(Store& store, const std::string& name,
                                              DryRun dry_run);

enum class Rotation : std::uint8_t { kWraps, kDeep };
[[nodiscard]] Result<vault::VaultStatus> rotate(Store& store, Rotation rotation);

/// Gives a vault whose protector or anchor was lost a new one.
/// @param key  private half of the configured recovery key: 64 hexadecimal digits, one line
[[nodiscard]] Result<vault::VaultStatus> recover(Store& store, ByteView key);

struct StatusResult {
  vault::VaultStatus vault;
  std::uint64_t bytes = 0;  // plain, of all entries
};
[[nodiscard]] Result<StatusResult> status(Store& store);

}  // namespace pawl::vaultd
