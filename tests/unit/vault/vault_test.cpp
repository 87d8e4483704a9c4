#include "vault/vault.hpp"

#include <set>

#include <catch2/catch.hpp>
#include <sodium.h>

#include "fixture.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {

Bytes file_of(VaultDevice& device, const std::string& path) {
  return *read_file(device.disk, path, 1U << 24U);
}

std::string only_data_file(VaultDevice& device) {
  return "/var/vault/data/" + device.disk.list("/var/vault/data")->at(0);
}

}  // namespace

TEST_CASE("vault: what is put is there after the next open", "[vault]") {
  VaultDevice device;
  const auto small = pattern(100);
  const auto large = pattern(300'000, 2);
  {
    auto vault = *device.create();
    REQUIRE(vault.put("agent/key", small));
    REQUIRE(vault.put("agent/model", large));
    REQUIRE(vault.put("agent/empty", {}));
    REQUIRE(vault.put("agent/gone", small));
    REQUIRE(vault.remove("agent/gone"));
  }
  auto vault = *device.open();
  CHECK(holds(vault, "agent/key", small));
  CHECK(holds(vault, "agent/model", large));
  CHECK(holds(vault, "agent/empty", {}));
  CHECK(vault.list().size() == 3);
  CHECK(vault.get("agent/gone", 10).error().code() == Errc::kUsage);
  CHECK(vault.get("agent/model", 1000).error().code() == Errc::kTooLarge);
  CHECK(device.disk.list("/var/vault/data")->size() == 3);
}

TEST_CASE("vault: random access across chunks and segments", "[vault]") {
  VaultDevice device;
  auto vault = *device.create();
  const auto first = pattern(200'000, 3);
  const auto second = pattern(65'536, 4);
  const auto third = pattern(1, 5);
  REQUIRE(vault.put("blob", first));
  for (const auto& more : {second, third}) {
    auto writer = *vault.append("blob");
    REQUIRE(writer.write(more));
    REQUIRE(writer.finish());
  }
  Bytes whole = first;
  whole.insert(whole.end(), second.begin(), second.end());
  whole.insert(whole.end(), third.begin(), third.end());
  auto reader = *vault.read("blob");
  REQUIRE(reader.size() == whole.size());
  for (const std::size_t offset : {0UL, 65'535UL, 65'536UL, 199'990UL, 200'000UL, 265'535UL}) {
    Bytes out(std::min<std::size_t>(70'000, whole.size() - offset));
    REQUIRE(reader.read_at(out, offset));
    CHECK(std::equal(out.begin(), out.end(), whole.begin() + static_cast<long>(offset)));
  }
  Bytes out(2);
  CHECK(reader.read_at(out, whole.size() - 1).error().code() == Errc::kUsage);
  CHECK(vault.list().at(0).segments == 3);
}

TEST_CASE("vault: a chunk of exactly the chunk size is the last one", "[vault]") {
  VaultDevice device;
  auto vault = *device.create();
  const auto value = pattern(std::size_t{1} << vault::Vault::kChunkLog2);
  REQUIRE(vault.put("exact", value));
  CHECK(holds(vault, "exact", value));
}

TEST_CASE("vault: no file holds a plain byte of the value or its name's secrets", "[vault]") {
  VaultDevice device;
  auto vault = *device.create();
  const std::string value = "correct horse battery staple";
  REQUIRE(vault.put("agent/key", as_bytes(value)));
  for (const auto& path : {only_data_file(device), std::string("/var/vault/index")}) {
    CHECK(as_text(file_of(device, path)).find(value) == std::string_view::npos);
  }
  CHECK(as_text(file_of(device, "/var/vault/index")).find("agent/key") == std::string_view::npos);
}

TEST_CASE("vault: names outside the alphabet are refused", "[vault]") {
  VaultDevice device;
  auto vault = *device.create();
  const auto name =
      GENERATE(as<std::string>(), "", "a b", "a\n", "\xc3\xa9", std::string(256, 'x'));
  CHECK(vault.put(name, {}).error().code() == Errc::kUsage);
  CHECK(vault.put(std::string(255, 'x'), {}));
}

TEST_CASE("vault: FORMAT 7.3.5 a damaged, swapped or truncated data file is refused", "[vault]") {
  VaultDevice device;
  auto vault = *device.create();
  REQUIRE(vault.put("a", pattern(150'000, 6)));
  const auto path_a = only_data_file(device);
  REQUIRE(vault.put("b", pattern(150'000, 7)));
  auto paths = *device.disk.list("/var/vault/data");
  const auto path_b = "/var/vault/data/" + (paths[0] == path_a.substr(16) ? paths[1] : paths[0]);
  const auto good = file_of(device, path_a);

  SECTION("any flipped byte") {
    for (std::size_t at = 0; at < good.size(); at += 997) {
      auto bad = good;
      bad[at] ^= 0x10U;
      device.disk.put(path_a, bad);
      CHECK(vault.get("a", 1U << 20U).error().code() == Errc::kVault);
    }
  }
  SECTION("another entry's file") {
    device.disk.put(path_a, file_of(device, path_b));
    CHECK(vault.get("a", 1U << 20U).error().code() == Errc::kVault);
  }
  SECTION("every truncation at a chunk, and one byte more") {
    constexpr std::size_t kSealedChunk = 65'536 + 16;
    for (std::size_t cut = 1; cut < good.size(); cut += kSealedChunk) {
      device.disk.put(path_a, ByteView(good).first(good.size() - cut));
      CHECK(vault.get("a", 1U << 20U).error().code() == Errc::kVault);
    }
    auto longer = good;
    longer.push_back(0);
    device.disk.put(path_a, longer);
    CHECK(vault.get("a", 1U << 20U).error().code() == Errc::kVault);
  }
  SECTION("two chunks changed places") {
    const auto head = good.size() - 150'000 - 3 * 16;
    auto bad = good;
    std::swap_ranges(bad.begin() + static_cast<long>(head),
                     bad.begin() + static_cast<long>(head + 65'552),
                     bad.begin() + static_cast<long>(head + 65'552));
    device.disk.put(path_a, bad);
    CHECK(vault.get("a", 1U << 20U).error().code() == Errc::kVault);
  }
  SECTION("gone") {
    REQUIRE(device.disk.remove(path_a));
    CHECK_FALSE(vault.get("a", 1U << 20U));
  }
  CHECK(holds(vault, "b", pattern(150'000, 7)));
}

TEST_CASE("vault: the file of an older version of the same entry is refused", "[vault]") {
  VaultDevice device;
  auto vault = *device.create();
  REQUIRE(vault.put("a", pattern(10, 1)));
  const auto old = file_of(device, only_data_file(device));
  REQUIRE(vault.put("a", pattern(10, 2)));
  device.disk.put(only_data_file(device), old);
  CHECK(vault.get("a", 100).error().code() == Errc::kVault);
}

TEST_CASE("vault: segments cannot change places", "[vault]") {
  VaultDevice device;
  auto vault = *device.create();
  REQUIRE(vault.put("a", pattern(10, 1)));
  auto writer = *vault.append("a");
  REQUIRE(writer.write(pattern(10, 2)));
  REQUIRE(writer.finish());
  const auto names = *device.disk.list("/var/vault/data");
  const auto one = file_of(device, "/var/vault/data/" + names[0]);
  const auto two = file_of(device, "/var/vault/data/" + names[1]);
  device.disk.put("/var/vault/data/" + names[0], two);
  device.disk.put("/var/vault/data/" + names[1], one);
  CHECK(vault.get("a", 100).error().code() == Errc::kVault);
}

TEST_CASE("vault: of another device, or with another token, nothing opens", "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()->put("a", pattern(10))); }
  SECTION("device name") {
    device.config.device = "device-8";
    auto vault = *device.open();
    CHECK(vault.get("a", 100).error().code() == Errc::kVault);
  }
  SECTION("a boot state that is not approved") {
    device.protector.refuses = true;
    CHECK(device.open().error().code() == Errc::kTpm);
  }
}

TEST_CASE("vault: FORMAT 7.4.4 an anchored vault that is missing is never made anew", "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()->put("a", pattern(10))); }
  CHECK(device.create().error().code() == Errc::kVault);
  REQUIRE(device.disk.remove("/var/vault/index"));
  CHECK(device.open().error().code() == Errc::kVault);
  CHECK(device.create().error().code() == Errc::kVault);
}

TEST_CASE("vault: without an anchor a vault with content is neither opened nor replaced",
          "[vault]") {
  VaultDevice device;
  CHECK(device.open().error().code() == Errc::kVault);
  { REQUIRE(device.create()->put("a", pattern(10))); }
  device.anchor.value.reset();
  CHECK(device.open().error().code() == Errc::kVault);
  CHECK(device.create().error().code() == Errc::kVault);
}

TEST_CASE("vault: FORMAT 7.4.2 files of an older backup are a rollback", "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()->put("a", pattern(10, 1))); }
  const auto backup = device.disk;
  { REQUIRE(device.open()->put("a", pattern(10, 2))); }
  SECTION("the whole disk") {
    device.disk = backup;
    CHECK(device.open().error().code() == Errc::kRollback);
  }
  SECTION("again and again: the first write after every open anchors") {
    for (int i = 0; i < 3; ++i) {
      const auto older = device.disk.content("/var/vault/index");
      { REQUIRE(device.open()->put("a", pattern(10, 3))); }
      const auto newer = device.disk.content("/var/vault/index");
      device.disk.put("/var/vault/index", older);
      CHECK(device.open().error().code() == Errc::kRollback);
      device.disk.put("/var/vault/index", newer);
    }
  }
}

TEST_CASE("vault: a forged index or one of another vault does not open", "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()->put("a", pattern(10))); }
  const auto good = device.disk.content("/var/vault/index");
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] ^= 1U;
    device.disk.put("/var/vault/index", bad);
    INFO("byte " << at);
    CHECK_FALSE(device.open());
  }
  for (std::size_t n = 0; n < good.size(); ++n) {
    device.disk.put("/var/vault/index", ByteView(good).first(n));
    CHECK_FALSE(device.open());
  }
}

TEST_CASE("vault: a key sealed by somebody else under the same policy is refused", "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()->put("a", pattern(10, 1))); }
  const auto anchor = device.anchor.value;
  // The same token seals for whoever asks: an attacker makes a vault of his own with it.
  VaultDevice evil(1);
  vault::VaultParts parts{evil.disk, evil.random, device.protector, evil.anchor};
  { REQUIRE(vault::Vault::create(parts, evil.config)->put("a", pattern(10, 9))); }
  for (const auto* name : {"index", "epochs/1.blob"}) {
    const auto path = std::string("/var/vault/") + name;
    device.disk.put(path, evil.disk.content(path));
  }
  CHECK(device.open().error().code() == Errc::kVault);
  CHECK(device.anchor.value == anchor);
}

TEST_CASE("vault: a chain of keys that begins with somebody else's vouches for nothing",
          "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()->put("a", pattern(10, 1))); }
  VaultDevice evil(1);
  const vault::VaultParts parts{evil.disk, evil.random, device.protector, evil.anchor};
  { REQUIRE(vault::Vault::create(parts, evil.config)); }
  const auto first = evil.disk.content("/var/vault/epochs/1.blob");
  { REQUIRE(vault::Vault::open(parts, evil.config)->rotate()); }
  device.disk.put("/var/vault/epochs/1.blob", first);
  for (const auto* name : {"index", "epochs/2.blob", "epochs/2.link"}) {
    const auto path = std::string("/var/vault/") + name;
    device.disk.put(path, evil.disk.content(path));
  }
  CHECK(device.open().error().code() == Errc::kVault);
}

TEST_CASE("vault: FORMAT 7.5.3 rotation changes no data file and old blobs open nothing",
          "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()->put("a", pattern(1000, 1))); }
  const auto before = device.disk;
  device.disk.read_only.insert("/var/vault/data");
  {
    auto vault = *device.open();
    REQUIRE(vault.rotate());
    REQUIRE(vault.rotate());
    CHECK(holds(vault, "a", pattern(1000, 1)));
    CHECK(vault.status().epoch == 3);
  }
  CHECK(*device.disk.list("/var/vault/epochs") == std::vector<std::string>{"3.blob", "3.link"});
  CHECK(holds(*device.open(), "a", pattern(1000, 1)));
  device.disk.read_only.clear();
  device.disk.put("/var/vault/index", before.content("/var/vault/index"));
  device.disk.put("/var/vault/epochs/1.blob", before.content("/var/vault/epochs/1.blob"));
  CHECK_FALSE(device.open());
}

TEST_CASE("vault: deep rotation encrypts every entry again", "[vault]") {
  VaultDevice device;
  auto vault = *device.create();
  REQUIRE(vault.put("a", pattern(100'000, 1)));
  auto writer = *vault.append("a");
  REQUIRE(writer.write(pattern(5, 2)));
  REQUIRE(writer.finish());
  const auto old_names = *device.disk.list("/var/vault/data");
  auto whole = pattern(100'000, 1);
  const auto tail = pattern(5, 2);
  whole.insert(whole.end(), tail.begin(), tail.end());
  REQUIRE(vault.rotate_deep());
  CHECK(holds(vault, "a", whole));
  const auto names = *device.disk.list("/var/vault/data");
  REQUIRE(names.size() == 1);
  CHECK(std::find(old_names.begin(), old_names.end(), names[0]) == old_names.end());
}

TEST_CASE("vault: FORMAT 7.5.2, 7.5.4 an epoch without a link from the anchored key is refused",
          "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()->put("a", pattern(10))); }
  const auto anchored = device.anchor.value;
  const auto blob = device.disk.content("/var/vault/epochs/1.blob");
  { REQUIRE(device.open()->rotate()); }
  device.anchor.value = anchored;  // as if the power had gone before the anchor
  device.disk.put("/var/vault/epochs/1.blob", blob);
  const auto link = device.disk.content("/var/vault/epochs/2.link");
  SECTION("link kept: the rotation is finished") {
    CHECK(holds(*device.open(), "a", pattern(10)));
    CHECK(device.anchor.value != anchored);
    CHECK_FALSE(device.disk.has("/var/vault/epochs/1.blob"));
  }
  SECTION("link gone or forged") {
    REQUIRE(device.disk.remove("/var/vault/epochs/2.link"));
    CHECK_FALSE(device.open());
    device.disk.put("/var/vault/epochs/2.link", Bytes(32, 1));
    CHECK(device.open().error().code() == Errc::kVault);
  }
  SECTION("the anchored key gone") {
    REQUIRE(device.disk.remove("/var/vault/epochs/1.blob"));
    CHECK(device.open().error().code() == Errc::kVault);
  }
}

TEST_CASE("vault: FORMAT 7.5.1 the recovery key opens the epoch key, another does not", "[vault]") {
  VaultDevice device;
  vault::RecoveryKey public_key;
  auto private_key = *SecretBytes::allocate(32);
  crypto_box_keypair(public_key.bytes.data(), private_key.mutable_span().data());
  device.config.recovery = public_key;
  { REQUIRE(device.create()); }
  const auto wrap = device.disk.content("/var/vault/epochs/1.recovery");
  const auto key = vault::open_recovery(wrap, public_key, private_key);
  REQUIRE(key);
  CHECK(vault::epoch_key_hash(1, *key) == device.anchor.value->epoch_key);
  private_key.mutable_span()[0] ^= 8U;
  CHECK(vault::open_recovery(wrap, public_key, private_key).error().code() == Errc::kVault);
  CHECK_FALSE(vault::open_recovery(ByteView(wrap).first(79), public_key, private_key));
}

TEST_CASE("vault: two processes cannot have it open", "[vault]") {
  VaultDevice device;
  const auto held = device.create();
  REQUIRE(held);
  CHECK(device.open().error().code() == Errc::kBusy);
}

TEST_CASE(
    "vault: FORMAT 7.4.3 the anchor is written at the first write after an open, and when asked",
    "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()); }
  const auto after_create = device.anchor.writes;
  {
    auto vault = *device.open();
    CHECK(device.anchor.writes == after_create);
    REQUIRE(vault.put("a", {}));
    CHECK(device.anchor.writes == after_create + 1);
    REQUIRE(vault.put("b", {}));
    CHECK(device.anchor.writes == after_create + 1);
    REQUIRE(vault.anchor_now());
    REQUIRE(vault.anchor_now());
    CHECK(device.anchor.writes == after_create + 2);
  }
  device.config.anchoring = vault::Anchoring::kEveryWrite;
  auto vault = *device.open();
  REQUIRE(vault.put("c", {}));
  REQUIRE(vault.put("d", {}));
  CHECK(device.anchor.writes == after_create + 4);
}

TEST_CASE("vault: many values become visible together", "[vault]") {
  VaultDevice device;
  auto vault = *device.create();
  std::vector<vault::NamedValue> values;
  const auto value = pattern(20);
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("many/" + std::to_string(i));
  for (const auto& name : names) values.push_back({name, value});
  const auto before = vault.status().generation;
  REQUIRE(vault.put_all(values));
  CHECK(vault.status().generation == before + 1);
  CHECK(vault.list().size() == 300);
  CHECK(holds(vault, "many/299", value));
  REQUIRE(vault.put_all(values));
  CHECK(device.disk.list("/var/vault/data")->size() == 300);
  const vault::NamedValue twice[] = {{"x", value}, {"x", value}};
  CHECK(vault.put_all(twice).error().code() == Errc::kUsage);
}

TEST_CASE("vault: a fork of the state is a rollback, however high its generation", "[vault]") {
  VaultDevice device;
  { REQUIRE(device.create()->put("a", pattern(10, 1))); }
  const auto disk = device.disk;
  const auto anchored = device.anchor.value;
  { REQUIRE(device.open()->put("a", pattern(10, 2))); }
  const auto truth = device.anchor.value;
  device.disk = disk;
  device.anchor.value = anchored;
  {
    auto fork = *device.open();
    for (int i = 0; i < 3; ++i) REQUIRE(fork.put("a", pattern(10, 3)));
  }
  device.anchor.value = truth;
  CHECK(device.open().error().code() == Errc::kRollback);
}

TEST_CASE("vault: what an unfinished write left is collected at the next open", "[vault]") {
  VaultDevice device;
  {
    auto vault = *device.create();
    REQUIRE(vault.put("a", pattern(10)));
    auto writer = *vault.replace("a");
    REQUIRE(writer.write(pattern(70'000)));
    CHECK(device.disk.list("/var/vault/data")->size() == 2);
  }
  REQUIRE(device.open());
  CHECK(device.disk.list("/var/vault/data")->size() == 1);
}

TEST_CASE("vault: FORMAT 7.5.5 a keeper that asks for a new epoch key gets one, once", "[vault]") {
  VaultDevice device;
  device.config.renewals = 2;
  { REQUIRE(device.create()->put("a", pattern(10))); }
  CHECK(device.open()->status().epoch == 1);
  device.config.renewals = 3;
  CHECK(device.open()->status().epoch == 2);
  CHECK(device.open()->status().epoch == 2);
  { REQUIRE(device.open()->rotate()); }
  CHECK(device.open()->status().epoch == 3);
  device.config.renewals = 1;  // a forged, lower number does nothing
  CHECK(holds(*device.open(), "a", pattern(10)));
  CHECK(device.open()->status().epoch == 3);
}
