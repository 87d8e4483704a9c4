#pragma once
#include <functional>
#include <string>
#include <vector>

#include "updater/device.hpp"

namespace pawl::updater {

/// One thing the device needs for updates, looked at.
struct Finding {
  enum class Verdict : std::uint8_t {
    kGood,
    kWarning,  // updates work, and something is weaker than it could be
    kFault,    // an update would fail
  };
  std::string subject;  // clock, loader, slots, ...
  Verdict verdict = Verdict::kGood;
  std::string text;
  std::string hint;       // what to do; empty for a good one
  Errc code = Errc::kIo;  // of a fault: what an update would fail with
};
[[nodiscard]] std::string_view verdict_name(Finding::Verdict verdict);  // "ok" "warning" "fault"

/// Who this device is to its server, by its SVID.
using DeviceIdOf = std::function<Result<std::string>()>;

/// Looks at everything an update needs, in a fixed order: trust, clock, loader, watchdog, slots,
/// state, journal, health checks, restart, TPM, server, power. Takes no lock and changes nothing.
[[nodiscard]] std::vector<Finding> examine(Device& device, const DeviceIdOf& device_id);

}  // namespace pawl::updater
