#include "vaultd/verbs.hpp"

#include <sstream>

#include <catch2/catch.hpp>

#include "fakes/fake_clock.hpp"
#include "fakes/fake_disk.hpp"
#include "fakes/fake_protector.hpp"

using namespace pawl;
using namespace pawl::vaultd;

namespace {

class FakeKeeper final : public Keeper {
 public:
  FakeKeeper(Disk& disk, Random& random) : seal(random), mark(disk) {}
  vault::KeyProtector& protector() override { return seal; }
  vault::Anchor& anchor() override { return mark; }
  fakes::FakeProtector seal;
  fakes::FakeAnchor mark;
};

struct Device {
  fakes::FakeDisk disk;
  fakes::CountingRandom random;
  fakes::FakeClock clock{UtcTime{}};
  FakeKeeper keeper{disk, random};
  Config config;
  NoProgress quiet;
  Device() { disk.make_durable("/var"); }
  Store store() { return {config, disk, random, clock, keeper, Seconds(0)}; }

  Result<vault::EntryInfo> put(const std::string& name, std::string value,
                               PutMode mode = PutMode::kReplace) {
    std::istringstream in(std::move(value));
    StreamSource source(in);
    auto now = store();
    return vaultd::put(now, name, mode, source, quiet);
  }
  Result<std::string> get(const std::string& name, const Range& range = {},
                          Binary binary = Binary::kAllowed) {
    std::ostringstream out;
    StreamSink sink(out, binary);
    auto now = store();
    PAWL_CHECK(vaultd::get(now, name, range, sink, quiet));
    return out.str();
  }
};

std::string long_value() {
  std::string out;
  for (unsigned i = 0; out.size() < 3 * kPiece + 17; ++i) out += std::to_string(i) + ",";
  return out;
}

}  // namespace

TEST_CASE("vault verbs: values of every length around a piece come back", "[vaultd]") {
  Device device;
  auto store = device.store();
  REQUIRE(init(store));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPiece - 1, kPiece, kPiece + 1}) {
    const std::string value(size, 'x');
    REQUIRE(device.put("a", value)->size == size);
    CHECK(*device.get("a") == value);
  }
  CHECK(list(store)->size() == 1);
}

TEST_CASE("vault verbs: a part of an entry, across its segments", "[vaultd]") {
  Device device;
  auto store = device.store();
  REQUIRE(init(store));
  const auto value = long_value();
  REQUIRE(device.put("a", value));
  REQUIRE(device.put("a", "tail", PutMode::kAppend)->segments == 2);
  const auto whole = value + "tail";
  CHECK(*device.get("a", {kPiece - 3, 7}) == whole.substr(kPiece - 3, 7));
  CHECK(*device.get("a", {value.size() - 2, {}}) == whole.substr(value.size() - 2));
  CHECK(device.get("a", {whole.size(), {}})->empty());
  CHECK(device.get("a", {0, 0})->empty());
  CHECK(device.get("a", {whole.size() + 1, {}}).error().code() == Errc::kUsage);
  CHECK(device.get("a", {1, whole.size()}).error().code() == Errc::kUsage);
  CHECK(device.get("a", {1, ~std::uint64_t{0}}).error().code() == Errc::kUsage);
  CHECK(get_value(store, "a", {whole.size() + 1, {}}, 5).error().code() == Errc::kUsage);
  std::ostringstream out;
  StreamSink sink(out, Binary::kAllowed);
  CHECK(vaultd::get(store, "a", {0, whole.size() + 1}, sink, device.quiet).error().code() ==
        Errc::kUsage);
  CHECK(out.str().empty());  // refused before the first piece went out
  CHECK(get_value(store, "a", {0, 5}, 5)->facts.length == 5);
  CHECK(get_value(store, "a", {0, 6}, 5).error().code() == Errc::kTooLarge);
}

