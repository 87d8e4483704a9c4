#pragma once
#include <array>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "manifest/profile.hpp"

namespace pawl::manifest {

using Sha512Digest = FixedBytes<struct Sha512DigestTag, 64>;

/// The digests a signed file gives for another one (FORMAT 2.4.2). Strict: SHA-256 alone.
struct FileHashes {
  std::optional<Sha256Digest> sha256;
  std::optional<Sha512Digest> sha512;
  bool unknown = false;  // interop: an algorithm we do not have; such a file is never accepted

  /// kHashMismatch unless every digest fits; `what` names the file in the error.
  [[nodiscard]] Status check(ByteView bytes, const std::string& what) const;
  /// A listed digest in hex, as it stands in consistent file names.
  [[nodiscard]] std::string file_prefix() const;
  friend bool operator==(const FileHashes&, const FileHashes&) = default;
};

[[nodiscard]] Result<FileHashes> parse_hashes(const json::Object& object, const std::string& where,
                                              Profile profile);
[[nodiscard]] json::Object hashes_to_json(const FileHashes& hashes);

}  // namespace pawl::manifest
