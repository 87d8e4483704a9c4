#pragma once
#include <map>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "base/strong.hpp"
#include "manifest/transparency.hpp"

namespace pawl::manifest {

/// policy.json: what root decides for every release, named by digest in root (FORMAT 2.7).
struct Policy {
  /// Highest `security_version` a release of the product may carry. Not listed means 0: stolen
  /// release keys cannot burn the floor of a device.
  std::map<std::string, SecurityVersion> ceilings;
  /// The transparency log releases are in, if there is one.
  std::optional<LogPolicy> tlog;

  /// @param text canonical JSON, its digest already compared with root's. @return kMalformed
  [[nodiscard]] static Result<Policy> parse(std::string_view text);
  [[nodiscard]] std::string serialise() const;
  [[nodiscard]] SecurityVersion ceiling(std::string_view product) const;
  friend bool operator==(const Policy&, const Policy&) = default;
};

}  // namespace pawl::manifest
