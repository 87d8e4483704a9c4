#include "bootloader-hooks/file_boot.hpp"

namespace pawl::boot {
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

Status FileBoot::store(const BootState& from, const BootState& to) {
  // A process that was killed may have renamed without syncing: repeat the sync, not the write.
  if (from == to) return disk_.sync_directory(parent_of(paths_.state));
  return replace_file(disk_, paths_.state, as_bytes(to.format()));
}

}  // namespace pawl::boot
