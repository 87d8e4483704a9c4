#pragma once
#include <map>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "base/strong.hpp"
#include "manifest/key.hpp"
#include "manifest/transparency.hpp"

namespace pawl::manifest {

/// Who signs override tickets for the devices of one product (FORMAT 15). A product that has such
/// keys is what makes a device a development device; there is no other way to be one.
struct DevelopmentKeys {
  KeyMap keys;
  Role role;
  /// Key ids are digests of the keys.
  friend bool operator==(const DevelopmentKeys& a, const DevelopmentKeys& b) {
    return a.role == b.role;
  }
};

/// policy.json: what root decides for every release, named by digest in root (FORMAT 2.7).
struct Policy {
  /// Highest `security_version` a release of the product may carry. Not listed means 0: stolen
  /// release keys cannot burn the floor of a device.
  std::map<std::string, SecurityVersion> ceilings;
  /// By product. A product that is not listed has production devices, and no ticket moves those.
  std::map<std::string, DevelopmentKeys> development;
  /// The transparency log releases are in, if there is one.
  std::optional<LogPolicy> tlog;

  /// @param text canonical JSON, its digest already compared with root's. @return kMalformed
  [[nodiscard]] static Result<Policy> parse(std::string_view text);
  [[nodiscard]] std::string serialise() const;
  [[nodiscard]] SecurityVersion ceiling(std::string_view product) const;
  friend bool operator==(const Policy&, const Policy&) = default;
};

}  // namespace pawl::manifest
