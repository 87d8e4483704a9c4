#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pawl::tpm {

/// Why the TPM, or a check on its behalf, refused: finer than Errc::kTpm, which covers them all.
/// Each has its own way out in docs/runbooks/tpm.md.
enum class Fault : std::uint32_t {
  kNone = 0,
  kOther,           // a response code without a case of its own
  kNoTpm,           // nothing answers at the configured TCTI
  kNoSha256Bank,    // the TPM has no active SHA-256 bank
  kOldTpm,          // PolicyAuthorizeNV is missing (before revision 1.38)
  kNotProvisioned,  // no cell, counter or anchor is defined
  kCleared,         // hierarchy or owner auth are gone: TPM2_Clear, or a new board
  kForeign,         // the storage root key is not the pinned one
  kTampered,        // an NV object has other attributes, or the cell matches no known policy
  kPolicyRefused,   // the boot state, or the counter, satisfies no branch
  kPcrChanged,      // a PCR moved while a policy was being satisfied
  kLockout,         // dictionary-attack lockout
  kAuth,            // wrong authorization value
  kCounter,         // the counter is out of the allowed distance
  kNoSpace,         // no NV or object space left
  kNoMeasuredBoot,  // bound PCRs hold nothing
  kLogMismatch,     // the event log does not replay to the PCRs
  kUnknownEvent,    // a bound PCR holds an event nobody vouched for
  kUnpredictable,   // the next boot's values cannot be computed
  kTransient,       // the TPM asks to try again
};

/// "pcr_changed" for logs and `--json`.
[[nodiscard]] std::string_view fault_name(Fault fault);

/// An Errc::kTpm error; `rc` is the TSS2_RC behind it, if any. Error::raw() holds the fault in its
/// upper and the response code in its lower 32 bits.
[[gnu::cold]] Error fail_tpm(Fault fault, std::string what, std::uint32_t rc = 0);
[[nodiscard]] Fault fault_of(const Error& error);
[[nodiscard]] std::uint32_t response_code_of(const Error& error);

}  // namespace pawl::tpm
