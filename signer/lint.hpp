#pragma once
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "base/time.hpp"

namespace pawl::signer {

/// What will keep devices from updating, told before it does.
struct LintFinding {
  enum class Weight : std::uint8_t {
    kWarning,  // will happen unless somebody signs
    kStuck,    // is so today, for some devices
  };
  Weight weight = Weight::kWarning;
  std::string what;
  std::string remedy;  // a command, when one helps
};

struct LintReport {
  unsigned roots = 0;  // ages of devices looked at: one for each root they may have been built with
  std::vector<LintFinding> findings;
  [[nodiscard]] bool stuck() const;
};

/// Runs the device's own client over the repository as a device built with each root there ever was
/// would, and names the roles that have to be signed again soon.
/// @return kIo when there is no repository; what is wrong with it is in the report
[[nodiscard]] Result<LintReport> lint_repository(Disk& disk, const std::string& directory,
                                                 UtcTime now);

}  // namespace pawl::signer
