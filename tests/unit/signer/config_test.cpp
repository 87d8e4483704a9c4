#include "signer/config.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "signer/paths.hpp"
#include "tests/fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::signer;

namespace {

constexpr const char* kGood = R"(repository = "repo"
module = "/usr/lib/softhsm/libsofthsm2.so"

[expiry]
timestamp = "1d"

[keys.alice]
record = "keys/alice.pub.json"
pin = "file:pins/alice"

[keys.ci]
record = "/etc/pawl/ci.pub.json"
uri = "pkcs11:token=ci;object=ci"
)";

}  // namespace

TEST_CASE("config: paths are relative to the file's own directory", "[signer][config]") {
  const auto config = parse_config(kGood, "/srv/sign/signer.toml");
  REQUIRE(config);
  CHECK(config->repository == "/srv/sign/repo");
  CHECK(config->module == "/usr/lib/softhsm/libsofthsm2.so");
  CHECK(config->expiry.timestamp == Seconds(86400));
  CHECK(config->expiry.root == Seconds(365 * 86400));
  REQUIRE(config->keys.size() == 2);
  const auto* alice = config->find("alice");
  REQUIRE(alice != nullptr);
  CHECK(alice->record == "/srv/sign/keys/alice.pub.json");
  CHECK(alice->pin == "file:/srv/sign/pins/alice");
  const auto* ci = config->find("ci");
  REQUIRE(ci != nullptr);
  CHECK(ci->record == "/etc/pawl/ci.pub.json");
  CHECK(ci->uri == "pkcs11:token=ci;object=ci");
  CHECK(ci->pin == "prompt");
  CHECK(config->find("bob") == nullptr);
  CHECK(config->ledger == "/srv/sign/signer.ledger");
  CHECK(config->token_timeout == Seconds(30));
}

TEST_CASE("config: a key may be signed for by an external program", "[signer][config]") {
  fakes::FakeDisk disk;
  disk.make_durable("/s");
  KeyEntry entry;
  entry.name = "kms";
  entry.record = "/s/keys/kms.pub.json";
  entry.command = {"/usr/bin/kms-sign", "--key", "a \"b\""};
  REQUIRE(append_key(disk, "/s/signer.toml", entry));
  const auto text = disk.text("/s/signer.toml") + "message_limit = 2026\ntimeout = \"5s\"\n";
  const auto config = parse_config(text, "/s/signer.toml");
  REQUIRE(config);
  const auto* const kms = config->find("kms");
  REQUIRE(kms != nullptr);
  CHECK(kms->command == entry.command);
  CHECK(kms->message_limit == 2026);
  CHECK(kms->time_limit == Seconds(5));
}

TEST_CASE("config: mistakes name file and line", "[signer][config]") {
  struct Row {
    const char* why;
    const char* text;
    const char* says;
  };
  const auto row =
      GENERATE(Row{"unknown key", "repositry = \"x\"\n", "signer.toml:1: unknown key"},
               Row{"unknown member of a key", "[keys.a]\nrecord = \"x\"\npassword = \"x\"\n",
                   "signer.toml:3: unknown key"},
               Row{"record missing", "[keys.a]\npin = \"prompt\"\n", "keys.a.record is missing"},
               Row{"bad duration", "[expiry]\nroot = \"soon\"\n", "signer.toml:2: expiry.root"},
               Row{"repository id", "repository_id = \"12\"\n", "signer.toml:1: repository_id"},
               Row{"relative module", "module = \"x.so\"\n", "signer.toml:1: module"},
               Row{"relative program", "[keys.a]\nrecord = \"x\"\ncommand = [\"sign\"]\n",
                   "signer.toml:3: keys.a.command"},
               Row{"no program", "[keys.a]\nrecord = \"x\"\ncommand = []\n",
                   "signer.toml:3: keys.a.command"},
               Row{"program and token",
                   "[keys.a]\nrecord = \"x\"\nuri = \"pkcs11:token=a\"\ncommand = [\"/bin/a\"]\n",
                   "signer.toml:4: keys.a.command"},
               Row{"patience", "token_timeout = \"11m\"\n", "signer.toml:1: token_timeout"},
               Row{"key name", "[keys.Alice]\nrecord = \"x\"\n", "keys.Alice"});
  INFO(row.why);
  const auto config = parse_config(row.text, "signer.toml");
  REQUIRE_FALSE(config);
  CHECK(config.error().code() == Errc::kConfig);
  CHECK(config.error().what().find(row.says) != std::string::npos);
}

TEST_CASE("config: more keys than the limit are refused", "[signer][config]") {
  std::string text;
  for (std::size_t i = 0; i <= Config::kMaxKeys; ++i) {
    text += "[keys.k" + std::to_string(i) + "]\nrecord = \"x\"\n";
  }
  CHECK(parse_config(text, "signer.toml").error().code() == Errc::kConfig);
}

TEST_CASE("config: it lies beside the repository unless named", "[signer][config]") {
  CHECK(config_path_for("x.toml", "a/repo") == "x.toml");
  CHECK(config_path_for(std::nullopt, "a/repo") == "a/signer.toml");
  CHECK(config_path_for(std::nullopt, "a/repo/") == "a/signer.toml");
  CHECK(config_path_for(std::nullopt, "repo") == "signer.toml");
  CHECK(config_path_for(std::nullopt, "/repo") == "/signer.toml");
  CHECK(config_path_for(std::nullopt, std::nullopt) == "signer.toml");
}

