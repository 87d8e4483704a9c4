#pragma once
#include <string>
#include <string_view>

#include "identity/spiffe_id.hpp"
#include "issuer/enrolment.hpp"

namespace pawl::issuer {

/// `issuer.toml` (FORMAT 13.6).
struct Config {
  std::string address;     // numeric
  std::uint16_t port = 0;  // 0: any, printed when listening
  identity::TrustDomain domain;
  identity::SpiffeId id;  // of the issuer itself
  std::string authority = "/var/lib/pawl-issuer/ca";
  std::string eks = "/var/lib/pawl-issuer/eks";
  std::string makers = {};  // folder of EK authorities; empty: listed keys only
  EnrolmentRules rules = {};
  std::size_t connections = 1000;
};

/// Unknown, repeated and missing keys are kConfig and name file and line.
/// @param origin  file name for messages
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& origin);

}  // namespace pawl::issuer
