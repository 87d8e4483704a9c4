// A vault whose protector or anchor was lost.
#include <catch2/catch.hpp>
#include <sodium.h>

#include "fixture.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {

/// A vault with a recovery key, and the private half of it.
struct Recoverable : VaultDevice {
  SecretBytes private_key = *SecretBytes::allocate(32);
  Recoverable() {
    vault::RecoveryKey public_key;
    crypto_box_keypair(public_key.bytes.data(), private_key.mutable_span().data());
    config.recovery = public_key;
    REQUIRE(create()->put("a", pattern(1000, 1)));
  }
  Result<vault::Vault> recover() { return vault::Vault::recover(parts(), config, private_key); }
};

}  // namespace

TEST_CASE("vault: FORMAT 7.5.6 a lost protector and anchor: the recovery key gives all back",
          "[vault]") {
  Recoverable device;
  const auto before = device.disk.content("/var/vault/epochs/1.blob");
  FakeProtector fresh(device.random);
  const vault::VaultParts parts{device.disk, device.random, fresh, device.anchor};
  device.anchor.value.reset();
  CHECK(vault::Vault::open(parts, device.config).error().code() == Errc::kVault);
  {
    auto vault = vault::Vault::recover(parts, device.config, device.private_key);
    REQUIRE(vault);
    CHECK(vault->status().epoch == 2);
    CHECK(holds(*vault, "a", pattern(1000, 1)));
  }
  auto again = vault::Vault::open(parts, device.config);
  REQUIRE(again);
  CHECK(holds(*again, "a", pattern(1000, 1)));
  CHECK_FALSE(device.disk.has("/var/vault/epochs/1.blob"));
}

TEST_CASE("vault: FORMAT 7.5.6 recovery keeps to an anchor that is left", "[vault]") {
  Recoverable device;
  SECTION("the newest state: the key is sealed anew") {
    REQUIRE(device.disk.remove("/var/vault/epochs/1.blob"));
    CHECK_FALSE(device.open());
    REQUIRE(device.recover());
    CHECK(holds(*device.open(), "a", pattern(1000, 1)));
  }
  SECTION("an older copy is a rollback") {
    const auto older = device.disk.content("/var/vault/index");
    { REQUIRE(device.open()->put("b", pattern(1))); }
    device.disk.put("/var/vault/index", older);
    CHECK(device.recover().error().code() == Errc::kRollback);
  }
  SECTION("an older epoch is of another key") {
    const auto older = device.disk;
    { REQUIRE(device.open()->rotate()); }
    device.disk = older;
    CHECK(device.recover().error().code() == Errc::kVault);
  }
}

TEST_CASE("vault: recovery needs the key, the wrap and a vault that it opens", "[vault]") {
  Recoverable device;
  device.anchor.value.reset();
  SECTION("another private key") {
    device.private_key.mutable_span()[5] ^= 8U;
    CHECK(device.recover().error().code() == Errc::kVault);
  }
  SECTION("no recovery key configured") {
    device.config.recovery.reset();
    CHECK(device.recover().error().code() == Errc::kConfig);
  }
  SECTION("no wrap") {
    REQUIRE(device.disk.remove("/var/vault/epochs/1.recovery"));
    CHECK(device.recover().error().code() == Errc::kVault);
  }
  SECTION("a forged index") {
    auto index = device.disk.content("/var/vault/index");
    index.back() ^= 1U;
    device.disk.put("/var/vault/index", index);
    CHECK(device.recover().error().code() == Errc::kVault);
  }
  SECTION("nothing there") {
    VaultDevice empty;
    empty.config.recovery = device.config.recovery;
    CHECK(vault::Vault::recover(empty.parts(), empty.config, device.private_key).error().code() ==
          Errc::kVault);
  }
  CHECK_FALSE(device.anchor.value);
}