TEST_CASE("config: key names are short and plain", "[signer][config]") {
  CHECK(is_name("root-alice2"));
  for (const auto* bad : {"", "-a", "A", "a.b", "a/b", "a b"}) CHECK_FALSE(is_name(bad));
  CHECK(is_name(std::string(32, 'a')));
  CHECK_FALSE(is_name(std::string(33, 'a')));
}

TEST_CASE("paths: what a file names is relative to it", "[signer][paths]") {
  CHECK(resolve_path("/srv", "a") == "/srv/a");
  CHECK(resolve_path(".", "a") == "a");
  CHECK(resolve_path("/", "a") == "/a");
  CHECK(resolve_path("/srv", "/a") == "/a");
  CHECK(relative_path("/srv", "/srv/keys/a") == "keys/a");
  CHECK(relative_path("/srv", "/etc/a") == "/etc/a");
  CHECK(relative_path("sub", "sub/keys/a") == "keys/a");
  CHECK(relative_path("sub", "other/a") == "../other/a");
  CHECK(resolve_pin("/srv", "file:p") == "file:/srv/p");
  CHECK(resolve_pin("/srv", "fd:3") == "fd:3");
  CHECK(relative_pin("/srv", "file:/srv/p") == "file:p");
}

TEST_CASE("config: products have defaults of their own", "[signer][config]") {
  const auto config = parse_config(
      "[products.gw3]\nvendor_id = \"v\"\nclass_id = \"c\"\nhardware = [\"b\", \"c\"]\n"
      "boot_profiles = [\"grub-uki\"]\nphases = \"none\"\n",
      "signer.toml");
  REQUIRE(config);
  const auto product = config->product("gw3");
  CHECK(product.vendor_id == "v");
  CHECK(product.class_id == "c");
  CHECK(product.hardware == std::vector<std::string>{"b", "c"});
  CHECK(product.boot_profiles == std::vector<std::string>{"grub-uki"});
  CHECK(product.phases == "none");
  CHECK_FALSE(config->product("gw4").vendor_id);
}

TEST_CASE("config: keys and repository are written so that they read back", "[signer][config]") {
  fakes::FakeDisk disk;
  const std::string path = "/s/signer.toml";
  REQUIRE(append_key(disk, path, {"a", "/s/keys/a.pub.json", {}, "file:/s/pin"}));
  REQUIRE(append_key(disk, path, {"b", "/other/b.pub.json", {}, "prompt"}));
  const auto again = append_key(disk, path, {"a", "x", {}, "prompt"});
  REQUIRE_FALSE(again);
  CHECK(again.error().what() == path + " already has a key named a");
  const Sha256Digest id = sha256(as_bytes("root"));
  Expiry expiry;
  expiry.timestamp = Seconds(3600);
  REQUIRE(set_repository(disk, path, "/s/repo", id, expiry));
  REQUIRE(set_repository(disk, path, "/s/repo", id, expiry));  // nothing left to do
  const auto config = parse_config(disk.text(path), path);
  REQUIRE(config);
  CHECK(config->repository == "/s/repo");
  CHECK(config->repository_id == id);
  CHECK(config->expiry.timestamp == Seconds(3600));
  REQUIRE(config->find("a") != nullptr);
  CHECK(config->find("a")->record == "/s/keys/a.pub.json");
  CHECK(config->find("a")->pin == "file:/s/pin");
  CHECK(config->find("b")->record == "/other/b.pub.json");
  CHECK(disk.text(path).find("keys/a.pub.json") != std::string::npos);
  CHECK(disk.text(path).find("/s/keys") == std::string::npos);  // the folder can move
  const auto other = sha256(as_bytes("other"));
  CHECK(set_repository(disk, path, "/s/repo", other, expiry).error().code() == Errc::kConfig);
}

TEST_CASE("config: a path with quotes and backslashes reads back", "[signer][config]") {
  fakes::FakeDisk disk;
  const std::string odd = R"(/s/a "b" \c.json)";
  REQUIRE(append_key(disk, "/s/signer.toml", {"a", odd, {}, "prompt"}));
  CHECK(parse_config(disk.text("/s/signer.toml"), "/s/signer.toml")->find("a")->record == odd);
}

TEST_CASE("config: the file is looked for beside the repository, never silently missing",
          "[signer][config]") {
  fakes::FakeDisk disk;
  disk.put("/a/signer.toml", "repository = \"repo\"\n");
  CHECK(load_config(disk, std::nullopt, "/a/repo")->repository == "/a/repo");
  CHECK(load_config(disk, "/a/signer.toml", std::nullopt)->repository == "/a/repo");
  CHECK(load_config(disk, std::nullopt, "/b/repo")->path.empty());
  CHECK(load_config(disk, "/b/signer.toml", std::nullopt).error().code() == Errc::kConfig);
  disk.put("/etc/pawl/signer.toml", "repository = \"/r\"\n");
  CHECK(load_config(disk, std::nullopt, "/b/repo")->repository == "/r");
}
