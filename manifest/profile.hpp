#pragma once
#include <cstddef>
#include <cstdint>

namespace pawl::manifest {

/// Which files a verifier accepts (FORMAT 2.1).
///
/// kStrict: what devices use. Bytes are canonical as received, Ed25519 only, a key id is the digest
/// of its key, every file names its repository and role. kInterop: any TUF 1.0 repository.
enum class Profile : std::uint8_t { kStrict, kInterop };

/// Upper bounds, in bytes and in files (FORMAT 2.1.4). Everything received is compared with them
/// before it is used.
struct Limits {
  std::size_t root = 0;
  std::size_t timestamp = 0;
  std::size_t snapshot = 0;
  std::size_t targets = 0;  // also every delegated role
  std::size_t policy = 0;
  unsigned root_rotations = 0;  // new root files in one refresh
  unsigned delegations = 0;     // roles visited in one search
};

[[nodiscard]] constexpr Limits limits_of(Profile profile) {
  constexpr std::size_t kKiB = 1024;
  if (profile == Profile::kStrict) {
    return {32 * kKiB, 4 * kKiB, 64 * kKiB, 256 * kKiB, 16 * kKiB, 64, 16};
  }
  return {512000, 16384, 2000000, 5000000, 16 * kKiB, 256, 32};
}

}  // namespace pawl::manifest
