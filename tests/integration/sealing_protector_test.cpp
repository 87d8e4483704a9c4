#include <catch2/catch.hpp>

#include "base/random.hpp"
#include "fakes/fake_disk.hpp"
#include "sealing/blob.hpp"
#include "sealing/protector.hpp"
#include "tests/fakes/tpm_device.hpp"
#include "tpm/fault.hpp"
#include "vault/vault.hpp"

using namespace pawl;
using namespace pawl::sealing;
using fakes::TpmDevice;
using tpm::Fault;

namespace {

constexpr const char* kHandover = "/run/pawl/cell";

/// A device whose vault lies on a disk in memory; the handover is what its updater would write.
struct VaultDevice : TpmDevice {
  fakes::FakeDisk files;
  SystemRandom random;
  VaultDevice() {
    boot("a");
    const auto done = provision("a");
    if (!done) FAIL(done.error().what());
  }
  void hand_over(const std::vector<std::string>& names, const std::string& running) {
    REQUIRE(write_handover(files, kHandover, {disk->srk, text(names, running), 0}));
  }
  [[nodiscard]] std::unique_ptr<VaultTpm> keeper() {
    context.reset();  // one connection at a time
    auto out = VaultTpm::open(machine.tcti(), files, kHandover);
    if (!out) FAIL(out.error().what());
    return *std::move(out);
  }
  [[nodiscard]] vault::VaultConfig config() const { return {"/var/vault", "device", {}, {}}; }
};

template <class T>
Fault fault(const T& result) {
  return result ? Fault::kNone : tpm::fault_of(result.error());
}

}  // namespace

TEST_CASE("A vault under the TPM opens where the cell allows it and nowhere else",
          "[sealing][swtpm]") {
  VaultDevice d;
  d.hand_over({"a"}, "a");
  {
    const auto tpm = d.keeper();
    CHECK(tpm->protector().name() == "tpm2");
    CHECK_FALSE(*tpm->anchor().read());  // never written
    auto made =
        vault::Vault::create({d.files, d.random, tpm->protector(), tpm->anchor()}, d.config());
    if (!made) FAIL(made.error().what());
    REQUIRE(made->put("state", as_bytes("of an agent")));
  }
  const auto opened = [&] {
    const auto tpm = d.keeper();
    auto vault =
        vault::Vault::open({d.files, d.random, tpm->protector(), tpm->anchor()}, d.config());
    return vault ? Fault::kNone : tpm::fault_of(vault.error());
  };
  d.boot("a");
  CHECK(opened() == Fault::kNone);
  d.boot("b");
  d.hand_over({"a", "b"}, "b");  // a handover that the cell does not hold opens nothing
  CHECK(opened() == Fault::kPolicyRefused);
  d.boot("a");
  d.hand_over({"a"}, "a");
  REQUIRE(d.cell()->write_cell(d.text({"a"}, "a"), d.text({"a", "b"}, "a")));
  CHECK(opened() == Fault::kPolicyRefused);  // the cell moved on, the handover did not
  d.hand_over({"a", "b"}, "a");
  CHECK(opened() == Fault::kNone);
  d.boot("b");
  d.hand_over({"a", "b"}, "b");
  CHECK(opened() == Fault::kNone);
}

TEST_CASE("A key that somebody sealed under the same public policy is not ours",
          "[sealing][swtpm]") {
  VaultDevice d;
  d.hand_over({"a"}, "a");
  {
    const auto tpm = d.keeper();
    REQUIRE(vault::Vault::create({d.files, d.random, tpm->protector(), tpm->anchor()}, d.config()));
  }
  d.boot("evil");
  {  // whatever runs can seal: that needs no allowed state
    const auto tpm = d.keeper();
    const auto blob = tpm->protector().seal(*SecretBytes::copy_of(Bytes(32, 0x66)));
    REQUIRE(blob);
    d.files.put("/var/vault/epochs/1.blob", *blob);
  }
  d.boot("a");
  const auto tpm = d.keeper();
  const auto refused =
      vault::Vault::open({d.files, d.random, tpm->protector(), tpm->anchor()}, d.config());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kVault);
}

TEST_CASE("The vault's part of the anchor and the updater's do not touch each other",
          "[sealing][swtpm]") {
  VaultDevice d;
  d.hand_over({"a"}, "a");
  const tpm::RecordsAnchor records{sha256(as_bytes("key")), sha256(as_bytes("floors"))};
  REQUIRE(d.cell()->write_records_anchor(d.text({"a"}, "a"), records));
  const vault::AnchorValue value{{7, sha256(as_bytes("index"))}, sha256(as_bytes("epoch"))};
  {
    const auto tpm = d.keeper();
    REQUIRE(tpm->anchor().write(value));
    CHECK(**tpm->anchor().read() == value);
  }
  d.boot("a");
  CHECK(*d.cell()->records_anchor() == records);
  d.boot("evil");
  CHECK(fault(d.cell()->write_records_anchor(d.text({"a"}, "a"), {})) == Fault::kPolicyRefused);
  d.hand_over({"a"}, "a");
  CHECK(fault(d.keeper()->anchor().write({})) == Fault::kPolicyRefused);
}

TEST_CASE("Without handover, or with that of another TPM, nothing is opened", "[sealing][swtpm]") {
  VaultDevice d;
  d.context.reset();
  CHECK(fault(VaultTpm::open(d.machine.tcti(), d.files, kHandover)) == Fault::kNotProvisioned);
  auto other = d.disk->srk;
  other.bytes[5] ^= 1U;
  REQUIRE(write_handover(d.files, kHandover, {other, d.text({"a"}, "a"), 0}));
  CHECK(fault(VaultTpm::open(d.machine.tcti(), d.files, kHandover)) == Fault::kForeign);
}
