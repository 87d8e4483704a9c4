#include "vaultd/config.hpp"

#include <catch2/catch.hpp>

#include "vaultd/owner.hpp"

using namespace pawl;
using namespace pawl::vaultd;

namespace {

constexpr std::string_view kKey =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

}  // namespace

TEST_CASE("vault config: a small one, with paths and defaults (FORMAT 7.6.1, 7.6.2, 7.6.3)",
          "[vaultd][config]") {
  const auto config = parse_config("[vault]\nprotector = \"file\"\n", "/etc/pawl/vault.toml");
  REQUIRE(config);
  CHECK(config->directory == "/var/lib/pawl/vault");
  CHECK(config->file.key == "/var/lib/pawl/vault.key");
  CHECK(config->file.anchor == "/var/lib/pawl/vault.anchor");
  CHECK(config->owner() == "root@device");
  CHECK(config->anchoring == vault::Anchoring::kFirstWrite);
  CHECK_FALSE(config->recovery);
}

TEST_CASE("vault config: a TPM, and no keys of the other protector (FORMAT 7.6.1, 7.6.5)",
          "[vaultd][config]") {
  const auto config = parse_config("[vault]\nprotector = \"tpm2\"\n", "/etc/pawl/vault.toml");
  REQUIRE(config);
  CHECK(config->tpm.tcti == "device:/dev/tpmrm0");
  CHECK(config->tpm.handover == "/run/pawl/cell");
  const auto more = parse_config(
      "[vault]\nprotector = \"tpm2\"\n[tpm]\ntcti = \"swtpm:path=/s\"\nhandover = \"run/cell\"\n",
      "/srv/vault.toml");
  REQUIRE(more);
  CHECK(more->tpm.tcti == "swtpm:path=/s");
  CHECK(more->tpm.handover == "/srv/run/cell");
  CHECK_FALSE(parse_config("[vault]\nprotector = \"tpm2\"\n[file]\nkey = \"k\"\n", "/v"));
  CHECK_FALSE(parse_config("[vault]\nprotector = \"file\"\n[tpm]\ntcti = \"k\"\n", "/v"));
}

TEST_CASE("vault config: every key is read (FORMAT 7.6.1)", "[vaultd][config]") {
  const auto config = parse_config(
      "[vault]\nprotector = \"file\"\ndirectory = \"v\"\nuser = \"agent\"\ndevice = \"gw-7\"\n"
      "anchor = \"every-write\"\n[file]\nkey = \"k\"\nanchor = \"/a\"\n[recovery]\nkey = \"" +
          std::string(kKey) + "\"\n",
      "/srv/x/vault.toml");
  REQUIRE(config);
  CHECK(config->directory == "/srv/x/v");
  CHECK(config->file.key == "/srv/x/k");
  CHECK(config->file.anchor == "/a");
  CHECK(config->owner() == "agent@gw-7");
  CHECK(config->anchoring == vault::Anchoring::kEveryWrite);
  CHECK(config->recovery->bytes[31] == 0x1f);
}

TEST_CASE("vault config: what is refused, with file and line (FORMAT 7.6.1, 7.6.3)",
          "[vaultd][config]") {
  struct Row {
    const char* text;
    const char* names;
  };
  const auto row =
      GENERATE(Row{"", "vault.protector"},  // a development key is never taken by accident
               Row{"[vault]\nprotector = \"none\"\n", "v.toml:2"},
               Row{"[vault]\nprotector = \"file\"\nprotektor = \"x\"\n", "v.toml:3"},
               Row{"[vault]\nprotector = \"file\"\nuser = \"a@b\"\n", "v.toml:3"},
               Row{"[vault]\nprotector = \"file\"\nuser = \"\"\n", "v.toml:3"},
               Row{"[vault]\nprotector = \"file\"\ndevice = \"a b\"\n", "v.toml:3"},
               Row{"[vault]\nprotector = \"file\"\ndirectory = \"a/\"\n", "v.toml:3"},
               Row{"[vault]\nprotector = \"file\"\nanchor = \"never\"\n", "v.toml:3"},
               Row{"[vault]\nprotector = \"file\"\n[recovery]\nkey = \"00\"\n", "v.toml:4"},
               Row{"[vault]\nprotector = \"file\"\n[recovery]\nkey = 7\n", "v.toml:4"});
  const auto config = parse_config(row.text, "/v.toml");
  INFO(row.text);
  REQUIRE_FALSE(config);
  CHECK(config.error().code() == Errc::kConfig);
  INFO(config.error().what());
  CHECK(config.error().what().find(row.names) != std::string::npos);
}

TEST_CASE("vault owner: the configured user and nobody else (FORMAT 7.6.4)", "[vaultd]") {
  struct Row {
    std::optional<uid_t> number;
    uid_t running;
    std::optional<Errc> refused;
  };
  const auto row = GENERATE(Row{1000, 1000, {}}, Row{0, 0, {}}, Row{1000, 0, Errc::kVault},
                            Row{0, 1000, Errc::kVault}, Row{{}, 0, Errc::kConfig},
                            Row{61183, 61183, {}}, Row{61184, 61184, Errc::kConfig},
                            Row{65519, 65519, Errc::kConfig}, Row{65520, 65520, {}});
  const auto done = check_owner("agent", row.number, row.running);
  REQUIRE(static_cast<bool>(done) == !row.refused.has_value());
  if (row.refused) {
    CHECK(done.error().code() == *row.refused);
    CHECK_FALSE(done.error().hint().empty());
  }
}

TEST_CASE("vault owner: names and numbers are looked up", "[vaultd]") {
  CHECK(**number_of_user("root") == 0);
  CHECK(**number_of_user("61200") == 61200);
  CHECK_FALSE(*number_of_user("no-such-user-anywhere"));
}
