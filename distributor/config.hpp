#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/server.hpp"

namespace pawl::distributor {

/// `distributor.toml` (FORMAT 12.4).
struct Config {
  enum class Source : std::uint8_t { kFiles, kWorkloadApi };
  std::string address;     // numeric
  std::uint16_t port = 0;  // 0: any, printed when listening
  Source source = Source::kFiles;
  std::string identity;    // folder of svid.pem, key.pem, bundle.json; or the endpoint
  std::string repository;  // FORMAT 11
  http::Limits limits;
};

/// Unknown, repeated and missing keys are kConfig and name file and line.
/// @param origin  file name for messages
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& origin);

}  // namespace pawl::distributor
