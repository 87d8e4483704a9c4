#include "distributor/config.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::distributor;

namespace {

const std::string kGood =
    "[device]\nlisten = \"127.0.0.1:8443\"\n[identity]\nsource = \"files\"\n"
    "folder = \"/var/lib/pawl/svid\"\n[repository]\npath = \"/srv/pawl\"\n";
const std::string kAdmin =
    "[admin]\nlisten = \"0.0.0.0:8444\"\nids = [\"spiffe://example.org/admin/ann\"]\n";
const std::string kRule =
    "[admit.line]\ntrust_domain = \"example.org\"\nid = \"/device/*\"\nproduct = \"lamp\"\n";

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("distributor.toml: values, ranges and unknown keys (FORMAT 12.8.1)",
          "[distributor][config]") {
  const std::string good =
      "[device]\nlisten = \"127.0.0.1:8443\"\n[identity]\nsource = \"files\"\n"
      "folder = \"/var/lib/pawl/svid\"\n[repository]\npath = \"/srv/pawl\"\n";
  const auto config = parse_config(good + "[limits]\nconnections = 7\nidle = 30\n", "d.toml");
  REQUIRE(config);
  CHECK(config->device.address == "127.0.0.1");
  CHECK(config->device.port == 8443);
  CHECK(config->limits.connections == 7);
  CHECK(config->limits.idle == std::chrono::seconds(30));
  const auto with = [&](const std::string& from, const std::string& to) {
    auto text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  CHECK(parse_config(with("127.0.0.1", "[::1]"), "d.toml")->device.address == "::1");
  const auto api = with("\"files\"\nfolder", "\"workload-api\"\nendpoint");
  CHECK(parse_config(api, "d.toml")->identity.kind == IdentitySource::Kind::kWorkloadApi);
  for (const auto& bad :
       {with(":8443", ""), with(":8443", ":"), with(":8443", ":65536"), with(":8443", ":x"),
        with("files", "file"), with("folder", "endpoint"), with("path", "paths"),
        good + "[limits]\nconnections = 0\n", good + "[limits]\nidle = 3601\n",
        good + "[limits]\nheaders = 1\n", good + "x = 1\n", std::string()}) {
    INFO(bad);
    const auto refused = parse_config(bad, "d.toml");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kConfig);
    CHECK(refused.error().what().find("d.toml") != std::string::npos);
  }
}

TEST_CASE("distributor.toml: admins, rules and places (FORMAT 12.8.2, 12.8.3)",
          "[distributor][config]") {
  const auto config = parse_config(
      kGood + kAdmin + kRule + "tags = [\"canary\"]\n[admit.a]\ntrust_domain = \"other.org\"\n" +
          "id = \"/x\"\nproduct = \"pump\"\n[metrics]\nlisten = \"127.0.0.1:9464\"\n" +
          "[store]\npath = \"/srv/d.db\"\n",
      "d.toml");
  REQUIRE(config);
  CHECK(config->admins.size() == 1);
  CHECK(config->admin->port == 8444);
  CHECK(config->metrics->port == 9464);
  CHECK(config->database == "/srv/d.db");
  CHECK(config->socket == "/run/pawl/distributor.sock");
  REQUIRE(config->rules.size() == 2);
  CHECK(config->rules.front().name == "a");  // in the order of names
  CHECK(config->rules.back().tags == std::vector<std::string>{"canary"});
  CHECK(config->device_rules.public_roots == DeviceRules::PublicRoots::kNo);
  CHECK(config->pace.least == Seconds(3600));
}

TEST_CASE("distributor.toml: what would let the wrong people in is refused (FORMAT 12.6.1)",
          "[distributor][config]") {
  const std::string device = "[admit.line]\ntrust_domain = \"example.org\"\nproduct = \"lamp\"\n";
  const std::pair<const char*, std::string> rows[] = {
      {"an admin that a rule admits", kGood + kAdmin + device + "id = \"/admin/*\"\n"},
      {"exactly an admin", kGood + kAdmin + device + "id = \"/admin/ann\"\n"},
      {"an admin listener without admins", kGood + "[admin]\nlisten = \"0.0.0.0:8444\"\n"},
      {"an admin that is a trust domain", kGood + with(kAdmin, "/admin/ann", "")},
      {"an admin that is no ID", kGood + with(kAdmin, "spiffe://", "https://")},
      {"metrics for everybody", kGood + "[metrics]\nlisten = \"0.0.0.0:9464\"\n"},
      {"a relative socket", kGood + "[admin]\nsocket = \"d.sock\"\n"},
      {"a rule without domain", kGood + with(kRule, "trust_domain", "domain")},
      {"a rule with a URI as domain", kGood + with(kRule, "example.org", "spiffe://example.org")},
      {"a rule with a bad pattern", kGood + with(kRule, "/device/*", "device")},
      {"a rule without product", kGood + with(kRule, "product", "products")},
      {"a rule with a bad product", kGood + with(kRule, "lamp", "../lamp")},
      {"a bad tag", kGood + kRule + "tags = [\"A B\"]\n"},
      {"a poll below a minute", with(kGood, "[identity]", "poll = 59\n[identity]")},
      {"no polls", kGood + "[limits]\npolls = 0\n"}};
  for (const auto& [why, text] : rows) {
    INFO(why);
    const auto refused = parse_config(text, "d.toml");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kConfig);
    CHECK(refused.error().what().find("d.toml") != std::string::npos);
  }
  CHECK(parse_config(kGood + kAdmin + kRule, "d.toml"));
}
