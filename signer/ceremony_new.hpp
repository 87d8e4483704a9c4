#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>

#include "signer/addition.hpp"
#include "signer/ceremony.hpp"
#include "signer/key_ring.hpp"
#include "signer/repo_plan.hpp"
#include "signer/revision.hpp"

namespace pawl::signer {

/// What a ceremony is to change; members of one role only.
struct Proposal {
  std::map<std::string, RolePlan> top;              // root, targets, snapshot, timestamp: who signs
  std::map<std::string, SecurityVersion> ceilings;  // by product
  std::map<std::string, RolePlan> development;      // by product: who signs override tickets
  std::set<std::string> production;                 // products without such keys from now on
  std::optional<manifest::LogPolicy> tlog;          // the log releases have to be in
  std::map<std::string, RolePlan> products;         // new ones, or other keys; changes targets
  std::set<std::string> ended;                      // product lines that end
  std::optional<BuiltRelease> release;              // changes the role of its product
  std::string release_directory;
  std::optional<Bytes> proof;          // of that release, in the log (FORMAT 2.6.8)
  std::optional<std::string> renewed;  // a role: version and expiry alone

  [[nodiscard]] bool changes_policy() const;
  /// The one role all of this belongs to. @return kUsage for none, or more than one
  [[nodiscard]] Result<std::string> role() const;
};

/// Writes down the proposal against what is published (FORMAT 11.8). Signs nothing.
/// @return kUsage, or the errors of plan_addition; the result passes check_ceremony
[[nodiscard]] Result<Ceremony> new_ceremony(Disk& disk, const Repository& published,
                                            const Proposal& proposal, const Expiry& expiry,
                                            UtcTime now, const KeyRing& ring);

/// Adds the signatures of `other`, which must be of the same change.
/// @return kUsage when it is another ceremony
[[nodiscard]] Status merge_signatures(Ceremony& into, const Ceremony& other);

}  // namespace pawl::signer
