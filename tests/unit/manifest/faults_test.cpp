// What can go wrong between a repository and a device, one row each: the code, the attack class,
// and that the next honest refresh succeeds with nothing lost.
#include <functional>

#include <catch2/catch.hpp>

#include "device.hpp"
#include "fakes/fake_disk.hpp"
#include "manifest/disk_store.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

using Files = std::map<std::string, Bytes>;

struct Row {
  const char* why;
  Errc code;
  const char* attack;
  std::function<void(Device&)> change;
};

/// The bytes of a file with one text replaced by another.
void edit(Device& device, const std::string& name, std::string_view from, std::string_view to) {
  auto& file = device.repo.metadata_files.at(name);
  std::string text(as_text(file));
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  file.assign(text.begin(), text.end());
}

std::function<void(Device&)> edited(std::string name, std::string from, std::string to) {
  return [=](Device& device) { edit(device, name, from, to); };
}
std::function<void(Device&)> broken(std::string name, Errc code) {
  return [=](Device& device) { device.repo.broken[name] = code; };
}
/// Another signed text in place of a file's, by the role's own keys.
std::function<void(Device&)> resigned(std::string name, std::string role, std::string text) {
  return [=](Device& device) {
    device.repo.metadata_files[name] =
        fakes::RepoSimulator::sign(text, device.repo.signers.at(role));
  };
}
std::function<void(Device&)> cut(std::string name) {
  return [=](Device& device) { device.repo.metadata_files.at(name).pop_back(); };
}

const Row kRows[] = {
    // a source that fails is not a source that has nothing
    {"root: server error", Errc::kTransport, "", broken("3.root.json", Errc::kTransport)},
    {"root: time-out", Errc::kTimeout, "", broken("3.root.json", Errc::kTimeout)},
    {"root: endless", Errc::kTooLarge, "", broken("3.root.json", Errc::kTooLarge)},
    {"timestamp: endless", Errc::kTooLarge, "", broken("timestamp.json", Errc::kTooLarge)},
    {"root: cut", Errc::kMalformed, "malformed", cut("2.root.json")},
    {"timestamp: cut", Errc::kMalformed, "malformed", cut("timestamp.json")},
    {"snapshot: cut", Errc::kHashMismatch, "mix-and-match", cut("2.snapshot.json")},
    {"targets: cut", Errc::kHashMismatch, "mix-and-match", cut("2.targets.json")},
    // bytes that are not the format
    {"byte order mark", Errc::kMalformed, "malformed",
     edited("timestamp.json", "{\"sig", "\xef\xbb\xbf{\"sig")},
    {"bytes behind", Errc::kMalformed, "malformed",
     [](Device& d) { d.repo.metadata_files.at("timestamp.json").push_back('\n'); }},
    {"a blank", Errc::kMalformed, "malformed", edited("timestamp.json", ":[", ": [")},
    {"member twice", Errc::kMalformed, "malformed",
     edited("timestamp.json", "{\"signatures\"", "{\"signatures\":[],\"signatures\"")},
    {"signature in upper case", Errc::kMalformed, "malformed",
     [](Device& d) {
       auto& file = d.repo.metadata_files.at("timestamp.json");
       const auto at = as_text(file).find("\"sig\":\"") + 7;
       for (std::size_t i = at; i < at + 128; ++i) {
         file[i] = static_cast<std::uint8_t>(std::toupper(file[i]));
       }
     }},
    {"signature of 63 bytes", Errc::kMalformed, "malformed",
     [](Device& d) {
       auto& file = d.repo.metadata_files.at("timestamp.json");
       const auto at = as_text(file).find("\"sig\":\"") + 7;
       file.erase(file.begin() + static_cast<std::ptrdiff_t>(at),
                  file.begin() + static_cast<std::ptrdiff_t>(at) + 2);
     }},
    {"signature of an odd length", Errc::kMalformed, "malformed",
     [](Device& d) {
       auto& file = d.repo.metadata_files.at("timestamp.json");
       file.erase(file.begin() + static_cast<std::ptrdiff_t>(as_text(file).find("\"sig\":\"") + 7));
     }},
    {"signature of 65 bytes", Errc::kMalformed, "malformed",
     [](Device& d) { edit(d, "timestamp.json", "\"sig\":\"", "\"sig\":\"00"); }},
    {"too deep", Errc::kTooLarge, "endless",
     edited("timestamp.json", "\"signed\":{", "\"signed\":" + std::string(1500, '['))},
    // signed by the right keys, and still not what the format allows
    {"version 2^53", Errc::kMalformed, "malformed",
     [](Device& d) {
       resigned("timestamp.json", "timestamp", R"({"version":9007199254740992})")(d);
     }},
    {"version 2^63", Errc::kMalformed, "malformed",
     [](Device& d) {
       resigned("timestamp.json", "timestamp", R"({"version":9223372036854775808})")(d);
     }},
    {"version 1e3", Errc::kMalformed, "malformed",
     [](Device& d) { resigned("timestamp.json", "timestamp", R"({"version":1e3})")(d); }},
    {"version -0", Errc::kMalformed, "malformed",
     [](Device& d) { resigned("timestamp.json", "timestamp", R"({"version":-0})")(d); }},
    // a signature by somebody else
    {"timestamp by nobody", Errc::kBadSignature, "arbitrary",
     [](Device& d) {
       d.repo.signers["timestamp"] = {SigningKey("intruder")};
       d.repo.publish_timestamp();
     }},
    // freeze: the same, valid state for ever
    {"the same until it expires", Errc::kExpired, "freeze",
     [](Device& d) { d.clock.time += 8 * kDay; }},
};

