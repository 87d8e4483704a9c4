#pragma once
#include "updater/host.hpp"
#include "updater/install.hpp"

namespace pawl::updater {

/// The slot that is to be written is nobody's: neither the device or file of the running slot under
/// another name, nor mounted, swapped to or held by another device, as dm-verity holds its root.
/// @return kConfig when both slots are one, kBusy naming who uses it
[[nodiscard]] Status check_unused(Host& host, const Layout& target, const Layout& running);

}  // namespace pawl::updater
