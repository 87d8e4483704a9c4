#pragma once
#include <optional>
#include <string>
#include <vector>

#include "signer/ceremony.hpp"

namespace pawl::signer {

/// One thing a ceremony changes.
struct Change {
  enum class Weight : std::uint8_t {
    kOrdinary,
    kIrreversible,  // devices that act on it can never go back
  };
  std::string scope;  // "keys root", "ceiling gw3", "release 1.2.0": what `new` declared
  std::string words;
  Weight weight = Weight::kOrdinary;
};

/// A ceremony that holds together: the chain of roots leads from the first to the one in force,
/// what is in force is signed, and the bytes to sign are exactly those that `changes` were read
/// from.
struct CeremonyView {
  MetadataVersion version{1};
  UtcTime expires{};
  std::vector<Change> changes;
  std::vector<manifest::RoleKeys> keys;    // each threshold must be reached
  std::vector<manifest::KeyId> signed_by;  // valid signatures
  std::vector<manifest::KeyId> may_sign;   // who else could
  std::vector<std::size_t> missing;        // signatures, for each of `keys`
  manifest::Root root;                     // the one in force; for role root the new one
  manifest::Targets targets;               // the new version; not for role root

  [[nodiscard]] bool complete() const;
};

/// Checks everything in the file but expiry (FORMAT 11.8.3 to 11.8.6).
///
/// @param pinned  the repository this host signs for, when its configuration names one
/// @return kBadSignature for another repository, a broken chain or a signature that does not
/// verify;
///         kMalformed for members that are not shown, a version out of order, a policy or a
///         manifest that is not the one named; kUsage for changes outside the declared scope
[[nodiscard]] Result<CeremonyView> check_ceremony(const Ceremony& ceremony,
                                                  const std::optional<Sha256Digest>& pinned);

/// What root's change says, in words; `scope` as in Change.
[[nodiscard]] std::vector<Change> root_changes(const Ceremony& names, const manifest::Root& from,
                                               const manifest::Root& to);
[[nodiscard]] std::vector<Change> policy_changes(const manifest::Policy& from,
                                                 const manifest::Policy& to);
/// Delegations of `targets`.
[[nodiscard]] std::vector<Change> targets_changes(const Ceremony& names,
                                                  const manifest::Targets& from,
                                                  const manifest::Targets& to);
/// Releases of a product role. @return kMalformed for a release whose manifest is not in the file
[[nodiscard]] Result<std::vector<Change>> release_changes(const Ceremony& ceremony,
                                                          const manifest::Targets& from,
                                                          const manifest::Targets& to);

}  // namespace pawl::signer
