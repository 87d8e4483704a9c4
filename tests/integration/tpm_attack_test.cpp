#include <catch2/catch.hpp>

#include "tests/fakes/tpm_device.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using fakes::TpmDevice;
using fakes::Wire;
using tpm::Fault;

namespace {

/// Commands of tpm2-tools that someone with root on the device, but not an allowed boot state,
/// runs.
/// `$W` holds 34 bytes made up by the attacker.
const std::vector<std::string> kAttacks{
    "tpm2_nvwrite -C o -i evil34 0x01805002",
    "tpm2_nvwrite -C 0x01805002 -i evil34 0x01805002",
    "tpm2_nvwrite -C p -i evil34 0x01805002",
    "tpm2_nvwrite -C o -i evil72 0x01805003",
    "tpm2_nvwrite -C 0x01805003 -i evil72 0x01805003",
    "tpm2_nvincrement -C o 0x01805001",
    "tpm2_nvincrement -C 0x01805001 0x01805001",
    "tpm2_nvincrement -C p 0x01805001",
    "tpm2_nvwritelock -C o 0x01805002",
    "tpm2_nvreadlock -C 0x01805002 0x01805002",
    "tpm2_nvwritelock -C o --global",
    "tpm2_nvdefine -C o -s 34 -a 'ownerwrite|ownerread|authread|no_da' 0x01805099",
    "tpm2_nvundefine -C o 0x01805002",
    "tpm2_nvundefine -C o 0x01805001",
    "tpm2_nvundefine -C o 0x01805003",
    "tpm2_evictcontrol -C o -c 0x81000001",
    "tpm2_setprimarypolicy -C o",
    "tpm2_changeauth -c o known",
    "tpm2_hierarchycontrol -C o shEnable clear",
    "tpm2_createprimary -C o -c mine.ctx",
    "tpm2_clear -c l",  // last: one wrong try blocks the lockout auth
};
/// The same with a policy session that an attacker can satisfy as far as the TPM lets him.
const std::vector<std::string> kSessions{
    "tpm2_startauthsession --policy-session -S s.ctx",
    "tpm2_startauthsession --policy-session -S s.ctx && "
    "tpm2_policypcr -S s.ctx -l sha256:2,4,9,11,12,13",
    "tpm2_startauthsession --policy-session -S s.ctx && "
    "tpm2_policypcr -S s.ctx -l sha256:2,4,9,11,12,13 && "
    "tpm2_policynv -S s.ctx -C 0x01805001 -i limit 0x01805001 ule",
    "tpm2_startauthsession --policy-session -S s.ctx && "
    "tpm2_policycommandcode -S s.ctx TPM2_CC_NV_Write",
};

void put_tools_files(const TpmDevice& d) {
  d.machine.put("evil34", Bytes(34, 0x0b));
  d.machine.put("evil72", Bytes(72, 0x0b));
  d.machine.put("limit", Bytes(8, 0xff));
}

struct Provisioned : TpmDevice {
  Provisioned() {
    boot("a");
    const auto done = provision("a");
    if (!done) FAIL(done.error().what());
    put_tools_files(*this);
  }
};

template <class T>
Fault fault(const T& result) {
  return result ? Fault::kNone : tpm::fault_of(result.error());
}

}  // namespace

TEST_CASE("A boot state that is not allowed changes nothing with tpm2-tools",
          "[tpm][swtpm][attack]") {
  Provisioned d;
  const auto counter = *d.cell()->counter();
  const auto cell = *d.cell()->cell();
  const auto anchor = *d.cell()->anchor();
  d.boot("evil");
  for (const auto& attack : kAttacks) {
    INFO(attack);
    CHECK(d.machine.tools(attack) != 0);
  }
  for (const auto& session : kSessions) {
    const auto use = session +
                     " && { tpm2_nvwrite -C o -P session:s.ctx -i evil34 0x01805002; r=$?; "
                     "tpm2_flushcontext s.ctx; [ $r = 0 ]; }";
    INFO(use);
    CHECK(d.machine.tools(use) != 0);
    CHECK(d.machine.tools(session +
                          "&& tpm2_policyauthorizenv -S s.ctx -C 0x01805002 0x01805002") != 0);
    (void)d.machine.tools("tpm2_flushcontext -l");
  }
  d.boot("a");
  CHECK(*d.cell()->counter() == counter);
  CHECK(*d.cell()->cell() == cell);
  CHECK(*d.cell()->anchor() == anchor);
  CHECK(d.open(d.text({"a"}, "a")).empty());
}

