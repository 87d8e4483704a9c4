#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "manifest/release.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {

/// One release manifest that lies in a repository, listed by its role or not any more.
struct PublishedRelease {
  std::string version;
  Sha256Digest digest;
  ReleaseCounter counter{0};
  SecurityVersion security_version{0};
  SecurityVersion min_security_version{0};
};

/// Every manifest of a product under targets/, highest counter first. Withdrawn and pruned releases
/// stay there: their counters and versions are never used again.
/// @return kHashMismatch when a file is not what its name says
[[nodiscard]] Result<std::vector<PublishedRelease>> published_releases(Disk& disk,
                                                                       const std::string& directory,
                                                                       const std::string& product);

enum class Addition : std::uint8_t { kNew, kKnown };

/// Whether a release may be signed after what the product has published (FORMAT 11.3).
/// @return kKnown for the very release that is there already; kNotForDevice for a product the
///         repository does not delegate, kLedger for a counter not above the last one or a second
///         manifest of one version, kRollback for a security version no device would take
[[nodiscard]] Result<Addition> check_addition(const manifest::Release& release,
                                              const Sha256Digest& digest,
                                              const std::vector<PublishedRelease>& published,
                                              const Repository& repository);

/// ARCHITECTURE: a device takes a release at most this far above its floor.
inline constexpr std::uint64_t kMaxSecurityStep = 64;

}  // namespace pawl::signer