/// Two states old enough to be told apart; the device has seen the second.
struct Stage {
  Device device;
  Files honest;

  Stage() {
    device.repo.add_release(fakes::sample_release());
    device.repo.bump_root();
    device.repo.bump();
    honest = device.repo.metadata_files;
  }
};

}  // namespace

TEST_CASE("faults: each has its code and its class, and leaves nothing behind (FORMAT 2.9.1)",
          "[manifest][faults]") {
  for (const auto& row : kRows) {
    INFO(row.why);
    Stage stage;
    auto& device = stage.device;
    const auto time = device.clock.time;
    const auto signers = device.repo.signers;
    row.change(device);
    const auto report = device.refresh();
    INFO(outcome(report));
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == row.code);
    CHECK(report.error().attack() == row.attack);
    device.repo.metadata_files = stage.honest;
    device.repo.broken.clear();
    device.repo.signers = signers;
    device.clock.time = time;
    const auto again = device.refresh();
    INFO(outcome(again));
    REQUIRE(again);
    CHECK(again->timestamp == MetadataVersion(2));
  }
}

TEST_CASE("faults: a chain of 300 roots is walked in five runs (FORMAT 2.1.4)",
          "[manifest][faults]") {
  Device device;
  for (int i = 0; i < 300; ++i) device.repo.bump_root();
  for (int run = 0; run < 4; ++run) CHECK(device.code() == Errc::kTooLarge);
  const auto report = device.refresh();
  REQUIRE(report);
  CHECK(report->root == MetadataVersion(301));
  CHECK(report->new_roots == 44);
}

TEST_CASE(
    "faults: more roles than the floors can hold are refused, however well signed "
    "(FORMAT 2.6.1, 2.8.1)",
    "[manifest][faults]") {
  const auto list = [](Device& device, int count) {
    for (auto i = device.repo.snapshot.meta.size(); i < static_cast<std::size_t>(count); ++i) {
      device.repo.snapshot.meta.insert_or_assign(
          "rel-" + std::string(50, 'x') + std::to_string(i + 1000),
          MetaFile{MetadataVersion(1), {}, {}});
    }
    device.repo.publish_snapshot();
    device.repo.publish_timestamp();
  };
  Device device;
  for (int i = 2; i <= 8; ++i) {
    device.repo.signers["snapshot"].emplace_back("snapshot-" + std::to_string(i));
  }
  device.repo.publish_root();
  device.repo.repository = Root::repository_id(device.repo.root.serialise());
  device.repo.publish();
  list(device, 256);
  const auto report = device.refresh();
  INFO(outcome(report));
  REQUIRE(report);
  CHECK(device.floors.versions.size() == 258);  // and timestamp and snapshot
  const auto again = Floors::parse(device.floors.serialise());
  REQUIRE(again);
  CHECK(*again == device.floors);

  Device more;
  list(more, 257);
  CHECK(more.code() == Errc::kTooLarge);
  CHECK(more.refresh().error().attack() == "endless");
}

TEST_CASE("faults: the power goes at any write of a refresh; the next one succeeds (FORMAT 2.10.1)",
          "[manifest][faults]") {
  for (const auto fate : {fakes::Fate::kLost, fakes::Fate::kKept, fakes::Fate::kMixed}) {
    for (unsigned at = 0;; ++at) {
      Stage stage;
      auto& device = stage.device;
      fakes::FakeDisk disk;
      disk.make_durable("/var/tuf");
      const auto run = [&]() -> Result<RefreshReport> {
        PAWL_TRY(auto store, DiskStore::open(disk, "/var/tuf"));
        UpdaterOptions options;
        options.anchor = device.repo.root_file(1);
        options.floors = device.floors;
        Updater client(device.repo, store, device.clock, std::move(options));
        auto report = client.refresh();
        device.floors = client.floors();
        return report;
      };
      disk.policy.data = disk.policy.entries = fate;
      disk.policy.seed = at;
      disk.policy.torn_sectors = at % 2;
      disk.ops_left = at;
      const auto first = run();
      if (!disk.is_off()) {
        REQUIRE(first);
        CHECK(at > 20);  // five files, each with several durable operations
        break;
      }
      INFO("cut before durable operation " << at << ": " << disk.last_op);
      disk.power_on();
      disk.ops_left = fakes::FakeDisk::kNoCut;
      const auto second = run();
      INFO(outcome(second));
      REQUIRE(second);
      CHECK(second->root == MetadataVersion(2));
      CHECK(second->targets == MetadataVersion(2));
    }
  }
}

TEST_CASE("faults: a store that cannot be written is an error, and harms nothing",
          "[manifest][faults]") {
  Stage stage;
  fakes::FakeDisk disk;
  disk.make_durable("/var/tuf");
  auto store = DiskStore::open(disk, "/var/tuf");
  REQUIRE(store);
  UpdaterOptions options;
  options.anchor = stage.device.repo.root_file(1);
  disk.read_only.insert("/var/tuf");
  {
    Updater client(stage.device.repo, *store, stage.device.clock, options);
    const auto report = client.refresh();
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == Errc::kIo);
  }
  disk.read_only.clear();
  Updater client(stage.device.repo, *store, stage.device.clock, options);
  CHECK(client.refresh());
}
