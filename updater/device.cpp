#include "updater/device.hpp"

#include "base/digest.hpp"

namespace pawl::updater {

Result<Layout> Device::layout(Slot slot) const {
  PAWL_TRY(auto named, boot.boot_file(slot));
  const auto& paths = config.slot(slot);
  return Layout{paths.rootfs, named ? *std::move(named) : paths.uki};
}

Result<manifest::Release> Device::stored_release(Slot slot, const Record& record) const {
  const auto path = dir.installed(slot);
  const auto& held = record.holds(slot);
  if (!held) {
    return fail(Errc::kIo,
                "it is not known what slot " + std::string(boot::letter(slot)) + " holds");
  }
  PAWL_TRY(const auto bytes, read_file(disk, path, manifest::kMaxReleaseBytes));
  if (sha256(bytes) != held->manifest) {
    return fail(Errc::kHashMismatch, path + " is not the manifest of " + held->version);
  }
  return manifest::Release::parse(as_text(bytes));
}

}  // namespace pawl::updater
