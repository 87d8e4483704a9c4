#pragma once
#include <string>

#include "bootloader-hooks/boot_control.hpp"
#include "bootloader-hooks/boot_state.hpp"

namespace pawl::boot {

/// The back ends whose loader reads a BootState, however it is spelled: every transition reads the
/// state, computes the next one and stores that as a whole.
class StateBoot : public BootControl {
 public:
  Result<Slot> primary() final;
  Result<SlotState> state(Slot slot) final;
  Status try_once(Slot slot, Tries tries) final;
  Status commit(Slot slot) final;
  Status mark_bad(Slot slot) final;
  Status mark_good(Slot slot) final;

 protected:
  /// @return kBootloader when the loader's own bytes are not such a state
  virtual Result<BootState> load() = 0;
  /// One atomic store of `to`. Equal to `from`: nothing is written, but what a killed process may
  /// have left unsynced becomes durable.
  virtual Status store(const BootState& from, const BootState& to) = 0;
};

/// Errors of the loader's own files are kBootloader: the bytes are not ours to mend.
[[nodiscard]] Error loader_error(Error error, const std::string& path);

}  // namespace pawl::boot
