#pragma once
#include <string>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace pawl::hsm {

/// Which files may hold a secret.
enum class FileRule : std::uint8_t {
  kPrivate,     // owned by the effective user, mode without group and others
  kCredential,  // as systemd makes them: owner root or the effective user, not writable by others
};

/// Reads a small secret straight into locked memory. Regular files only, symbolic links refused.
/// @return kIo, kTooLarge above `limit` bytes, or kConfig when owner or mode break the rule.
[[nodiscard]] Result<SecretBytes> read_secret_file(const std::string& path, std::size_t limit,
                                                   FileRule rule);
/// Reads until the end of the stream, a line feed (dropped) or `limit` bytes (then kTooLarge).
[[nodiscard]] Result<SecretBytes> read_secret_line(int fd, std::size_t limit);

}  // namespace pawl::hsm