TEST_CASE("Control: the same commands go through before the TPM is given away",
          "[tpm][swtpm][attack]") {
  TpmDevice d;
  struct NoWrap : TpmDevice {
    Status keep_recovery(const tpm::RecoverySecrets&) override {
      return fail(Errc::kNoSpace, "stop before the owner auth");
    }
  };
  for (const auto& attack : kAttacks) {
    // With the index' own auth, or the platform's, they fail for anyone; that is the point of the
    // attributes. Everything under the owner must succeed here, or the test above shows nothing.
    if (attack.find("-C o") == std::string::npos && attack.find("-c o") == std::string::npos)
      continue;
    if (attack.find("lock") != std::string::npos) continue;  // the indices have no lock attributes
    NoWrap open;
    open.boot("a");
    REQUIRE_FALSE(open.provision("a"));
    put_tools_files(open);
    INFO(attack);
    CHECK(open.machine.tools(attack) == 0);
  }
}

// FORMAT 6.6.6
TEST_CASE("A sealed object has no password, in any boot state", "[tpm][swtpm][attack]") {
  Provisioned d;
  Writer area;
  area.u16_be(static_cast<std::uint16_t>(d.disk->sealed.public_area.size()));
  area.bytes(d.disk->sealed.public_area);
  d.machine.put("pub", area.view());
  Writer secret;
  secret.u16_be(static_cast<std::uint16_t>(d.disk->sealed.private_area.size()));
  secret.bytes(d.disk->sealed.private_area);
  d.machine.put("priv", secret.view());
  REQUIRE(d.machine.tools("tpm2_load -C 0x81000001 -u pub -r priv -c obj.ctx") == 0);
  CHECK(d.machine.tools("tpm2_unseal -c obj.ctx") != 0);
}

TEST_CASE("The platform can take the service away but not open it", "[tpm][swtpm][attack]") {
  Provisioned d;
  const auto cell = *d.cell()->cell();
  d.machine.put("cell", cell.span());
  d.boot("evil");
  REQUIRE(d.machine.tools("tpm2_nvundefine -C p 0x01805002") == 0);
  CHECK(d.open(d.text({"a"}, "a")) == "not_provisioned");
  REQUIRE(
      d.machine.tools("tpm2_nvdefine -C p -s 34 -a "
                      "'ownerwrite|ownerread|authread|no_da|platformcreate|ppwrite' 0x01805002 && "
                      "tpm2_nvwrite -C p -i cell 0x01805002") == 0);
  CHECK(d.open(d.text({"a"}, "a")) == "tampered");

  SECTION("the recovery wrap defines the same Name again and the old blob opens") {
    const auto auth = "-P hex:" + to_hex(d.wraps.back().first);
    REQUIRE(d.machine.tools("tpm2_nvundefine -C p 0x01805002 && tpm2_nvdefine -C o " + auth +
                            " -s 34 -a 'ownerwrite|ownerread|authread|no_da' 0x01805002 && "
                            "tpm2_nvwrite -C o " +
                            auth + " -i cell 0x01805002") == 0);
    d.boot("a");
    CHECK(d.open(d.text({"a"}, "a")).empty());
  }
}

