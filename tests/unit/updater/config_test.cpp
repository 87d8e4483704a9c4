#include "updater/config.hpp"

#include <catch2/catch.hpp>

#include "base/bytes.hpp"

using namespace pawl;
using namespace pawl::updater;

namespace {

const std::string kGood = R"([device]
product = "gw3"
hardware = "b"
vendor_id = "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"
class_id = "1492af14-2569-5e48-bf42-9b2d51f2ab45"
[server]
url = "file:///srv/repo"
[slots.a]
rootfs = "slots/a/rootfs.img"
uki = "slots/a/uki.efi"
[slots.b]
rootfs = "/dev/disk/by-partlabel/b"
uki = "slots/b/uki.efi"
[boot]
backend = "file"
profile = "efi-uki"
state = "boot/state"
booted = "run/booted"
)";

std::string with(std::string_view from, std::string_view to) {
  auto text = kGood;
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("config: a good one, with relative paths and defaults (FORMAT 5.6.1)",
          "[updater][config]") {
  const auto config = parse_config(kGood, "/srv/device/updater.toml");
  REQUIRE(config);
  CHECK(config->repository == "/srv/repo");
  CHECK(config->slot(boot::Slot::kA).rootfs == "/srv/device/slots/a/rootfs.img");
  CHECK(config->slot(boot::Slot::kB).rootfs == "/dev/disk/by-partlabel/b");
  CHECK(config->boot.state == "/srv/device/boot/state");
  CHECK(config->trust_root == "/etc/pawl/root.json");
  CHECK(config->health.directory == "/etc/pawl/health.d");
  CHECK(config->health.timeout == Seconds(60));
  CHECK_FALSE(config->boot.reboot);
  CHECK(config->tlog == manifest::LogMode::kWarn);
  for (const auto& [word, mode] :
       {std::pair{"off", manifest::LogMode::kOff}, std::pair{"warn", manifest::LogMode::kWarn},
        std::pair{"require", manifest::LogMode::kRequire}}) {
    const auto text = kGood + "[trust]\ntlog = \"" + word + "\"\n";
    CHECK(parse_config(text, "u.toml")->tlog == mode);
  }
  const auto more = parse_config(kGood +
                                     "loader_version = 3\nreboot = \"/sbin/reboot\"\n[trust]\n"
                                     "root = \"root.json\"\nepoch = \"2026-11-20T00:00:00Z\"\n"
                                     "[health]\ntimeout = 5\nuptime = 30\n",
                                 "/d/u.toml");
  REQUIRE(more);
  CHECK(more->trust_root == "/d/root.json");
  CHECK(format_utc(more->build_epoch) == "2026-11-20T00:00:00Z");
  CHECK(more->boot.reboot == "/sbin/reboot");
  CHECK(more->boot.loader_version == 3);
  CHECK(more->health.uptime == Seconds(30));
}

TEST_CASE("config: systemd-boot names the UKIs itself", "[updater][config]") {
  auto text = with("uki = \"slots/a/uki.efi\"\n", "");
  text.erase(text.find("uki = "), std::string("uki = \"slots/b/uki.efi\"\n").size());
  const auto at = text.find("backend");
  text.erase(at);
  const auto good = parse_config(
      text + "backend = \"systemd-boot\"\nprofile = \"efi-uki\"\nesp = \"/efi\"\n", "/u.toml");
  REQUIRE(good);
  CHECK(good->boot.esp == "/efi");
  const auto bad = parse_config(
      text + "backend = \"systemd-boot\"\nprofile = \"uboot-uki\"\nesp = \"/efi\"\n", "/u.toml");
  REQUIRE_FALSE(bad);
  CHECK_THAT(bad.error().what(), Catch::Contains("boot.profile must be efi-uki"));
}

TEST_CASE("config: each boot loader has its own keys and profiles", "[updater][config]") {
  const auto text = [](std::string boot) {
    auto all = kGood;
    return all.erase(all.find("backend")) + boot;
  };
  const auto u_boot =
      parse_config(text("backend = \"u-boot\"\nprofile = \"uboot-bootm\"\n"), "/u.toml");
  REQUIRE(u_boot);
  CHECK(u_boot->boot.environment == "/etc/fw_env.config");
  CHECK(u_boot->boot.booted == "/proc/device-tree/chosen/pawl,slot");
  auto no_ukis = text("backend = \"grub\"\nprofile = \"grub-uki\"\nesp = \"/efi\"\n");
  for (const auto* line : {"uki = \"slots/a/uki.efi\"\n", "uki = \"slots/b/uki.efi\"\n"}) {
    no_ukis.erase(no_ukis.find(line), std::string(line).size());
  }
  REQUIRE(parse_config(no_ukis, "/u.toml"));
  struct Row {
    const char* boot;
    const char* says;
  };
  const auto row = GENERATE(
      Row{"backend = \"u-boot\"\nprofile = \"efi-uki\"\n",
          "must be uboot-uki or uboot-bootm with u-boot"},
      Row{"backend = \"u-boot\"\nprofile = \"uboot-uki\"\nesp = \"/efi\"\n", "unknown key"},
      Row{"backend = \"u-boot\"\nprofile = \"uboot-uki\"\nenvironment = \"/\"\n", "must be a path"},
      Row{"backend = \"grub\"\nprofile = \"efi-uki\"\nesp = \"/efi\"\n",
          "must be grub-uki with grub"},
      Row{"backend = \"grub\"\nprofile = \"grub-uki\"\n", "boot.esp is missing"},
      Row{"backend = \"uefi\"\nprofile = \"grub-uki\"\nesp = \"/efi\"\n",
          "must be efi-uki with uefi"},
      Row{"backend = \"uefi\"\nprofile = \"efi-uki\"\n", "boot.esp is missing"},
      Row{"backend = \"grub\"\nprofile = \"grub-uki\"\nesp = \"/efi\"\n", "unknown key: 'slots."});
  INFO(row.says);
  const auto refused = parse_config(text(row.boot), "/u.toml");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kConfig);
  CHECK_THAT(refused.error().what(), Catch::Contains(row.says));
}

