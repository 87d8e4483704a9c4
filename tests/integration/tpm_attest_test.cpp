#include <catch2/catch.hpp>
#include <openssl/pem.h>

#include "tests/fakes/ek_authority.hpp"
#include "tests/fakes/tpm_device.hpp"
#include "tpm/attester.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using namespace pawl::tpm;
using fakes::TpmDevice;

namespace {

const UtcTime kNow{Seconds(1'800'000'000)};

/// A device whose maker put an EK certificate into the TPM.
struct Certified : TpmDevice {
  fakes::TestKey maker = fakes::rsa_key();
  Bytes root = fakes::certificate({"maker", "maker", maker.get(), maker.get(), true, ""});

  Certified() {
    boot("a");
    PAWL_ASSERT(machine.tools("tpm2_createek -G rsa -c ek.ctx -u ek.pem -f pem; r=$?; "
                              "tpm2_flushcontext -t; [ $r = 0 ]") == 0);
    const auto pem = machine.file("ek.pem");
    const Handle<BIO, &BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const fakes::TestKey ek(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    auto cert = fakes::certificate({"ek", "maker", ek.get(), maker.get(), false, "2.23.133.8.1"});
    cert.resize(cert.size() + 9);  // NV space is usually larger than the certificate
    machine.put("cert", cert);
    PAWL_ASSERT(machine.tools("tpm2_nvdefine -C o -s " + std::to_string(cert.size()) +
                              " -a 'ownerwrite|authread|ownerread|no_da' 0x01c00002 && "
                              "tpm2_nvwrite -C o -i cert 0x01c00002") == 0);
    PAWL_ASSERT(static_cast<bool>(provision("a")));
  }
  [[nodiscard]] EndorsementKey ek() {
    auto cert = Attester::attach(*context, disk->srk)->endorsement_certificate();
    PAWL_ASSERT(static_cast<bool>(cert));
    auto key = EndorsementKey::verify(*cert, {}, std::array{root}, kNow);
    PAWL_ASSERT(static_cast<bool>(key));
    return *std::move(key);
  }
};

}  // namespace

TEST_CASE("A quote of the TPM is verified from bytes", "[tpm][swtpm][attest]") {
  TpmDevice d;
  d.boot("a");
  REQUIRE(d.provision("a"));
  auto attester = *Attester::attach(*d.context, d.disk->srk);
  const auto key = attester.create_key();
  REQUIRE(key);
  const auto ak = AttestationKey::parse(key->public_area);
  REQUIRE(ak);
  const auto nonce = sha256(as_bytes("nonce"));
  const auto set = TpmDevice::bound();
  const auto evidence = attester.quote(*key, nonce, set);
  REQUIRE(evidence);
  const auto quote = verify_quote(*ak, *evidence, nonce, set);
  REQUIRE(quote);
  CHECK(quote->selection == set);
  for (unsigned pcr = 0; pcr < kPcrCount; ++pcr) {
    if (set.has(pcr))
      CHECK(evidence->pcrs[pcr] == fakes::boot_of(d.releases.at("a").boot).pcrs()[pcr]);
  }
  CHECK(verify_quote(*ak, *evidence, sha256(as_bytes("other")), set).error().code() ==
        Errc::kHashMismatch);
  auto small = attester.quote(*key, nonce, PcrSet{4});
  CHECK(verify_quote(*ak, *small, nonce, set).error().code() == Errc::kPeer);

  // A reboot shows in the reset count, and the key still quotes.
  d.boot("a");
  const auto later = Attester::attach(*d.context, d.disk->srk)->quote(*key, nonce, set);
  REQUIRE(later);
  CHECK(verify_quote(*ak, *later, nonce, set)->reset_count == quote->reset_count + 1);

  // The key refuses to sign what looks like a statement of the TPM.
  d.machine.put("forged", evidence->attest);
  CHECK(d.machine.tools("tpm2_hash -C o -g sha256 -t ticket -o digest forged && [ -s ticket ]") !=
        1);
}

TEST_CASE("A credential opens in its own TPM for its own key", "[tpm][swtpm][attest]") {
  Certified d;
  auto attester = *Attester::attach(*d.context, d.disk->srk);
  const auto key = *attester.create_key();
  const auto name = AttestationKey::parse(key.public_area)->name();
  const auto secret = *SecretBytes::copy_of(as_bytes("a secret for one device"));
  const auto credential = make_credential(d.ek(), name, secret);
  REQUIRE(credential);
  const auto opened = attester.activate(key, *credential);
  REQUIRE(opened);
  CHECK(equal_ct(*opened, secret));

  SECTION("not for another key of the same TPM") {
    const auto other = *attester.create_key();
    const auto refused = attester.activate(other, *credential);
    REQUIRE_FALSE(refused);
    CHECK(fault_of(refused.error()) == Fault::kForeign);
  }
  SECTION("not in another TPM") {
    Certified thief;
    const auto theirs = *Attester::attach(*thief.context, thief.disk->srk)->create_key();
    const auto refused =
        Attester::attach(*thief.context, thief.disk->srk)->activate(theirs, *credential);
    REQUIRE_FALSE(refused);
    INFO(refused.error().what());
    CHECK(fault_of(refused.error()) == Fault::kForeign);
  }
  SECTION("not when a byte was changed") {
    auto damaged = *credential;
    damaged.id_object[10] ^= 1U;
    CHECK(fault_of(attester.activate(key, damaged).error()) == Fault::kForeign);
    damaged = *credential;
    damaged.encrypted_secret.resize(5000);
    CHECK(attester.activate(key, damaged).error().code() == Errc::kTooLarge);
  }
}

TEST_CASE("A TPM with another storage root key attests nothing", "[tpm][swtpm][attest]") {
  TpmDevice d;
  d.boot("a");
  CHECK(fault_of(Attester::attach(*d.context, {}).error()) == Fault::kCleared);
  REQUIRE(d.provision("a"));
  CHECK(fault_of(Attester::attach(*d.context, {}).error()) == Fault::kForeign);
  CHECK(Attester::attach(*d.context, d.disk->srk));
}

TEST_CASE("A TPM without a certificate says so", "[tpm][swtpm][attest]") {
  TpmDevice d;
  d.boot("a");
  REQUIRE(d.provision("a"));
  CHECK(fault_of(Attester::attach(*d.context, d.disk->srk)->endorsement_certificate().error()) ==
        Fault::kNotProvisioned);
}
