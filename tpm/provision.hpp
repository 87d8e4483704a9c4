#pragma once
#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "tpm/context.hpp"
#include "tpm/policy_cell.hpp"

namespace pawl::tpm {

inline constexpr std::uint64_t kMaxFirstFloor = 1024;  // increments at provisioning

/// The two authorization values that nothing on the device keeps: 32 random bytes each.
struct RecoverySecrets {
  SecretBytes owner_auth;
  /// Empty optional when the lockout auth had been set before this run: an earlier wrap has it.
  std::optional<SecretBytes> lockout_auth;
};

/// What the device must remember of its TPM; public.
struct Provisioned {
  Name srk;                // to be pinned
  std::uint64_t base = 0;  // floor = counter - base
  KeyBlob sealed;          // the first secret
  CellText text;           // one branch: the running release
};

/// Where provisioning keeps its results. Each call must be durable when it returns: later steps
/// cannot be taken back. After a power cut everything is called again with new values.
class ProvisionKeeper {
 public:
  virtual ~ProvisionKeeper() = default;
  virtual Status keep_provisioned(const Provisioned& provisioned) = 0;
  /// Wraps the secrets to the offline recovery key and appends the wrap; never overwrites one.
  virtual Status keep_recovery(const RecoverySecrets& secrets) = 0;
};

struct ProvisionPlan {
  PcrSet bound;
  PcrValues pcrs{};  // live values, from an explained boot
  SecurityVersion running{0};
  /// Floor the registry remembers for this endorsement key; a cleared TPM does not lower it.
  SecurityVersion registry_floor{0};
  /// Who the device's records belong to, from the first moment on.
  RecordsAnchor records;
};

/// Takes a dedicated TPM into use, in the order of ARCHITECTURE: storage root key, counter, cell,
/// Names checked, anchor, seal and open, owner policy, one cell write through the policy, recovery
/// wrap, lockout auth, owner auth last. May be cut and called again at any point.
///
/// @return kRollback when the running release is below the registry's floor; kTpm: kAuth when the
/// TPM is provisioned or owned already; kCounter when the floor is over
///         kMaxFirstFloor; kTampered when a Name is not the computed one.
[[nodiscard]] Status provision(Context& tpm, const ProvisionPlan& plan, const SecretBytes& secret,
                               ProvisionKeeper& keeper);

}  // namespace pawl::tpm
