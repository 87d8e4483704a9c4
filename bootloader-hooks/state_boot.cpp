#include "bootloader-hooks/state_boot.hpp"

namespace pawl::boot {

Error loader_error(Error error, const std::string& path) {
  if (error.code() != Errc::kMalformed && error.code() != Errc::kTooLarge) return error;
  return fail(Errc::kBootloader, path + ": " + error.what());
}

Result<Slot> StateBoot::primary() {
  PAWL_TRY(const auto now, load());
  return now.primary;
}

Result<SlotState> StateBoot::state(Slot slot) {
  PAWL_TRY(const auto now, load());
  return now.state(slot);
}

Status StateBoot::try_once(Slot slot, Tries tries) {
  PAWL_TRY(const auto now, load());
  PAWL_TRY(const auto next, after_try_once(now, slot, tries));
  return store(now, next);
}

Status StateBoot::commit(Slot slot) {
  PAWL_TRY(const auto now, load());
  return store(now, after_commit(now, slot));
}

Status StateBoot::mark_bad(Slot slot) {
  PAWL_TRY(const auto now, load());
  PAWL_TRY(const auto next, after_mark_bad(now, slot));
  return store(now, next);
}

Status StateBoot::mark_good(Slot slot) {
  PAWL_TRY(const auto now, load());
  return store(now, after_mark_good(now, slot));
}

}  // namespace pawl::boot