TEST_CASE("config: a TPM is named in full and has a recovery key", "[updater][config]") {
  CHECK_FALSE(parse_config(kGood, "/u.toml")->tpm);
  const std::string key(64, 'a');
  const auto good = parse_config(
      kGood + "[tpm]\ntcti = \"device:/dev/tpmrm0\"\nrecovery_key = \"" + key + "\"\n", "/u.toml");
  REQUIRE(good);
  REQUIRE(good->tpm);
  CHECK(good->tpm->tcti == "device:/dev/tpmrm0");
  CHECK(good->tpm->event_log == "/sys/kernel/security/tpm0/binary_bios_measurements");
  CHECK(good->tpm->handover == "/run/pawl/cell");
  CHECK(to_hex(good->tpm->recovery_key) == key);

  struct Row {
    std::string table;
    const char* why;
  };
  const auto tcti = std::string("tcti = \"device:/dev/tpmrm0\"\n");
  const auto full = "recovery_key = \"" + key + "\"\n" + tcti;
  const auto row = GENERATE_COPY(values<Row>({
      {tcti, "tpm.recovery_key"},
      {tcti + "recovery_key = \"abcd\"\n", "64 hexadecimal digits"},
      {"recovery_key = \"" + key + "\"\ntcti = \"tpmrm0\"\n", "named in full"},
      {full + "mode = \"shared\"\n", "must be dedicated"},
      {full + "ek = \"x\"\n", "unknown key"},
      {"recovery_key = \"" + key + "\"\n", "unknown key"},
  }));
  const auto bad = parse_config(kGood + "[tpm]\n" + row.table, "/u.toml");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code() == Errc::kConfig);
  CHECK_THAT(bad.error().what(), Catch::Contains(row.why));
  const auto profile = parse_config(with("efi-uki", "uboot-uki") + "[tpm]\n" + full, "/u.toml");
  CHECK_THAT(profile.error().what(), Catch::Contains("must be efi-uki"));
}

