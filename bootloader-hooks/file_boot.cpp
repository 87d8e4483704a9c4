#include "bootloader-hooks/file_boot.hpp"

namespace pawl::boot {
namespace {

/// Errors of the loader's own files are kBootloader: the bytes are not ours to mend.
Error loader_error(Error error, const std::string& path) {
  if (error.code() != Errc::kMalformed && error.code() != Errc::kTooLarge) return error;
  return fail(Errc::kBootloader, path + ": " + error.what());
}

}  // namespace

Result<BootState> FileBoot::load() {
  PAWL_TRY(const auto bytes, read_file(disk_, paths_.state, BootState::kMaxBytes));
  auto state = BootState::parse(as_text(bytes));
  if (!state) return loader_error(std::move(state).error(), paths_.state);
  return state;
}

Result<Booted> FileBoot::booted() {
  auto bytes = read_file(disk_, paths_.booted, Booted::kMaxBytes);
  if (!bytes) {
    return fail(Errc::kBootloader, "the running slot is unknown: " + bytes.error().what())
        .with_hint("the boot loader must say which slot it started");
  }
  auto marker = Booted::parse(as_text(*bytes));
  if (!marker) return loader_error(std::move(marker).error(), paths_.booted);
  return marker;
}

Result<Slot> FileBoot::current() {
  PAWL_TRY(const auto marker, booted());
  return marker.slot;
}

Result<std::string> FileBoot::boot_id() {
  PAWL_TRY(auto marker, booted());
  return std::move(marker.boot_id);
}

Result<Slot> FileBoot::primary() {
  PAWL_TRY(const auto now, load());
  return now.primary;
}

Result<SlotState> FileBoot::state(Slot slot) {
  PAWL_TRY(const auto now, load());
  return now.state(slot);
}

Status FileBoot::try_once(Slot slot, Tries tries) {
  PAWL_TRY(const auto now, load());
  PAWL_TRY(const auto next, after_try_once(now, slot, tries));
  return store(now, next);
}

Status FileBoot::commit(Slot slot) {
  PAWL_TRY(const auto now, load());
  return store(now, after_commit(now, slot));
}

Status FileBoot::mark_bad(Slot slot) {
  PAWL_TRY(const auto now, load());
  PAWL_TRY(const auto next, after_mark_bad(now, slot));
  return store(now, next);
}

Status FileBoot::mark_good(Slot slot) {
  PAWL_TRY(const auto now, load());
  return store(now, after_mark_good(now, slot));
}

Status FileBoot::store(const BootState& from, const BootState& to) {
  // A process that was killed may have renamed without syncing: repeat the sync, not the write.
  if (from == to) return disk_.sync_directory(parent_of(paths_.state));
  return replace_file(disk_, paths_.state, as_bytes(to.format()));
}

}  // namespace pawl::boot