TEST_CASE("A cleared TPM is named, and cannot be taken back to an older floor",
          "[tpm][swtpm][attack]") {
  Provisioned d;
  const auto before = *d.cell()->counter();
  d.boot("evil");
  REQUIRE(d.machine.tools("tpm2_clear -c l hex:" + to_hex(*d.wraps.back().second)) == 0);
  CHECK(d.open(d.text({"a"}, "a")) == "cleared");
  const auto old = d.disk->sealed;
  d.boot("a");
  REQUIRE(d.provision("a"));
  CHECK(*d.cell()->counter() > before);  // counters never start again from below
  CHECK(*d.cell()->counter() - d.disk->base == 5);
  d.disk->sealed = old;
  CHECK(d.open(d.text({"a"}, "a")) == "foreign");
}

TEST_CASE("A counter that was taken away and made again locks out", "[tpm][swtpm][attack]") {
  Provisioned d;
  const auto before = *d.cell()->counter();
  const auto auth = "-P hex:" + to_hex(d.wraps.back().first);
  REQUIRE(d.machine.tools("tpm2_nvundefine -C o " + auth + " 0x01805001 && tpm2_nvdefine -C o " +
                          auth +
                          " -a 'ownerwrite|ownerread|authread|no_da|nt=counter' 0x01805001") == 0);
  CHECK(d.open(d.text({"a"}, "a")) == "tampered");  // never incremented: another Name
  REQUIRE(d.machine.tools("tpm2_nvincrement -C o " + auth + " 0x01805001") == 0);
  CHECK(*d.cell()->counter() > before);
  CHECK(d.open(d.text({"a"}, "a")) == "policy_refused");
}

TEST_CASE("Another TPM in the same board is named", "[tpm][swtpm]") {
  Provisioned d;
  Provisioned other;
  auto attached = tpm::PolicyCell::attach(*other.context, d.disk->srk);
  CHECK(fault(attached) == Fault::kForeign);
  d.context.reset();
  SUCCEED();
}

TEST_CASE("Nothing of ours fails in dictionary-attack lockout", "[tpm][swtpm]") {
  Provisioned d;
  const auto lockout = "-p hex:" + to_hex(*d.wraps.back().second);
  REQUIRE(d.machine.tools("tpm2_dictionarylockout -s -n 1 -t 1000 -l 1000 " + lockout) == 0);
  REQUIRE(d.machine.tools("tpm2_createprimary -C e -p right -c p.ctx && tpm2_flushcontext -t") ==
          0);
  CHECK(d.machine.tools("tpm2_create -C p.ctx -P wrong -u u -r r") != 0);
  (void)d.machine.tools("tpm2_flushcontext -t");
  REQUIRE(d.context->permanent()->in_lockout);
  const auto a = d.text({"a"}, "a");
  const auto both = d.text({"a", "b"}, "a");
  CHECK(d.open(a).empty());
  CHECK(d.cell()->write_cell(a, both));
  CHECK(d.cell()->write_anchor(both, {1, {}, {}}));
  CHECK(d.cell()->raise_counter(both, *d.cell()->counter() + 1));
}

TEST_CASE("A TPM that cannot be used is refused by name", "[tpm][swtpm]") {
  CHECK(tpm::Context::open("").error().code() == Errc::kConfig);
  CHECK(fault(tpm::Context::open("swtpm:path=/nowhere/sock")) == Fault::kNoTpm);
  CHECK(fault(tpm::Context::open("device:/nowhere")) == Fault::kNoTpm);
  CHECK(fault(tpm::Context::open("no-such-tcti:x")) == Fault::kNoTpm);
  fakes::SwTpm machine;
  machine.on();
  CHECK(machine.connect());
  REQUIRE(machine.tools("tpm2_pcrallocate sha1:all+sha256:none+sha384:all") == 0);
  machine.cut();
  machine.on();
  CHECK(fault(machine.connect()) == Fault::kNoSha256Bank);
}

TEST_CASE("An unprovisioned TPM is named", "[tpm][swtpm]") {
  TpmDevice d;
  d.boot("a");
  CHECK(fault(tpm::PolicyCell::attach(*d.context, tpm::Name{})) == Fault::kCleared);
}
