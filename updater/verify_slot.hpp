#pragma once
#include "base/disk.hpp"
#include "base/progress.hpp"
#include "updater/install.hpp"

namespace pawl::updater {

/// Reads every component of a slot and compares its SHA-256 with the manifest's.
/// @return kHashMismatch naming component and path
[[nodiscard]] Status verify_slot(Disk& disk, const manifest::Release& release, const Layout& layout,
                                 Progress& progress);

/// Makes the slot of `to` a copy of the running release: differing blocks are written, synced and
/// read back. A source that is not what the manifest says is refused, whatever was copied before.
[[nodiscard]] Status copy_slot(Disk& disk, const manifest::Release& release, const Layout& from,
                               const Layout& to, Progress& progress);

}  // namespace pawl::updater
