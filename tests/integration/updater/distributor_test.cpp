// The two real programs: pawl-updater on a device made of files, pawl-distributor over mutual TLS,
// and an uplink between them that can be cut.
#include <catch2/catch.hpp>

#include "base/json.hpp"
#include "fakes/device_folder.hpp"
#include "fakes/distributor_program.hpp"
#include "fakes/relay.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {

constexpr std::size_t kImage = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kSlot = kImage + 65536;

ReleaseFactory& factory() {
  static ReleaseFactory made = [] {
    ReleaseFactory out;
    out.add("1.0.0", {1, 1, 1});
    out.rootfs_size = kImage;
    out.window_log2 = 16;
    out.add("1.1.0", {2, 2, 1});
    renew(out.repo);
    return out;
  }();
  return made;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// A fleet of one.
class Fleet {
 public:
  Fleet() : device(factory(), folder_.path() + "/device", kSlot, "1.0.0") {
    PosixDisk disk;
    write_identity(disk, folder_.file("server"),
                   issue_today(leaf_spec("spiffe://example.org/distributor"), &root), root);
    give_svid();
    spill(folder_.file("distributor.toml"),
          "[device]\nlisten = \"127.0.0.1:0\"\n[identity]\nsource = \"files\"\nfolder = \"" +
              folder_.file("server") + "\"\n[repository]\npath = \"" +
              (device.path / "repo").string() + "\"\n[store]\npath = \"" + folder_.file("db") +
              "\"\n[admin]\nsocket = \"" + folder_.file("admin.socket") +
              "\"\n[admit.all]\ntrust_domain = \"example.org\"\nid = \"/device/*\"\n"
              "product = \"gw3\"\n");
    serve();
    const auto config = device.path / "updater.toml";
    spill(config, replaced(slurp(config), "url = \"file://" + (device.path / "repo").string(),
                           "url = \"" + uplink->origin()) +
                      "[identity]\nsource = \"files\"\n");
    spill(config,
          replaced(slurp(config), "[trust]", "id = \"spiffe://example.org/distributor\"\n[trust]"));
  }
  /// Another SVID of the same device.
  void give_svid() {
    PosixDisk disk;
    write_identity(disk, (device.path / "state/svid").string(),
                   issue_today(leaf_spec("spiffe://example.org/device/d1"), &root), root);
  }
  void serve() {
    server = std::make_unique<ServeProcess>(folder_.file("distributor.toml"));
    if (uplink == nullptr) uplink = std::make_unique<Relay>(server->port());
    uplink->go_to(server->port());
  }
  ChildResult run(const std::vector<std::string>& verb) const {
    std::vector<std::string> words{PAWL_BINARY_DIR "/bin/pawl-updater"};
    words.insert(words.end(), verb.begin(), verb.end());
    words.insert(words.end(), {"--config", (device.path / "updater.toml").string(), "--state",
                               (device.path / "state").string(), "--progress", "none", "--json"});
    return run_child(words);
  }
  ChildResult admin(const std::vector<std::string>& verb) const {
    std::vector<std::string> words{PAWL_BINARY_DIR "/bin/pawl-distributor"};
    words.insert(words.end(), verb.begin(), verb.end());
    words.insert(words.end(), {"--config", folder_.file("distributor.toml"), "--json"});
    return run_child(words);
  }
  /// The steps the server has of this device, by kind.
  [[nodiscard]] std::string steps() const {
    const auto shown = admin({"device", "show", "spiffe://example.org/device/d1"});
    INFO(shown.out);
    REQUIRE(shown.status == 0);
    const auto history = shown.out.substr(shown.out.find("\"history\":"));
    std::string out;
    for (const auto* step : {"offered", "downloading", "verified", "staged", "rebooting", "trial",
                             "committed", "reverted", "failed"}) {
      const auto quoted = "\"step\":\"" + std::string(step) + "\"";
      for (auto at = history.find(quoted); at != std::string::npos;
           at = history.find(quoted, at + 1)) {
        out += std::string(step) + " ";
      }
    }
    return out;
  }
  [[nodiscard]] std::filesystem::path container() const {
    const auto& release = factory().releases.at("1.1.0").release;
    return device.path / "repo/blobs" / to_hex(release.components[0].payloads[0].container.sha256);
  }

 private:
  TemporaryFolder folder_;

 public:
  Issued root = issue_today(ca_spec("root"), nullptr);
  DeviceFolder device;
  std::unique_ptr<ServeProcess> server;
  std::unique_ptr<Relay> uplink;
};

}  // namespace