TEST_CASE("config: each mistake is named with its line", "[updater][config]") {
  struct Row {
    std::string text;
    const char* says;
  };
  const auto row = GENERATE(
      Row{with("hardware", "hardwear"), "device.hardware is missing"},
      Row{kGood + "colour = \"red\"\n", "u.toml:19: unknown key: 'boot.colour'"},
      Row{with("\"gw3\"", "\"\""), "u.toml:2: device.product must have"},
      Row{with("fa6b4a53", "FA6B4A53"), "u.toml:4: device.vendor_id must be a lower-case UUID"},
      Row{with("-d5ad-", "_d5ad-"), "device.vendor_id must be a lower-case UUID"},
      Row{with("1492af14-", "1492af14"), "device.class_id must be a lower-case UUID"},
      Row{with("file:///srv/repo", "https://x"), "u.toml: server.id is missing"},
      Row{with("file:///srv/repo", "file://srv"), "server.url must be file:///"},
      Row{with("slots/a/rootfs.img", "slots/"), "slots.a.rootfs must be a path"},
      Row{with("slots/a/rootfs.img", ""), "slots.a.rootfs must be a path"},
      Row{with("\"slots/a/rootfs.img\"", "\"/dev/disk/by-partlabel/b\""),
          "slots.b.rootfs is the same as slots.a.rootfs"},
      Row{with("slots/a/uki", "slots/b/uki"), "slots.b.uki is the same as slots.a.uki"},
      Row{with("uki = \"slots/a/uki.efi\"\n", ""), "slots.a.uki is missing"},
      Row{with("\"file\"", "\"floppy\""),
          "boot.backend must be one of file, systemd-boot, u-boot, grub, uefi, not"},
      Row{with("\"efi-uki\"", "\"bios\""), "boot.profile must be"},
      Row{with("state = \"boot/state\"\n", ""), "boot.state is missing"},
      Row{kGood + "esp = \"/efi\"\n", "unknown key: 'boot.esp'"},
      Row{kGood + "reboot = \"reboot\"\n", "boot.reboot must be the absolute path"},
      Row{kGood + "loader_version = -1\n", "boot.loader_version must be an integer"},
      Row{kGood + "[hooks]\ntimeout = 0\n", "hooks.timeout must be an integer from 1"},
      Row{kGood + "[hooks]\ntimeout = 3601\n", "hooks.timeout must be an integer from 1"},
      Row{kGood + "[hooks]\ndirectory = \"\"\n", "hooks.directory must be a path"},
      Row{kGood + "[health]\ntimeout = 0\n", "health.timeout must be an integer from 1"},
      Row{kGood + "[health]\nuptime = 3601\n", "health.uptime must be an integer from 0"},
      Row{kGood + "[trust]\nepoch = \"today\"\n", "trust.epoch must be a time"},
      Row{kGood + "[trust]\ntlog = \"maybe\"\n", "trust.tlog must be off, warn or require"});
  INFO(row.says);
  const auto config = parse_config(row.text, "u.toml");
  REQUIRE_FALSE(config);
  CHECK(config.error().code() == Errc::kConfig);
  CHECK_THAT(config.error().what(), Catch::Contains(row.says));
}

