#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "tpm/event_log.hpp"
#include "tpm/pcr.hpp"

/// What one measured boot of profile `efi-uki` leaves in the PCRs, explained event by event, and
/// what the boot of another release would leave. Pure functions; FORMAT 6.4, FORMAT 6.
namespace pawl::tpm {

inline constexpr std::size_t kMaxComponents = 64;
inline constexpr std::size_t kMaxPhases = 8;

/// One digest a release puts into the event log. `role` is `pe:loader`, `pe:uki`, `pe:kernel`,
/// `section:<name>`, `cmdline-utf16` or `initrd`.
struct Component {
  std::string role;
  unsigned pcr = 0;
  Sha256Digest digest;
  unsigned count = 1;  // how often it occurs in that PCR
};

/// The boot record of one signed release.
struct Measurements {
  std::vector<Component> components;  // sections in the order the stub measures them
  Sha256Digest pcr11;                 // after the last phase word (FORMAT 3.3.2)
  std::vector<std::string> phases;    // words the operating system extends into PCR 11
};

/// Refuses a boot record that prediction could not use: roles, PCRs and counts of FORMAT 6.4.2,
/// and sections and phase words that do not add up to `pcr11`. @return kMalformed.
[[nodiscard]] Status check_measurements(const Measurements& release);

/// What a device's own boot looked like.
struct Boot {
  EventLog log;
  PcrValues live{};  // read from the TPM (or proven by a quote) after the last phase word
  PcrSet bound;      // PCRs the device seals to
};

/// Explains a boot of `running`: the log and the phases lead to the live PCRs, each component
/// occurs as often as the release says, and PCRs 9, 11, 12 and 13 hold nothing else.
///
/// @return the other events of the bound PCRs, which firmware and loader made: at provisioning they
///         are shown and approved; later they are checked by check_firmware.
///         Errors are kTpm with kNoMeasuredBoot, kLogMismatch or kUnknownEvent; kMalformed from
///         check_measurements.
[[nodiscard]] Result<std::vector<Event>> explain_boot(const Boot& boot,
                                                      const Measurements& running);

/// Every event found must be in the approved list, and no more often than there.
/// @return kTpm (kUnknownEvent) naming the PCR and the digest.
[[nodiscard]] Status check_firmware(std::span<const Event> found, std::span<const Event> approved);

/// The bound PCRs after a boot of `target` on this machine: the device's own log with the digests
/// of `running` replaced. Refuses everything explain_boot and check_firmware refuse.
///
/// @return kTpm (kUnpredictable) when the two releases differ in more than digests: another set of
///         roles outside PCR 11, or another loader, which both slots share.
[[nodiscard]] Result<PcrValues> predict(const Boot& boot, const Measurements& running,
                                        const Measurements& target,
                                        std::span<const Event> approved);

}  // namespace pawl::tpm
