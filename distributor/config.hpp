#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/cli/command.hpp"
#include "base/result.hpp"
#include "distributor/device_service.hpp"
#include "distributor/policy.hpp"
#include "http/server.hpp"

namespace pawl::distributor {

/// "ADDRESS:PORT", the address numeric.
struct Endpoint {
  std::string address;
  std::uint16_t port = 0;  // 0: any, printed when listening
};

/// Where the SVID and the bundles come from.
struct IdentitySource {
  enum class Kind : std::uint8_t { kFiles, kWorkloadApi };
  Kind kind = Kind::kFiles;
  std::string place;  // folder of svid.pem, key.pem, bundle.json; or the endpoint
};

/// `distributor.toml` (FORMAT 12.8).
struct Config {
  Endpoint device;
  std::optional<Endpoint> admin;    // over mutual TLS, for `admins` only
  std::optional<Endpoint> metrics;  // loopback
  std::string socket;               // of the verbs on this machine
  std::set<identity::SpiffeId> admins;
  IdentitySource identity;
  std::string repository;  // FORMAT 11
  std::string database;
  std::vector<AdmitRule> rules;  // in the order of their names
  DeviceRules device_rules;
  Pace pace;
  http::Limits limits;
};

/// Unknown, repeated and missing keys are kConfig and name file and line; so is an admin that a
/// rule would admit as a device.
/// @param origin  file name for messages
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& origin);
/// The file after --config, or the usual one.
[[nodiscard]] Result<Config> load_config(const cli::Args& args, Disk& disk);

}  // namespace pawl::distributor
