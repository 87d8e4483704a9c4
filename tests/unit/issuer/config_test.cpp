#include "issuer/config.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::issuer;

namespace {

constexpr std::string_view kLeast =
    "[server]\nlisten = \"[::1]:8442\"\n[identity]\ndomain = \"example.org\"\n";

}  // namespace

TEST_CASE("issuer.toml: the least that works, and what it means (FORMAT 13.6)",
          "[issuer][config]") {
  const auto config = parse_config(kLeast, "issuer.toml");
  REQUIRE(config);
  CHECK(config->address == "::1");
  CHECK(config->port == 8442);
  CHECK(config->id.uri() == "spiffe://example.org/issuer");
  CHECK(config->rules.path == "/device");
  CHECK(config->rules.lifetime == Seconds{3600});
  CHECK(config->rules.session == Seconds{120});
  CHECK(config->makers.empty());
}

// FORMAT 13.6.1
TEST_CASE("issuer.toml: every wrong key is named with its line (FORMAT 13.6)", "[issuer][config]") {
  struct Row {
    const char* why;
    std::string text;
    const char* message;
  };
  const std::string least(kLeast);
  const std::string listen = "[server]\nlisten = \"127.0.0.1:1\"\n[identity]\n";
  const Row rows[] = {
      {"no listener", "[identity]\ndomain = \"example.org\"\n", "server.listen"},
      {"no port", "[server]\nlisten = \"127.0.0.1\"\n", "i.toml:2: "},
      {"a port too high", "[server]\nlisten = \"127.0.0.1:65536\"\n", "0 to 65535"},
      {"an empty port", "[server]\nlisten = \"127.0.0.1:\"\n", "0 to 65535"},
      {"no domain", "[server]\nlisten = \"127.0.0.1:1\"\n", "identity.domain"},
      {"a bad domain", listen + "domain = \"Example.org\"\n", "identity.domain"},
      {"an ID of another domain",
       listen + "domain = \"example.org\"\nid = \"spiffe://other.org/issuer\"\n",
       "ID with a path in example.org"},
      {"an ID without a path", listen + "domain = \"example.org\"\nid = \"spiffe://example.org\"\n",
       "ID with a path in example.org"},
      {"the issuer as a device",
       listen + "domain = \"example.org\"\nid = \"spiffe://example.org/device/i\"\n",
       "which is for devices"},
      {"the issuer as the devices' folder",
       listen + "domain = \"example.org\"\nid = \"spiffe://example.org/device\"\n",
       "which is for devices"},
      {"a path without slash", least + "[svid]\npath = \"device\"\n", "svid.path"},
      {"a path that ends in a slash", least + "[svid]\npath = \"/device/\"\n", "svid.path"},
      {"a path with dots", least + "[svid]\npath = \"/a/../b\"\n", "svid.path"},
      {"an SVID of less than a minute", least + "[svid]\nlifetime = 59\n", "svid.lifetime"},
      {"an SVID of more than a day", least + "[svid]\nlifetime = 86401\n", "svid.lifetime"},
      {"no session", least + "[limits]\nsessions = 0\n", "limits.sessions"},
      {"too many sessions", least + "[limits]\nsessions = 1025\n", "limits.sessions"},
      {"too long a session", least + "[limits]\nsession = 601\n", "limits.session"},
      {"a relative folder", least + "[ek]\nfolder = \"eks\"\n", "absolute path"},
      {"an unknown key", least + "[svid]\nttl = 5\n", "svid.ttl"},
  };
  for (const auto& row : rows) {
    const auto config = parse_config(row.text, "i.toml");
    INFO(row.why);
    REQUIRE_FALSE(config);
    INFO(config.error().what());
    CHECK(config.error().code() == Errc::kConfig);
    CHECK(config.error().what().find(row.message) != std::string::npos);
  }
}
