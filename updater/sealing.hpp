#pragma once
#include <string_view>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "updater/journal.hpp"

namespace pawl::updater {

/// Moves the device's sealed state along with the boot chain, forward only (ARCHITECTURE). Every
/// call may be repeated. On error the state opens from every slot it opened from before.
class Sealing {
 public:
  virtual ~Sealing() = default;
  /// The state opens from the running slot and from `target`; before the loader is told.
  virtual Status stage(Slot target, const ReleaseId& release) = 0;
  /// It opens from `committed` alone; after the loader has it as its primary.
  virtual Status commit(Slot committed, const ReleaseId& release) = 0;
  /// It opens from `kept` alone; after the trial mark is gone.
  /// @param release  what that slot holds, when it is known
  virtual Status withdraw(Slot kept, const std::optional<ReleaseId>& release) = 0;
  /// The floor no software can lower; 0 without a TPM.
  virtual Result<SecurityVersion> floor() = 0;
  /// Raises that floor while it is below. Never lowers.
  virtual Status raise_floor(SecurityVersion to) = 0;
  /// What holds the floor, for every output: "soft" or "tpm".
  [[nodiscard]] virtual std::string_view floor_kind() const = 0;
};

/// A device without TPM: nothing is sealed and the floor is only the record on disk.
class NoTpm final : public Sealing {
 public:
  Status stage(Slot, const ReleaseId&) override { return Ok{}; }
  Status commit(Slot, const ReleaseId&) override { return Ok{}; }
  Status withdraw(Slot, const std::optional<ReleaseId>&) override { return Ok{}; }
  Result<SecurityVersion> floor() override { return SecurityVersion(0); }
  Status raise_floor(SecurityVersion) override { return Ok{}; }
  [[nodiscard]] std::string_view floor_kind() const override { return "soft"; }
};

}  // namespace pawl::updater