namespace {

std::string net() {
  return with("url = \"file:///srv/repo\"",
              "url = \"https://updates.example.org:8443\"\n"
              "id = \"spiffe://example.org/distributor\"\n"
              "[identity]\nsource = \"files\"");
}

std::string net_with(std::string_view from, std::string_view to) {
  auto text = net();
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("config: a distributor, its exact id and where the SVID comes from",
          "[updater][config]") {
  const auto files = parse_config(net(), "/etc/pawl/updater.toml");
  REQUIRE(files);
  REQUIRE(files->server);
  CHECK(files->server->origin.text() == "https://updates.example.org:8443");
  CHECK(files->server->id.uri() == "spiffe://example.org/distributor");
  CHECK(files->identity->folder.empty());
  CHECK(files->poll == Seconds(3600));
  CHECK(files->repository.empty());
  const auto api = parse_config(
      net_with(
          "source = \"files\"",
          "source = \"workload-api\"\nendpoint = \"unix:///run/spire.sock\"\n[policy]\npoll = 60"),
      "/etc/pawl/updater.toml");
  REQUIRE(api);
  CHECK(api->identity->endpoint == "unix:///run/spire.sock");
  CHECK(api->poll == Seconds(60));
  const auto issuer = parse_config(
      net_with("\"files\"",
               "\"issuer\"\nurl = \"https://issuer:8442\"\nid = \"spiffe://example.org/issuer\"\n"
               "bundle = \"bundle.json\""),
      "/etc/pawl/updater.toml");
  REQUIRE(issuer);
  CHECK(issuer->issuer->origin.text() == "https://issuer:8442");
  CHECK(issuer->issuer->bundle == "/etc/pawl/bundle.json");
  CHECK(issuer->issuer->tcti == "device:/dev/tpmrm0");
  const auto folder = parse_config(
      net_with("source = \"files\"", "source = \"files\"\npath = \"svid\""), "/d/u.toml");
  REQUIRE(folder);
  CHECK(folder->identity->folder == "/d/svid");
}

TEST_CASE("config: what is wrong about a server is named", "[updater][config]") {
  struct Row {
    const char* why;
    const char* from;
    const char* to;
    const char* text;
  };
  const auto row = GENERATE(
      Row{"http", "https://updates", "http://updates", ":7: server.url must be https://"},
      Row{"a path", ":8443", ":8443/v1", ":7: server.url must be https://"},
      Row{"no id", "id = \"spiffe://example.org/distributor\"", "", "server.id"},
      Row{"a wildcard", "/distributor", "/*", ":8: server.id must be the exact SPIFFE ID"},
      Row{"no identity", "[identity]\nsource = \"files\"", "", "needs [identity] source"},
      Row{"unknown source", "\"files\"", "\"pkcs12\"", ":10: identity.source must be"},
      Row{"no endpoint", "\"files\"", "\"workload-api\"", "identity.endpoint"},
      Row{"an endpoint of files", "\"files\"", "\"files\"\nendpoint = \"x\"", ":11: unknown key"},
      Row{"an issuer without its address", "\"files\"", "\"issuer\"", "identity.url"},
      Row{"an issuer over http", "\"files\"", "\"issuer\"\nurl = \"http://i\"",
          ":11: identity.url must be https://"},
      Row{"an issuer without its ID", "\"files\"", "\"issuer\"\nurl = \"https://i\"",
          "identity.id"},
      Row{"an issuer by a wildcard", "\"files\"",
          "\"issuer\"\nurl = \"https://i\"\nid = \"spiffe://example.org/*\"",
          ":12: identity.id must be the exact SPIFFE ID"},
      Row{"an issuer without its authorities", "\"files\"",
          "\"issuer\"\nurl = \"https://i\"\nid = \"spiffe://example.org/issuer\"",
          "identity.bundle"},
      Row{"a TPM by half a name", "\"files\"",
          "\"issuer\"\nurl = \"https://i\"\nid = \"spiffe://example.org/issuer\"\nbundle = \"b\"\n"
          "tcti = \"swtpm\"",
          ":14: identity.tcti must be named in full"},
      Row{"poll too often", "\"files\"", "\"files\"\n[policy]\npoll = 59", "policy.poll"},
      Row{"poll too seldom", "\"files\"", "\"files\"\n[policy]\npoll = 604801", "policy.poll"});
  INFO(row.why);
  const auto config = parse_config(net_with(row.from, row.to), "u.toml");
  REQUIRE_FALSE(config);
  CHECK(config.error().code() == Errc::kConfig);
  CHECK_THAT(config.error().what(), Catch::Contains(row.text));
}

TEST_CASE("config: a repository folder has neither server id nor poll", "[updater][config]") {
  for (const auto* more : {"id = \"spiffe://example.org/distributor\"", "[policy]\npoll = 60"}) {
    INFO(more);
    const auto config = parse_config(
        with("url = \"file:///srv/repo\"", "url = \"file:///srv/repo\"\n" + std::string(more)),
        "u.toml");
    REQUIRE_FALSE(config);
    CHECK_THAT(config.error().what(), Catch::Contains("unknown key"));
  }
}
