#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "manifest/roles.hpp"
#include "signer/key_ring.hpp"
#include "signer/ledger.hpp"
#include "signer/repository.hpp"

namespace pawl::signer {

/// A role as it is published.
struct PublishedRole {
  enum class Signer : std::uint8_t { kOthers, kThisHost };
  std::string role;
  MetadataVersion version{1};
  Sha256Digest digest;  // of the signed bytes
  Signer signer = Signer::kOthers;
};

/// What is published: the roles that decide something (not snapshot and timestamp) and every
/// release, listed or not any more.
struct PublishedState {
  Sha256Digest repository;
  std::vector<PublishedRole> roles;
  std::vector<LedgerEntry> releases;
};

/// Reads it from a repository that has been verified. @param ring  whose keys are this host's
[[nodiscard]] Result<PublishedState> published_state(Disk& disk, const Repository& repository,
                                                     const KeyRing& ring, UtcTime now);
/// One file of it. @return kMalformed
[[nodiscard]] Result<PublishedRole> published_role(const std::string& role, MetadataVersion version,
                                                   ByteView file, const KeyRing& ring);
/// The releases that a product role lists. @return kMalformed for a target that is no release
[[nodiscard]] Result<std::vector<LedgerEntry>> listed_releases(const manifest::Targets& targets,
                                                               const Sha256Digest& repository,
                                                               UtcTime now);

/// kLedger when what is published is older than what this host has seen, or another file of the
/// same version; or when a key of this host has signed what the ledger does not know: then the
/// ledger is an old copy, or that of another host (FORMAT 11.9.4).
[[nodiscard]] Status check_published(const Ledger& ledger, const PublishedState& published);
/// Enters what is published and not known yet.
void take_over(Ledger& ledger, const PublishedState& published, UtcTime now);
/// Enters what is about to be signed: the version of the role and the releases it lists.
/// @return kLedger for a version that is published already, a release counter that is not above the
///         last one of the product, or a second manifest of one version (FORMAT 11.9.5)
[[nodiscard]] Status enter_signing(Ledger& ledger, const LedgerEntry& role,
                                   const std::vector<LedgerEntry>& releases);

}  // namespace pawl::signer
