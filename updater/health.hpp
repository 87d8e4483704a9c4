#pragma once
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/time.hpp"
#include "bootloader-hooks/slot.hpp"

namespace pawl::updater {

/// What one health check said.
struct CheckResult {
  std::string name;
  std::string problem;  // empty: healthy
};

/// What a trial is judged by.
struct TrialFacts {
  boot::Slot slot = boot::Slot::kA;
  std::string version;
};

/// Judges a trial boot. All checks run, also after one has failed, so that a report is whole.
class HealthChecks {
 public:
  virtual ~HealthChecks() = default;
  virtual Result<std::vector<CheckResult>> run(const TrialFacts& facts) = 0;
};

/// Every executable of one folder, by name, one after the other (FORMAT 5.7). Healthy: exit status
/// 0 within the limit. Environment: PATH, PAWL_SLOT, PAWL_VERSION and nothing else.
class HealthDirectory final : public HealthChecks {
 public:
  struct Limits {
    Seconds timeout{60};  // of one check; then its process group is killed
    Seconds uptime{0};    // waits until the device is up that long
  };
  HealthDirectory(std::string directory, Limits limits, Log& log)
      : directory_(std::move(directory)), limits_(limits), log_(log) {}
  /// @return kConfig when the folder is absent or has no executable: a trial that nothing judges
  ///         must not be committed by itself
  Result<std::vector<CheckResult>> run(const TrialFacts& facts) override;

 private:
  std::string directory_;
  Limits limits_;
  Log& log_;
};

}  // namespace pawl::updater
