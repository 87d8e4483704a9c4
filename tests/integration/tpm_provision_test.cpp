#include <catch2/catch.hpp>

#include "tests/fakes/tpm_device.hpp"
#include "tpm/fault.hpp"
#include "tpm/provision.hpp"

using namespace pawl;
using fakes::TpmDevice;
using fakes::Wire;
using tpm::Fault;

namespace {

/// The wrap an operator would use: the newest that has the field.
Bytes owner_auth(const TpmDevice& d) {
  return d.wraps.back().first;
}
Bytes lockout_auth(const TpmDevice& d) {
  for (auto it = d.wraps.rbegin(); it != d.wraps.rend(); ++it) {
    if (it->second) return *it->second;
  }
  return {};
}

/// True when `auth` is the value of this hierarchy, shown by setting it to itself.
bool is_auth(const TpmDevice& d, const std::string& hierarchy, const Bytes& auth) {
  const auto text = "hex:" + to_hex(auth);
  return d.machine.tools("tpm2_changeauth -c " + hierarchy + " -p " + text + " " + text) == 0;
}

}  // namespace

TEST_CASE("Provisioning ends with a TPM that only the recovery wrap owns", "[tpm][swtpm]") {
  TpmDevice d;
  d.boot("a");
  REQUIRE(d.provision("a"));
  const auto permanent = *d.context->permanent();
  CHECK(permanent.owner_auth_set);
  CHECK(permanent.lockout_auth_set);
  CHECK_FALSE(permanent.endorsement_auth_set);
  CHECK(d.wraps.size() == 1);
  CHECK(is_auth(d, "o", owner_auth(d)));
  CHECK(is_auth(d, "l", lockout_auth(d)));
  CHECK(owner_auth(d).size() == 32);
  CHECK(owner_auth(d) != lockout_auth(d));

  const auto again = d.provision("a");
  REQUIRE_FALSE(again);
  CHECK(tpm::fault_of(again.error()) == Fault::kAuth);
  CHECK(d.wraps.size() == 1);
  CHECK(d.open(d.text({"a"}, "a")).empty());
}

TEST_CASE("The base is never negative and expresses the floor (FORMAT 6.6.5)", "[tpm][swtpm]") {
  TpmDevice d;
  d.releases.at("a").version = 40;  // a fresh counter starts far below
  d.boot("a");
  REQUIRE(d.provision("a"));
  const auto counter = *d.cell()->counter();
  CHECK(counter >= 40);
  CHECK(counter - d.disk->base == 40);
}

TEST_CASE("A floor the registry remembers keeps older releases out", "[tpm][swtpm]") {
  TpmDevice d;
  d.boot("a");
  auto plan = d.plan("a");
  plan.registry_floor = SecurityVersion(6);
  const auto secret = *SecretBytes::copy_of(as_bytes(fakes::kEpochKey));
  const auto refused = tpm::provision(*d.context, plan, secret, d);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kRollback);
  CHECK(d.wraps.empty());
  plan.registry_floor = SecurityVersion(5);
  CHECK(tpm::provision(*d.context, plan, secret, d));
}

TEST_CASE("A first floor over 1024 is refused", "[tpm][swtpm]") {
  TpmDevice d;
  d.releases.at("a").version = 1025;
  d.boot("a");
  const auto refused = d.provision("a");
  REQUIRE_FALSE(refused);
  CHECK(tpm::fault_of(refused.error()) == Fault::kCounter);
}

// FORMAT 6.6.1
TEST_CASE("A storage root key of another template is not used", "[tpm][swtpm]") {
  TpmDevice d;
  d.boot("a");
  REQUIRE(d.machine.tools("tpm2_createprimary -C o -G rsa2048 -c p.ctx && "
                          "tpm2_evictcontrol -C o -c p.ctx 0x81000001 && tpm2_flushcontext -t") ==
          0);
  const auto refused = d.provision("a");
  REQUIRE_FALSE(refused);
  CHECK(tpm::fault_of(refused.error()) == Fault::kTampered);
}

TEST_CASE("Nothing is given away when the wrap cannot be kept", "[tpm][swtpm]") {
  struct NoDisk : TpmDevice {
    Status keep_recovery(const tpm::RecoverySecrets&) override {
      return fail(Errc::kNoSpace, "disk full");
    }
  };
  NoDisk d;
  d.boot("a");
  CHECK(d.provision("a").error().code() == Errc::kNoSpace);
  const auto permanent = *d.context->permanent();
  CHECK_FALSE(permanent.owner_auth_set);
  CHECK_FALSE(permanent.lockout_auth_set);
}

TEST_CASE("Provisioning settles after a power cut at every command", "[tpm][swtpm][powercut]") {
  const auto mode = GENERATE(Wire::Cut::kBefore, Wire::Cut::kAfter);
  unsigned cuts = 0;
  for (unsigned at = 1;; ++at) {
    TpmDevice d;
    d.boot("a");
    Wire::watch(*d.context, {&d.machine, mode, at, 0, 0, 0, 0});
    const auto first = d.provision("a");
    const bool finished = Wire::plan().seen < at;
    Wire::plan() = {};
    INFO("cut at command " << at);
    // The last command flushes a session: cutting it loses nothing.
    if (finished) REQUIRE(first);
    d.boot("a");
    const auto second = d.provision("a");
    if (!second) {  // only a TPM that was given away already refuses
      REQUIRE(tpm::fault_of(second.error()) == Fault::kAuth);
      REQUIRE(d.context->permanent()->owner_auth_set);
    }
    REQUIRE(d.open(d.text({"a"}, "a")).empty());
    REQUIRE(*d.cell()->counter() - d.disk->base == 5);
    REQUIRE(is_auth(d, "o", owner_auth(d)));
    REQUIRE(is_auth(d, "l", lockout_auth(d)));
    if (finished) break;
    ++cuts;
  }
  CHECK(cuts > 50);
  WARN(cuts << " commands cut, each " << (mode == Wire::Cut::kBefore ? "before" : "after")
            << " the TPM carried it out");
}