TEST_CASE("vault verbs: what is not there is named, with a hint", "[vaultd]") {
  Device device;
  auto store = device.store();
  CHECK(status(store).error().code() == Errc::kVault);
  CHECK(status(store).error().hint() == "pawl-vault init makes one");
  REQUIRE(init(store));
  CHECK(init(store).error().code() == Errc::kVault);
  CHECK(device.get("b").error().code() == Errc::kUsage);
  CHECK(remove(store, "b", DryRun::kNo).error().code() == Errc::kUsage);
  CHECK(remove(store, "b", DryRun::kYes).error().code() == Errc::kUsage);
}

TEST_CASE("vault verbs: a dry run removes nothing", "[vaultd]") {
  Device device;
  auto store = device.store();
  REQUIRE(init(store));
  REQUIRE(device.put("a", "1"));
  CHECK(remove(store, "a", DryRun::kYes)->size == 1);
  CHECK(*device.get("a") == "1");
  CHECK(remove(store, "a", DryRun::kNo)->name == "a");
  CHECK(list(store)->empty());
}

TEST_CASE("vault verbs: rotation keeps the values and counts the epoch", "[vaultd]") {
  Device device;
  auto store = device.store();
  REQUIRE(init(store));
  REQUIRE(device.put("a", "1"));
  CHECK(rotate(store, Rotation::kWraps)->epoch == 2);
  CHECK(rotate(store, Rotation::kDeep)->epoch == 3);
  CHECK(*device.get("a") == "1");
  const auto now = status(store);
  CHECK(now->vault.epoch == 3);
  CHECK(now->vault.generation == now->vault.anchored_generation);
  CHECK(now->bytes == 1);
}

TEST_CASE("vault verbs: a vault in use is busy when the wait is over", "[vaultd]") {
  Device device;
  auto store = device.store();
  REQUIRE(init(store));
  const auto held = store.open();
  REQUIRE(held);
  CHECK(status(store).error().code() == Errc::kBusy);
}

TEST_CASE("vault verbs: files of another user or device do not open (FORMAT 7.6.3)", "[vaultd]") {
  Device device;
  auto store = device.store();
  REQUIRE(init(store));
  REQUIRE(device.put("a", "1"));
  device.config.user = "agent";
  CHECK(device.get("a").error().code() == Errc::kVault);
}

TEST_CASE("vault verbs: a terminal gets text only, and nothing of a value that is none",
          "[vaultd]") {
  Device device;
  auto store = device.store();
  REQUIRE(init(store));
  REQUIRE(device.put("text", "key = value\t1\r\n"));
  REQUIRE(device.put("escape", std::string("abc\x1b[2J")));
  CHECK(*device.get("text", {}, Binary::kRefused) == "key = value\t1\r\n");
  CHECK(device.get("escape", {}, Binary::kRefused).error().code() == Errc::kUsage);
  CHECK(device.get("escape"));
  for (int c = 0; c < 256; ++c) {
    const std::uint8_t byte[] = {static_cast<std::uint8_t>(c)};
    const bool text = (c >= 32 && c < 127) || c == 9 || c == 10 || c == 13;
    CHECK(is_text(byte) == text);
  }
}

TEST_CASE("vault streams: a file appears whole or not at all", "[vaultd]") {
  fakes::FakeDisk disk;
  disk.make_durable("/out");
  const Bytes old{1, 2, 3};
  disk.put("/out/f", old);
  {
    auto file = *FileSink::create(disk, "/out/f");
    REQUIRE(file.write(Bytes{9}));
    CHECK(disk.content("/out/f") == old);
  }
  CHECK_FALSE(disk.has("/out/f.tmp"));
  CHECK(disk.content("/out/f") == old);
  auto file = *FileSink::create(disk, "/out/f");
  REQUIRE(file.write(Bytes{7}));
  REQUIRE(file.write(Bytes{8}));
  REQUIRE(file.finish());
  CHECK(disk.content("/out/f") == Bytes{7, 8});
}
