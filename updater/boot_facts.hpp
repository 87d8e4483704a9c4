#pragma once
#include <optional>

#include "base/disk.hpp"
#include "manifest/release.hpp"
#include "sealing/cell_now.hpp"
#include "tpm/context.hpp"
#include "updater/journal.hpp"
#include "updater/state_dir.hpp"

/// What the TPM rooms need to know of releases and of this boot, out of the updater's files.
namespace pawl::updater {

/// The boot record of a release for `profile`, in the words of prediction.
/// @return kTpm (kUnpredictable) when the release has none
[[nodiscard]] Result<tpm::Measurements> boot_record(const manifest::Release& release,
                                                    const std::string& profile);

/// What the stored manifest of `slot` says. Nothing is verified: see sealing/cell_now.hpp.
/// A release without boot record has empty measurements. Absent or unreadable: nothing.
[[nodiscard]] std::optional<sealing::SlotRelease> stored_slot(Disk& disk, const StateDir& dir,
                                                              Slot slot,
                                                              const std::string& profile);

/// Event log and live PCRs. A log that is absent is empty.
[[nodiscard]] Result<sealing::BootFacts> read_boot(Disk& disk, const std::string& event_log,
                                                   const tpm::Context& tpm);

/// Only a root file system under verity can be sealed to; that its hash is in the measured command
/// line was checked when the release was made (FORMAT 11.2.2).
/// @return kTpm (kUnpredictable) naming what is missing
[[nodiscard]] Status check_verity(const manifest::Release& release);

}  // namespace pawl::updater
