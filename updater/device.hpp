#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "manifest/ports.hpp"
#include "manifest/updater.hpp"
#include "updater/blobs.hpp"
#include "updater/config.hpp"
#include "updater/engine.hpp"
#include "updater/health.hpp"
#include "updater/hooks.hpp"
#include "updater/host.hpp"
#include "updater/install.hpp"

namespace pawl::updater {

/// Everything a verb acts on. The program fills it with the real parts, tests with those in memory.
struct Device {
  const Config& config;
  StateDir dir;
  Disk& disk;
  boot::BootControl& boot;
  Sealing& sealing;
  Clock& clock;
  manifest::Fetcher& fetcher;
  BlobSource& blobs;
  HealthChecks& health;
  Host& host;
  Hooks& hooks;
  Progress& progress;
  Log& log;
  manifest::Delivery delivery = manifest::Delivery::kOnline;  // how `fetcher` gets its files

  [[nodiscard]] Engine engine() const { return Engine({disk, boot, sealing, log}, dir); }
  [[nodiscard]] ComponentInstaller installer() const {
    return ComponentInstaller({disk, blobs, progress});
  }
  /// Where the components of `slot` lie right now.
  [[nodiscard]] Result<Layout> layout(Slot slot) const;
  /// The manifest of what `slot` holds, if it is the one the journal knows.
  /// @return kHashMismatch when the stored manifest is another one, kIo when it is gone
  [[nodiscard]] Result<manifest::Release> stored_release(Slot slot, const Record& record) const;
};

}  // namespace pawl::updater
