#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/strong.hpp"
#include "base/time.hpp"

namespace pawl::manifest {

/// What a release's conditions are compared with. Filled by the program from its configuration
/// (inside the verified image) and from the hardware, never from the network.
struct DeviceFacts {
  std::string product;
  std::string vendor_id;
  std::string class_id;
  std::string hardware;                       // revision
  std::uint64_t bootloader = 0;               // version number of the boot loader
  std::string updater{};                      // version of this program
  UtcTime now{};                              // TrustedSet::time()
  std::optional<std::string> location{};      // attested ISO 3166 code, when there is one
  std::optional<unsigned> battery_percent{};  // absent: mains powered
  std::optional<std::uint64_t> free_bytes{};
  std::optional<Sha256Digest> committed_manifest{};  // digest of the release that is running
};

}  // namespace pawl::manifest
