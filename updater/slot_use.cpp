#include "updater/slot_use.hpp"

namespace pawl::updater {

Status check_unused(Host& host, const Layout& target, const Layout& running) {
  PAWL_TRY(const auto to, host.identity(target.rootfs));
  PAWL_TRY(const auto from, host.identity(running.rootfs));
  if (to == from) {
    return fail(Errc::kConfig,
                target.rootfs + " and " + running.rootfs + " lead to one place, the running slot")
        .with_hint("name two partitions in [slots.a] and [slots.b]");
  }
  PAWL_TRY(const auto use, host.use_of(target.rootfs));
  if (use.empty()) return Ok{};
  return fail(Errc::kBusy, target.rootfs + " is in use: " + use)
      .with_hint("nothing but the updater may use the slot that does not run");
}

}  // namespace pawl::updater
