#pragma once
#include <array>
#include <optional>
#include <vector>

#include "tpm/policy_cell.hpp"
#include "tpm/prediction.hpp"

/// "The cell as it is now": which releases the cell allows, found out from the boot records of the
/// two slots, the live PCRs and the event log. Nothing that lies on a disk is believed: a text
/// counts only when it is exactly what the NV cell holds (FORMAT 8.3). Pure functions.
namespace pawl::sealing {

/// What a slot holds, as its manifest says. The manifest may come from an untrusted disk: a wrong
/// one leads to another text, which the cell then does not hold.
struct SlotRelease {
  tpm::Measurements measured;
  SecurityVersion security{0};
};

/// Position 0 is slot a, 1 is slot b.
struct Slots {
  std::array<std::optional<SlotRelease>, 2> held;
  std::size_t running = 0;
};

/// What this boot measured.
struct BootFacts {
  tpm::EventLog log;  // empty in development without measured boot
  tpm::PcrValues live{};
};

/// kNo is development without measured boot: every release leaves the same PCRs.
enum class Measured : std::uint8_t { kYes, kNo };

/// Which slots the cell allows.
enum class Allows : std::uint8_t { kRunning, kBoth, kOtherOnly };

struct CellNow {
  tpm::CellText text;  // slot order; for kOtherOnly it opens nothing here
  Allows allows = Allows::kRunning;
  std::uint64_t base = 0;
  tpm::PcrSet bound;
};

/// The text that the cell holds now.
///
/// The bound set (with or without PCR 7) and the limits are found by trying: the cell's content is
/// a hash over both, so a match proves them. The base is NOT proven: it is the limit less the
/// security version of a manifest that may be forged. Compare it with an authenticated record.
///
/// @return kTpm (kTampered) when no text of these two slots is what the cell holds
[[nodiscard]] Result<CellNow> find_cell_now(const tpm::CellContent& held, std::uint64_t counter,
                                            const BootFacts& boot, const Slots& slots);

/// One branch of a text to be written: what `target` will leave in the PCRs on this machine.
/// @param approved  firmware events approved at provisioning, from an authenticated record
/// @return kTpm: kUnknownEvent naming the event, kUnpredictable, kLogMismatch, kNoMeasuredBoot,
///         kCounter when the limit is out of reach
[[nodiscard]] Result<tpm::Branch> predict_branch(const CellNow& now, std::uint64_t counter,
                                                 const BootFacts& boot, const SlotRelease& running,
                                                 const SlotRelease& target,
                                                 std::span<const tpm::Event> approved,
                                                 Measured measured);

/// A text of the running branch and, if it is another one, a second branch, in slot order.
[[nodiscard]] tpm::CellText text_of(const tpm::Branch& running, const tpm::Branch* other,
                                    std::size_t running_slot);

}  // namespace pawl::sealing
