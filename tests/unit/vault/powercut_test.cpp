// A power cut before every durable operation of the vault, the anchor's write among them.
#include <functional>

#include <catch2/catch.hpp>
#include <sodium.h>

#include "fixture.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {

const CutPolicy kPolicies[] = {
    {Fate::kLost, Fate::kLost, 0, 0},   {Fate::kKept, Fate::kLost, 1, 0},
    {Fate::kLost, Fate::kKept, 0, 0},   {Fate::kKept, Fate::kKept, 0, 0},
    {Fate::kMixed, Fate::kMixed, 1, 1}, {Fate::kMixed, Fate::kMixed, 0, 2}};

/// Runs `change` on a vault that holds "a" = old and "keep", cutting before each operation; after
/// each cut the vault must open and hold, whole, what `old_or_new` accepts.
unsigned cut_everywhere(const std::function<Status(vault::Vault&)>& change,
                        const std::function<bool(vault::Vault&)>& old_or_new) {
  unsigned cuts = 0;
  for (const auto& policy : kPolicies) {
    for (unsigned cut = 0;; ++cut) {
      VaultDevice device;
      {
        auto vault = *device.create();
        REQUIRE(vault.put("a", pattern(70'000, 1)));
        REQUIRE(vault.put("keep", pattern(10, 9)));
      }
      device.disk.policy = policy;
      bool done = false;
      {
        auto vault = *device.open();
        device.disk.ops_left = cut;
        done = static_cast<bool>(change(vault));
      }
      if (device.disk.is_off()) device.disk.power_on();
      device.disk.ops_left = FakeDisk::kNoCut;
      INFO("cut before operation " << cut << " of policy " << &policy - kPolicies << ": "
                                   << device.disk.last_op);
      {
        auto vault = device.open();
        if (!vault) FAIL(vault.error().what());
        REQUIRE(holds(*vault, "keep", pattern(10, 9)));
        REQUIRE(old_or_new(*vault));
        REQUIRE(vault->put("after", pattern(3)));
      }
      REQUIRE(holds(*device.open(), "after", pattern(3)));
      if (done) break;
      ++cuts;
    }
  }
  return cuts;
}

bool a_is_old_or_new(vault::Vault& vault) {
  return holds(vault, "a", pattern(70'000, 1)) || holds(vault, "a", pattern(200, 2));
}

}  // namespace

TEST_CASE("vault: power cut in put", "[vault][powercut]") {
  CHECK(cut_everywhere([](auto& v) { return v.put("a", pattern(200, 2)); }, a_is_old_or_new) >=
        6 * 10);
}

TEST_CASE("vault: power cut in remove", "[vault][powercut]") {
  const auto accept = [](auto& v) {
    return holds(v, "a", pattern(70'000, 1)) || v.list().size() == 1;
  };
  CHECK(cut_everywhere([](auto& v) { return v.remove("a"); }, accept) >= 6 * 5);
}

TEST_CASE("vault: power cut in append", "[vault][powercut]") {
  auto longer = pattern(70'000, 1);
  const auto more = pattern(200, 2);
  longer.insert(longer.end(), more.begin(), more.end());
  const auto change = [&](vault::Vault& v) -> Status {
    PAWL_TRY(auto writer, v.append("a"));
    PAWL_CHECK(writer.write(more));
    return writer.finish();
  };
  const auto accept = [&](auto& v) {
    return holds(v, "a", pattern(70'000, 1)) || holds(v, "a", longer);
  };
  CHECK(cut_everywhere(change, accept) >= 6 * 9);
}

TEST_CASE("vault: power cut in rotation loses nothing", "[vault][powercut]") {
  const auto accept = [](auto& v) { return holds(v, "a", pattern(70'000, 1)); };
  CHECK(cut_everywhere([](auto& v) { return v.rotate(); }, accept) >= 6 * 15);
  CHECK(cut_everywhere([](auto& v) { return v.rotate_deep(); }, accept) >= 6 * 25);
}

TEST_CASE("vault: power cut in recovery: it can be done again, or is done", "[vault][powercut]") {
  for (const auto& policy : kPolicies) {
    unsigned cuts = 0;
    for (unsigned cut = 0;; ++cut) {
      VaultDevice device;
      auto private_key = *SecretBytes::allocate(32);
      vault::RecoveryKey public_key;
      crypto_box_keypair(public_key.bytes.data(), private_key.mutable_span().data());
      device.config.recovery = public_key;
      { REQUIRE(device.create()->put("a", pattern(200, 1))); }
      device.anchor.value.reset();
      device.disk.policy = policy;
      device.disk.ops_left = cut;
      const bool done =
          static_cast<bool>(vault::Vault::recover(device.parts(), device.config, private_key));
      if (device.disk.is_off()) device.disk.power_on();
      device.disk.ops_left = FakeDisk::kNoCut;
      INFO("cut " << cut << ": " << device.disk.last_op);
      if (!device.anchor.value) {
        REQUIRE(vault::Vault::recover(device.parts(), device.config, private_key));
      }
      REQUIRE(holds(*device.open(), "a", pattern(200, 1)));
      if (done) break;
      ++cuts;
    }
    CHECK(cuts >= 20);
  }
}

TEST_CASE("vault: power cut in create: it can be made again, or is there", "[vault][powercut]") {
  for (const auto& policy : kPolicies) {
    for (unsigned cut = 0;; ++cut) {
      VaultDevice device;
      device.disk.policy = policy;
      device.disk.ops_left = cut;
      const bool done = static_cast<bool>(device.create());
      if (device.disk.is_off()) device.disk.power_on();
      device.disk.ops_left = FakeDisk::kNoCut;
      INFO("cut " << cut << ": " << device.disk.last_op);
      if (!device.anchor.value) REQUIRE(device.create());
      REQUIRE(device.open()->put("a", pattern(3)));
      if (done) break;
    }
  }
}
