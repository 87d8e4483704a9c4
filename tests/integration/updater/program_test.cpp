// The real program on real files: exit status, JSON, hints, full and read-only file systems.
#include <catch2/catch.hpp>
#include <sys/mount.h>

#include "base/json.hpp"
#include "fakes/child.hpp"
#include "fakes/device_folder.hpp"
#include "fakes/temporary_folder.hpp"

using namespace pawl;
using fakes::DeviceFolder;

namespace {

constexpr std::size_t kSlot = 65536;

fakes::ReleaseFactory& factory() {
  static fakes::ReleaseFactory made = [] {
    fakes::ReleaseFactory out;
    out.add("1.0.0", {1, 1, 1});
    out.add("1.1.0", {2, 2, 1});
    fakes::renew(out.repo);
    return out;
  }();
  return made;
}

fakes::ChildResult run_verb(const DeviceFolder& device, const std::string& verb,
                            const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{PAWL_BINARY_DIR "/bin/pawl-updater",     verb,         "--config",
                                 (device.path / "updater.toml").string(), "--progress", "none"};
  if (verb != "check-config") {
    words.insert(words.end(), {"--state", (device.path / "state").string()});
  }
  words.insert(words.end(), more.begin(), more.end());
  return fakes::run_child(words);
}

json::Object object_of(const fakes::ChildResult& result) {
  const auto start = result.out.find('{');
  REQUIRE(start != std::string::npos);
  const auto end = result.out.find('\n', start);
  const auto value = json::parse(result.out.substr(start, end - start), {});
  REQUIRE(value);
  REQUIRE(value->object() != nullptr);
  return *value->object();
}

/// A file system of its own, so that it can be full or read-only.
class SmallFileSystem {
 public:
  SmallFileSystem(const std::filesystem::path& where, const char* options) : path_(where) {
    std::filesystem::create_directories(where);
    mounted = ::mount("pawl-test", where.c_str(), "tmpfs", 0, options) == 0;
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;
  SmallFileSystem(SmallFileSystem&&) = delete;
  SmallFileSystem& operator=(SmallFileSystem&&) = delete;
  ~SmallFileSystem() { (void)::umount2(path_.c_str(), MNT_DETACH); }
  [[nodiscard]] bool make_read_only() const {
    return ::mount("pawl-test", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }
  bool mounted = false;

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("program: the whole way with JSON", "[integration][program]") {
  fakes::TemporaryFolder folder;
  DeviceFolder device(factory(), folder.path(), kSlot, "1.0.0");
  CHECK(run_verb(device, "check-config").status == 0);
  const auto found = run_verb(device, "check", {"--json"});
  INFO(found.out);
  REQUIRE(found.status == 0);
  CHECK(*object_of(found).find("version")->string() == "1.1.0");
  const auto planned = run_verb(device, "install", {"--dry-run", "--json"});
  CHECK(*object_of(planned).find("dry_run")->boolean());
  const auto installed = run_verb(device, "install", {"--json"});
  REQUIRE(installed.status == 0);
  const auto result = object_of(installed);
  CHECK(*result.find("schema")->integer() == 1);
  CHECK(*result.find("changed")->boolean());
  CHECK(*result.find("slot")->string() == "b");
  CHECK(*result.find("floor")->string() == "soft");
  REQUIRE(device.start() == "b");
  CHECK(*object_of(run_verb(device, "boot", {"--json"})).find("state")->string() == "trial");
  CHECK(*object_of(run_verb(device, "trial", {"--json"})).find("outcome")->string() == "committed");
  const auto status = object_of(run_verb(device, "status", {"--json"}));
  CHECK(*status.find("running")->string() == "b");
  CHECK(*status.find("release_counter")->integer() == 2);
  CHECK_FALSE(*object_of(run_verb(device, "commit", {"--json"})).find("changed")->boolean());
  const auto nothing = run_verb(device, "install", {"--json"});
  CHECK(nothing.status == 0);
  CHECK_FALSE(*object_of(nothing).find("changed")->boolean());
  const auto back = run_verb(device, "rollback", {"--json"});
  CHECK(*object_of(back).find("outcome")->string() == "armed");
  REQUIRE(device.start() == "a");
  CHECK(run_verb(device, "boot").status == 0);
  CHECK(*object_of(run_verb(device, "rollback", {"--json"})).find("outcome")->string() ==
        "reverted");
}

TEST_CASE("program: progress as JSON lines", "[integration][program]") {
  fakes::TemporaryFolder folder;
  DeviceFolder device(factory(), folder.path(), kSlot, "1.0.0");
  const auto done = run_verb(device, "install", {"--log", "error"});
  REQUIRE(done.status == 0);
  fakes::TemporaryFolder other;
  DeviceFolder again(factory(), other.path(), kSlot, "1.0.0");
  const auto lines = fakes::run_child({PAWL_BINARY_DIR "/bin/pawl-updater", "install", "--config",
                                       (again.path / "updater.toml").string(), "--state",
                                       (again.path / "state").string(), "--progress", "json"});
  CHECK_THAT(lines.out, Catch::Contains("\"stage\":\"install rootfs\",\"total\":10000") &&
                            Catch::Contains("\"stage\":\"read back rootfs\"") &&
                            Catch::Contains("\"stage\":\"install uki\""));
}

TEST_CASE("program: each refusal has its status, its reason and a hint", "[integration][program]") {
  fakes::TemporaryFolder folder;
  DeviceFolder device(factory(), folder.path(), kSlot, "1.0.0");
  SECTION("no configuration") {
    std::filesystem::remove(device.path / "updater.toml");
    CHECK(run_verb(device, "status").status == 30);
  }
  SECTION("a wrong configuration") {
    fakes::spill(device.path / "updater.toml", "[device]\nproduct = 1\n");
    const auto refused = run_verb(device, "check-config");
    CHECK(refused.status == 24);
    CHECK_THAT(refused.out, Catch::Contains("updater.toml:2: device.product must be a string"));
  }
  SECTION("a slot too small") {
    std::filesystem::resize_file(device.path / "slots/b/rootfs.img", 8192);
    const auto refused = run_verb(device, "install");
    CHECK(refused.status == 31);
    CHECK_THAT(refused.out, Catch::Contains("has 8192 bytes, component rootfs needs 10000") &&
                                Catch::Contains("hint: "));
  }
  SECTION("another product than the repository is for") {
    auto config = fakes::slurp(device.path / "updater.toml");
    config.replace(config.find("gw3"), 3, "gw4");
    fakes::spill(device.path / "updater.toml", config);
    const auto refused = run_verb(device, "install");
    CHECK(refused.status == 16);
    CHECK_THAT(refused.out, Catch::Contains("no release of product gw4") &&
                                Catch::Contains("hint: device.product and server.url"));
  }
  SECTION("a flipped byte in the index") {
    const auto& blob = factory().releases.at("1.1.0").release.components[0].payloads[0].index;
    auto bytes = fakes::slurp(device.path / "repo/blobs" / to_hex(blob.sha256));
    bytes[80] = static_cast<char>(bytes[80] ^ 1);
    fakes::spill(device.path / "repo/blobs" / to_hex(blob.sha256), bytes);
    const auto refused = run_verb(device, "install", {"--json"});
    CHECK(refused.status == 15);
    CHECK_THAT(refused.out, Catch::Contains("payload index of component rootfs (blobs/"));
    CHECK(*object_of(refused).find("code")->integer() == 15);
  }
  SECTION("a blob that is not there") {
    std::filesystem::remove_all(device.path / "repo/blobs");
    CHECK(run_verb(device, "install").status == 21);
  }
  SECTION("no loader") {
    std::filesystem::remove(device.path / "run/booted");
    CHECK(run_verb(device, "boot").status == 42);
  }
  CHECK(device.boot_state() == "primary=a trial=- tries=0 bad=-\n");
}

TEST_CASE("program: metadata that has expired installs nothing", "[integration][program]") {
  fakes::ReleaseFactory old;
  old.add("1.0.0", {1, 1, 1});
  old.add("1.1.0", {2, 2, 1});
  fakes::renew(old.repo);
  old.repo.now -= std::chrono::hours(24 * 400);  // the last renewal of all roles but root
  old.repo.bump();
  fakes::TemporaryFolder folder;
  DeviceFolder device(old, folder.path(), kSlot, "1.0.0");
  const auto before = fakes::slurp(device.path / "slots/b/rootfs.img");
  const auto refused = run_verb(device, "install", {"--json"});
  CHECK(refused.status == 13);
  CHECK_THAT(refused.out, Catch::Contains("timestamp") && Catch::Contains("expired on") &&
                              Catch::Contains("hint: fetch newer metadata, or check the clock"));
  CHECK(*object_of(refused).find("code")->integer() == 13);
  CHECK(device.boot_state() == "primary=a trial=- tries=0 bad=-\n");
  CHECK(fakes::slurp(device.path / "slots/b/rootfs.img") == before);
}

TEST_CASE("program: a full file system leaves nothing half done", "[integration][program]") {
  fakes::TemporaryFolder folder;
  DeviceFolder device(factory(), folder.path(), kSlot, "1.0.0");
  SmallFileSystem small(device.path / "slots/b", "size=20k");  // 5 pages: 3 for the slot
  REQUIRE(small.mounted);
  fakes::spill(device.path / "slots/b/rootfs.img", std::string(12288, 'x'));
  fakes::spill(device.path / "slots/b/filler", std::string(8192, 'x'));
  const auto refused = run_verb(device, "install");
  CHECK(refused.status == 31);
  CHECK_THAT(refused.out, Catch::Contains("0 bytes free, component uki needs 5000") &&
                              Catch::Contains("hint: free some space"));
  CHECK(device.boot_state() == "primary=a trial=- tries=0 bad=-\n");
  CHECK(fakes::slurp(device.path / "slots/b/rootfs.img") == std::string(12288, 'x'));
  std::filesystem::remove(device.path / "slots/b/filler");
  CHECK(run_verb(device, "install").status == 0);
}

TEST_CASE("program: a full state directory", "[integration][program]") {
  fakes::TemporaryFolder folder;
  DeviceFolder device(factory(), folder.path(), kSlot, "1.0.0");
  SmallFileSystem small(device.path / "full", "size=8k");
  REQUIRE(small.mounted);
  fakes::spill(device.path / "full/filler", std::string(8192, 'x'));
  const auto refused = run_verb(device, "install", {});
  CHECK(refused.status == 0);  // the usual state directory
  const auto full = fakes::run_child({PAWL_BINARY_DIR "/bin/pawl-updater", "check", "--config",
                                      (device.path / "updater.toml").string(), "--state",
                                      (device.path / "full").string()});
  CHECK(full.status == 31);
  CHECK_THAT(full.out, Catch::Contains("hint: free some space"));
}

TEST_CASE("program: a read-only target", "[integration][program]") {
  fakes::TemporaryFolder folder;
  DeviceFolder device(factory(), folder.path(), kSlot, "1.0.0");
  SmallFileSystem small(device.path / "slots/b", "size=100k");
  REQUIRE(small.mounted);
  fakes::spill(device.path / "slots/b/rootfs.img", std::string(12288, 'x'));
  REQUIRE(small.make_read_only());
  const auto refused = run_verb(device, "install");
  CHECK(refused.status == 30);
  CHECK_THAT(refused.out, Catch::Contains("slots/b/rootfs.img") &&
                              Catch::Contains("hint: the file system is mounted read-only"));
  CHECK(device.boot_state() == "primary=a trial=- tries=0 bad=-\n");
}

TEST_CASE("program: a failed trial restarts the device with the configured program",
          "[integration][program]") {
  fakes::TemporaryFolder folder;
  DeviceFolder device(factory(), folder.path(), kSlot, "1.0.0");
  fakes::spill(device.path / "restart", "#!/bin/sh\necho yes >" + (device.path / "asked").string());
  std::filesystem::permissions(device.path / "restart", std::filesystem::perms::owner_all);
  auto config = fakes::slurp(device.path / "updater.toml");
  const auto at = config.find("[health]");
  config.insert(at, "reboot = \"" + (device.path / "restart").string() + "\"\n");
  fakes::spill(device.path / "updater.toml", config);
  device.health("echo the agent is sick; exit 7");
  REQUIRE(run_verb(device, "install").status == 0);
  REQUIRE(device.start() == "b");
  REQUIRE(run_verb(device, "boot").status == 0);
  const auto judged = run_verb(device, "trial");
  CHECK(judged.status == 0);
  CHECK_THAT(judged.out, Catch::Contains("reverted 1.1.0: health check 10-check: exit status 7: "
                                         "the agent is sick"));
  CHECK(std::filesystem::exists(device.path / "asked"));
  CHECK(device.start() == "a");
}
