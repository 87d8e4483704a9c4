#pragma once
#include <string>
#include <vector>

#include "sealing/cell_now.hpp"
#include "updater/verbs.hpp"

namespace pawl::updater {

/// Whether a boot that measured nothing may be sealed to. Every later output names it.
enum class Unmeasured : std::uint8_t { kRefuse, kDevelopment };

struct ProvisionRequest {
  /// What the registry remembers of this TPM, by its endorsement key; a cleared TPM starts there.
  SecurityVersion registry_floor{0};
  Unmeasured unmeasured = Unmeasured::kRefuse;
  DryRun dry_run = DryRun::kNo;
};

struct ProvisionResult {
  enum class End : std::uint8_t {
    kNothing,  // this device has its TPM already
    kPlanned,  // dry run
    kDone,
  };
  End end = End::kNothing;
  std::string version;       // of the running release
  SecurityVersion floor{0};  // from now on
  sealing::Measured measured = sealing::Measured::kYes;
  std::vector<tpm::Event> firmware;  // events of firmware and loader that are approved by this
};

/// Takes the TPM of the device into use, once, in the order of ARCHITECTURE; may be repeated after
/// any interruption. The running release is verified against the signed metadata first.
///
/// @return kConfig without `[tpm]`; kBusy during an update; kNotForDevice when the repository does
///         not list the running release, kHashMismatch when the stored manifest is another one;
///         kRollback below the registry's floor; kTpm: kNoMeasuredBoot, kLogMismatch,
///         kUnknownEvent, kUnpredictable, kAuth when the TPM has an owner already
[[nodiscard]] Result<ProvisionResult> provision(Device& device, const ProvisionRequest& request);

}  // namespace pawl::updater