TEST_CASE("distributor and updater: one update from the offer to the server's knowledge of it",
          "[integration][distributor]") {
  Fleet fleet;
  const auto found = fleet.run({"check"});
  INFO(found.out);
  REQUIRE(found.status == 0);
  CHECK_THAT(found.out, Catch::Contains("\"version\":\"1.1.0\""));
  const auto armed = fleet.run({"run", "--once"});
  INFO(armed.out);
  REQUIRE(armed.status == 0);
  CHECK_THAT(armed.out, Catch::Contains("\"outcome\":\"armed\""));
  REQUIRE(fleet.device.start() == "b");
  CHECK(fleet.run({"boot"}).status == 0);
  CHECK_THAT(fleet.run({"trial"}).out, Catch::Contains("\"outcome\":\"committed\""));
  CHECK(fleet.run({"run", "--once"}).status == 0);
  CHECK(fleet.steps() == "offered downloading verified staged rebooting trial committed ");
  CHECK_FALSE(fleet.run({"run", "--once"}).out.find("\"changed\":false") == std::string::npos);
}

TEST_CASE(
    "distributor and updater: the uplink is cut, the server killed, the power goes; it resumes",
    "[integration][distributor]") {
  Fleet fleet;
  fleet.uplink->cut_after(1'500'000);
  const auto cut = fleet.run({"run", "--once"});
  INFO(cut.out);
  REQUIRE(cut.status == 21);
  CHECK_THAT(cut.out, Catch::Contains("hint: ") || Catch::Contains("\"hint\""));
  CHECK(fleet.run({"run", "--once"}).status == 21);
  REQUIRE(fleet.device.start() == "a");
  fleet.uplink->restore();
  fleet.server->signal(SIGKILL);
  fleet.server->finish();
  CHECK(fleet.run({"run", "--once"}).status == 21);
  fleet.serve();
  const auto before = fleet.uplink->down();
  fleet.give_svid();
  const auto armed = fleet.run({"run", "--once"});
  INFO(armed.out);
  REQUIRE(armed.status == 0);
  CHECK(fleet.uplink->down() - before < kImage - 500'000);
  REQUIRE(fleet.device.start() == "b");
  CHECK(fleet.steps() == "offered downloading verified staged rebooting ");
}

TEST_CASE("distributor and updater: the server is killed in the middle of a transfer; it resumes",
          "[integration][distributor]") {
  Fleet fleet;
  fleet.uplink->hold_after(1'500'000);
  ChildResult cut;
  std::thread updating([&] { cut = fleet.run({"run", "--once"}); });
  while (!fleet.uplink->is_held()) std::this_thread::yield();
  fleet.server->signal(SIGKILL);
  fleet.server->finish();
  fleet.uplink->release();
  updating.join();
  INFO(cut.out);
  REQUIRE(cut.status == 21);
  CHECK_THAT(fleet.device.boot_state(), Catch::StartsWith("primary=a trial=-"));
  fleet.serve();
  const auto before = fleet.uplink->down();
  const auto armed = fleet.run({"run", "--once"});
  INFO(armed.out);
  REQUIRE(armed.status == 0);
  CHECK(fleet.uplink->down() - before < kImage - 500'000);
  REQUIRE(fleet.device.start() == "b");
  CHECK(fleet.steps() == "offered downloading verified staged rebooting ");
}

TEST_CASE("distributor and updater: a damaged blob never reaches a slot",
          "[integration][distributor]") {
  Fleet fleet;
  const auto good = slurp(fleet.container());
  auto bad = good;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  spill(fleet.container(), bad);
  const auto refused = fleet.run({"run", "--once"});
  INFO(refused.out);
  REQUIRE(refused.status == 15);
  CHECK_THAT(fleet.device.boot_state(), Catch::StartsWith("primary=a trial=-"));
  const auto slot = slurp(fleet.device.path / "slots/b/rootfs.img");
  const auto& image = factory().releases.at("1.1.0").rootfs;
  const auto half = slot.size() / 2;
  CHECK_FALSE(std::equal(image.begin() + static_cast<std::ptrdiff_t>(half), image.end(),
                         slot.begin() + static_cast<std::ptrdiff_t>(half),
                         [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }));
  spill(fleet.container(), good);
  REQUIRE(fleet.run({"run", "--once"}).status == 0);
  CHECK(fleet.steps() == "offered downloading verified staged rebooting failed ");
  CHECK(fleet.device.start() == "b");
}

TEST_CASE("distributor and updater: a banned device gets nothing until it is admitted again",
          "[integration][distributor]") {
  Fleet fleet;
  REQUIRE(fleet.run({"check"}).status == 0);
  const std::string id = "spiffe://example.org/device/d1";
  REQUIRE(fleet.admin({"device", "ban", id}).status == 0);
  const auto banned = fleet.run({"run", "--once"});
  INFO(banned.out);
  CHECK(banned.status == 23);
  REQUIRE(fleet.admin({"device", "unban", id}).status == 0);
  CHECK(fleet.run({"run", "--once"}).status == 23);
  REQUIRE(fleet.admin({"device", "admit", id, "--product", "gw3"}).status == 0);
  CHECK(fleet.run({"run", "--once"}).status == 0);
}
