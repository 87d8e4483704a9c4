#pragma once
#include <map>
#include <string>

#include "base/json.hpp"
#include "base/strong.hpp"

namespace pawl::manifest {

/// policy.json: what root decides for every release, named by digest in root (FORMAT 2.7).
struct Policy {
  /// Highest `security_version` a release of the product may carry. Not listed means 0: stolen
  /// release keys cannot burn the floor of a device.
  std::map<std::string, SecurityVersion> ceilings;

  /// @param text canonical JSON, its digest already compared with root's. @return kMalformed
  [[nodiscard]] static Result<Policy> parse(std::string_view text);
  [[nodiscard]] std::string serialise() const;
  [[nodiscard]] SecurityVersion ceiling(std::string_view product) const;
  friend bool operator==(const Policy&, const Policy&) = default;
};

}  // namespace pawl::manifest
