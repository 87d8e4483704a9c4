#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/strong.hpp"
#include "base/time.hpp"
#include "manifest/hashes.hpp"
#include "manifest/key.hpp"

/// The signed parts of TUF files as values (FORMAT 2.4 to 2.6). `parse` reads the bytes of `signed`
/// once a signature is checked; `serialise` writes the canonical bytes that a signer signs.
/// Unknown members are accepted and not kept: a signer that re-serialises what it shows signs
/// nothing it has not shown.
namespace pawl::manifest {

inline constexpr std::string_view kSpecVersion = "1.0.34";
inline constexpr std::int64_t kMaxMetadataVersion = std::int64_t{1} << 48;

/// Member `x-pawl` (FORMAT 2.4.3): which repository and role a file is for.
struct Origin {
  std::optional<Sha256Digest> repository;  // absent only in root version 1
  std::string role;
  std::optional<UtcTime> issued;  // when it was signed; feeds the time floor (FORMAT 2.8)
  friend bool operator==(const Origin&, const Origin&) = default;
};

struct Header {
  MetadataVersion version{1};
  UtcTime expires{};
  std::optional<Origin> origin;  // always there in strict
};

struct FileReference {
  Sha256Digest sha256;
  std::uint64_t length = 0;
  friend bool operator==(const FileReference&, const FileReference&) = default;
};

struct Root {
  Header header;
  bool consistent_snapshot = true;
  KeyMap keys;
  Role root;
  Role timestamp;
  Role snapshot;
  Role targets;
  std::optional<FileReference> policy;  // x-pawl.policy

  [[nodiscard]] static Result<Root> parse(std::string_view signed_text, Profile profile);
  [[nodiscard]] std::string serialise() const;
  /// Names the repository: SHA-256 of the canonical `signed` bytes of root version 1.
  [[nodiscard]] static Sha256Digest repository_id(std::string_view root_v1_signed_text);
};

/// One entry of `meta` in timestamp and snapshot.
struct MetaFile {
  MetadataVersion version{1};
  std::optional<std::uint64_t> length;
  std::optional<FileHashes> hashes;
};

struct Timestamp {
  Header header;
  MetaFile snapshot;

  [[nodiscard]] static Result<Timestamp> parse(std::string_view signed_text, Profile profile);
  [[nodiscard]] std::string serialise() const;
};

struct Snapshot {
  Header header;
  std::map<std::string, MetaFile> meta;  // by role name, "targets" among them

  [[nodiscard]] static Result<Snapshot> parse(std::string_view signed_text, Profile profile);
  [[nodiscard]] std::string serialise() const;
};

struct TargetInfo {
  std::string path;
  std::uint64_t length = 0;
  FileHashes hashes;
  json::Object custom;
};

enum class Terminating : std::uint8_t { kNo, kYes };

struct Delegation {
  std::string name;
  Role role;
  Terminating terminating = Terminating::kNo;
  std::vector<std::string> paths;
  std::vector<std::string> path_hash_prefixes;  // interop

  /// Whether the delegating role allows this role to speak for `path`.
  [[nodiscard]] bool covers(std::string_view path) const;
};

/// TAP 15 hash bins: 2^bit_length roles named prefix-<hex> (interop).
struct SuccinctRoles {
  Role role;
  unsigned bit_length = 1;
  std::string name_prefix;

  [[nodiscard]] std::string bin_of(std::string_view path) const;
  [[nodiscard]] bool has(std::string_view role_name) const;
};

struct Delegations {
  KeyMap keys;
  std::vector<Delegation> roles;
  std::optional<SuccinctRoles> succinct;
};

/// `targets` and every delegated role.
struct Targets {
  Header header;
  std::map<std::string, TargetInfo> targets;  // by path
  std::optional<Delegations> delegations;

  [[nodiscard]] static Result<Targets> parse(std::string_view signed_text, Profile profile);
  [[nodiscard]] std::string serialise() const;
};

}  // namespace pawl::manifest
