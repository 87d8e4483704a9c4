#include "issuer/enrolment.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "fakes/fake_clock.hpp"
#include "fakes/fake_disk.hpp"
#include "fakes/soft_tpm.hpp"
#include "identity/svid_rules.hpp"
#include "identity/verifier.hpp"
#include "issuer/certificates.hpp"

using namespace pawl;
using namespace pawl::issuer;
using fakes::SoftTpm;

namespace {

constexpr UtcTime kNow{Seconds{1795176000}};  // 2026-11-20T12:00:00Z

/// A device's software SVID key.
struct SvidKey {
  identity::PrivateKeyPtr key = new_key();
  [[nodiscard]] Bytes spki() const {
    std::uint8_t* der = nullptr;
    const int size = i2d_PUBKEY(key.get(), &der);
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
  }
  [[nodiscard]] Bytes sign(ByteView message) const {
    const Handle<EVP_MD_CTX, &EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
    Bytes out(128);
    std::size_t size = out.size();
    EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size());
    out.resize(size);
    return out;
  }
};

/// An issuer with an authority, and the steps of a device that can be bent one by one.
struct World {
  fakes::FakeDisk disk;
  fakes::FakeClock clock{kNow};
  SystemRandom random;
  identity::TrustDomain domain = *identity::TrustDomain::parse("example.org");
  EkStore store{disk, "/eks"};
  EnrolmentRules rules;
  std::vector<Bytes> makers;
  std::optional<Authority> authority;
  std::optional<Enrolment> issuer;
  std::unique_ptr<DiskLock> held;  // by another process, for the test that needs one

  World() {
    REQUIRE(Authority::create(disk, "/ca", {domain, Seconds{86400 * 365}}, kNow, random));
    start_issuer();
  }
  void start_issuer() {
    issuer.reset();
    auto loaded = Authority::load(disk, "/ca", domain, kNow);
    REQUIRE(loaded);
    authority.emplace(*std::move(loaded));
    issuer.emplace(Enrolment::Parts{*authority, store, clock, random}, rules, makers);
  }
  static StartRequest request(const SoftTpm& tpm, const SvidKey& key) {
    return {tpm.ek_public(), {}, tpm.ak_public(), key.spki()};
  }
  [[nodiscard]] FinishRequest answer(const SoftTpm& tpm, const SvidKey& key,
                                     const StartAnswer& started) const {
    const auto activated = tpm.activate(started.credential);
    REQUIRE(activated);
    const auto challenge = tpm::enrolment_challenge(
        {started.session, tpm.fingerprint(), tpm.ak_name(), sha256(key.spki())});
    return {started.session, *SecretBytes::copy_of(*activated),
            tpm.quote(challenge, tpm::enrolment_pcrs()),
            key.sign(tpm::possession_message(challenge))};
  }
  Result<FinishAnswer> enrol(const SoftTpm& tpm, const SvidKey& key) {
    PAWL_TRY(const auto started, issuer->start(request(tpm, key)));
    return issuer->finish(answer(tpm, key, started));
  }
  void admit(const SoftTpm& tpm) { REQUIRE(store.add(tpm.fingerprint(), "bench")); }
};

identity::X509Ptr certificate_of(const std::string& pem) {
  const identity::BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return identity::X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace

// FORMAT 13.2.3, 13.2.5, 13.4.1, 13.4.2
TEST_CASE("Enrolment: an admitted TPM gets an SVID that every rule accepts (FORMAT 13.1, 13.4)",
          "[issuer][enrolment]") {
  World world;
  const SvidKey key;
  world.admit(fakes::some_tpm());
  const auto answer = world.enrol(fakes::some_tpm(), key);
  REQUIRE(answer);
  const auto leaf = certificate_of(answer->svid_chain_pem);
  REQUIRE(leaf);
  const auto peer = identity::verify_svid(*leaf, nullptr, world.authority->trust(), kNow,
                                          identity::PeerRole::kClient);
  REQUIRE(peer);
  const auto ek = to_hex(fakes::some_tpm().fingerprint());
  CHECK(peer->id.uri() == "spiffe://example.org/device/" + ek.substr(0, 32));
  CHECK(answer->id == peer->id.uri());
  CHECK(peer->not_after == kNow + Seconds{3600});
  CHECK(answer->not_after == peer->not_after);
  CHECK(peer->public_key == sha256(key.spki()));
  CHECK(identity::verify_svid(*leaf, nullptr, world.authority->trust(), kNow - Seconds{60},
                              identity::PeerRole::kServer));
  CHECK_FALSE(identity::verify_svid(*leaf, nullptr, world.authority->trust(), kNow - Seconds{61},
                                    identity::PeerRole::kServer));
  const auto record = world.store.find(fakes::some_tpm().fingerprint());
  REQUIRE((record && *record));
  CHECK((*record)->ak == fakes::some_tpm().ak_name());
  CHECK((*record)->note == "bench");
}

// FORMAT 13.1.1
TEST_CASE("Enrolment: who is not admitted is refused at the first request (FORMAT 13.1)",
          "[issuer][enrolment]") {
  struct Row {
    const char* why;
    std::function<void(World&, StartRequest&)> change;
    Errc code;
    const char* text;
  };
  SoftTpm plain;
  const auto with_ak = [&](std::uint32_t attributes) {
    plain.ak_attributes = attributes;
    return plain.ak_public();
  };
  const SvidKey key;
  const Row rows[] = {
      {"an EK that nobody listed",
       [](World&, StartRequest& r) { r.ek_public = fakes::another_tpm().ek_public(); }, Errc::kPeer,
       "not on the list"},
      {"a certificate where no maker is trusted",
       [](World&, StartRequest& r) {
         r.ek_public = fakes::another_tpm().ek_public();
         r.ek_certificates = {fakes::maker_certificate(fakes::another_tpm())};
       },
       Errc::kPeer, "EK certificate"},
      {"the certificate of another TPM",
       [](World& w, StartRequest& r) {
         w.makers = {fakes::maker_root()};
         w.start_issuer();
         r.ek_public = fakes::another_tpm().ek_public();
         r.ek_certificates = {fakes::maker_certificate(fakes::some_tpm())};
       },
       Errc::kPeer, "for another endorsement key"},
      {"a certificate that is not for an EK",
       [](World& w, StartRequest& r) {
         w.makers = {fakes::maker_root()};
         w.start_issuer();
         r.ek_public = fakes::another_tpm().ek_public();
         r.ek_certificates = {fakes::maker_certificate(fakes::another_tpm(), "clientAuth")};
       },
       Errc::kPeer, "not one for an endorsement key"},
      {"a maker's certificate that has expired",
       [](World& w, StartRequest& r) {
         w.makers = {fakes::maker_root()};
         w.start_issuer();
         w.clock.time = UtcTime{Seconds{1'900'000'001}};
         r.ek_public = fakes::another_tpm().ek_public();
         r.ek_certificates = {fakes::maker_certificate(fakes::another_tpm())};
       },
       Errc::kExpired, "expired"},
      {"a banned EK",
       [](World& w, StartRequest&) { REQUIRE(w.store.ban(fakes::some_tpm().fingerprint())); },
       Errc::kPeer, "banned"},
      {"a banned EK with a maker's certificate",
       [](World& w, StartRequest& r) {
         w.makers = {fakes::maker_root()};
         w.start_issuer();
         REQUIRE(w.store.ban(fakes::another_tpm().fingerprint()));
         r.ek_public = fakes::another_tpm().ek_public();
         r.ek_certificates = {fakes::maker_certificate(fakes::another_tpm())};
       },
       Errc::kPeer, "banned"},
      {"another AK than the one that is bound",
       [](World& w, StartRequest&) {
         REQUIRE(w.store.bind(fakes::some_tpm().fingerprint(), Origin::kListed,
                              fakes::another_tpm().ak_name()));
       },
       Errc::kPeer, "another attestation key is bound"},
      {"an AK that signs anything",
       [&](World&, StartRequest& r) { r.ak_public = with_ak(0x00040072); }, Errc::kPeer,
       "restricted is not set"},
      {"an AK that can be moved to another TPM",
       [&](World&, StartRequest& r) { r.ak_public = with_ak(0x00050070); }, Errc::kPeer,
       "fixedTPM is not set"},
      {"an AK that can be moved below another key",
       [&](World&, StartRequest& r) { r.ak_public = with_ak(0x00050062); }, Errc::kPeer,
       "fixedParent is not set"},
      {"an AK whose secret came from outside",
       [&](World&, StartRequest& r) { r.ak_public = with_ak(0x00050052); }, Errc::kPeer,
       "sensitiveDataOrigin is not set"},
      {"an AK that decrypts", [&](World&, StartRequest& r) { r.ak_public = with_ak(0x00070072); },
       Errc::kPeer, "decrypt is set"},
      {"an AK that does not sign",
       [&](World&, StartRequest& r) { r.ak_public = with_ak(0x00010072); }, Errc::kPeer,
       "sign is not set"},
      {"an AK with a byte too many", [](World&, StartRequest& r) { r.ak_public.push_back(0); },
       Errc::kMalformed, "bytes after the public area"},
      {"an EK that is a plain RSA key",
       [](World&, StartRequest& r) { r.ek_public = fakes::some_tpm().ek_public(0x00020072); },
       Errc::kPeer, "restricted is not set"},
      {"an SVID key on another curve",
       [](World&, StartRequest& r) {
         const identity::PrivateKeyPtr other(EVP_EC_gen("P-384"));
         std::uint8_t* der = nullptr;
         const int size = i2d_PUBKEY(other.get(), &der);
         r.svid_public.assign(der, der + size);
         OPENSSL_free(der);
       },
       Errc::kPeer, "not on P-256"},
      {"an SVID key with a byte too many",
       [](World&, StartRequest& r) { r.svid_public.push_back(0); }, Errc::kMalformed,
       "not a SubjectPublicKeyInfo"},
  };
  for (const auto& row : rows) {
    World world;
    world.admit(fakes::some_tpm());
    auto request = World::request(fakes::some_tpm(), key);
    row.change(world, request);
    INFO(row.why);
    const auto started = world.issuer->start(request);
    REQUIRE_FALSE(started);
    INFO(started.error().what());
    CHECK(started.error().code() == row.code);
    CHECK(started.error().what().find(row.text) != std::string::npos);
  }
}

// FORMAT 13.3.2, 13.3.3
TEST_CASE("Enrolment: every bent answer is refused, and its session is spent (FORMAT 13.3)",
          "[issuer][enrolment]") {
  struct Row {
    const char* why;
    std::function<void(World&, FinishRequest&, const StartAnswer&)> change;
    Errc code;
    const char* text;
  };
  const SvidKey key;
  const SvidKey thief;
  auto& tpm = fakes::some_tpm();
  const auto challenge_of = [&](const StartAnswer& s, const SvidKey& k) {
    return tpm::enrolment_challenge(
        {s.session, tpm.fingerprint(), tpm.ak_name(), sha256(k.spki())});
  };
  const Row rows[] = {
      {"a guessed secret",
       [](World&, FinishRequest& r, const StartAnswer&) {
         r.activated = *SecretBytes::copy_of(Bytes(32, 7));
       },
       Errc::kPeer, "activated secret is wrong"},
      {"a shorter secret",
       [](World&, FinishRequest& r, const StartAnswer&) { r.activated.truncate(31); }, Errc::kPeer,
       "activated secret is wrong"},
      {"a session nobody opened",
       [](World&, FinishRequest& r, const StartAnswer&) { r.session.bytes[0] ^= 1U; }, Errc::kPeer,
       "unknown or was used"},
      {"a session that was used",
       [](World& w, FinishRequest& r, const StartAnswer&) {
         FinishRequest first{r.session, *SecretBytes::copy_of(r.activated.span()), r.quote,
                             r.svid_signature};
         REQUIRE(w.issuer->finish(first));
       },
       Errc::kPeer, "unknown or was used"},
      {"a session that has expired",
       [](World& w, FinishRequest&, const StartAnswer&) {
         w.clock.steady_time += std::chrono::seconds(120);
       },
       Errc::kTimeout, "older than 120 s"},
      {"a session of before a restart",
       [](World& w, FinishRequest&, const StartAnswer&) { w.start_issuer(); }, Errc::kPeer,
       "unknown or was used"},
      {"a quote for another SVID key",
       [&](World&, FinishRequest& r, const StartAnswer& s) {
         r.quote = tpm.quote(challenge_of(s, thief), tpm::enrolment_pcrs());
       },
       Errc::kHashMismatch, "another challenge"},
      {"a quote for another session",
       [&](World& w, FinishRequest& r, const StartAnswer&) {
         const auto other = w.issuer->start(World::request(tpm, key));
         REQUIRE(other);
         r.quote = tpm.quote(challenge_of(*other, key), tpm::enrolment_pcrs());
       },
       Errc::kHashMismatch, "another challenge"},
      {"a quote by the AK of another TPM",
       [&](World&, FinishRequest& r, const StartAnswer& s) {
         r.quote = fakes::another_tpm().quote(challenge_of(s, key), tpm::enrolment_pcrs());
       },
       Errc::kBadSignature, "not signed by the attestation key"},
      {"a quote that leaves out a PCR",
       [&](World&, FinishRequest& r, const StartAnswer& s) {
         r.quote = tpm.quote(challenge_of(s, key), tpm::PcrSet{0, 1, 2, 4, 7, 8, 9, 11, 12});
       },
       Errc::kPeer, "quote covers PCRs"},
      {"other PCR values than the quoted ones",
       [](World&, FinishRequest& r, const StartAnswer&) { r.quote.pcrs[4].bytes[0] = 1; },
       Errc::kHashMismatch, "not those of the quote"},
      {"an SVID key the device does not have",
       [&](World&, FinishRequest& r, const StartAnswer& s) {
         r.svid_signature = thief.sign(tpm::possession_message(challenge_of(s, key)));
       },
       Errc::kBadSignature, "does not have the SVID key"},
      {"a possession proof without its context",
       [&](World&, FinishRequest& r, const StartAnswer& s) {
         r.svid_signature = key.sign(challenge_of(s, key).span());
       },
       Errc::kBadSignature, "does not have the SVID key"},
      {"an EK removed meanwhile",
       [&](World& w, FinishRequest&, const StartAnswer&) {
         REQUIRE(w.store.remove(tpm.fingerprint()));
       },
       Errc::kPeer, "not on the list"},
      {"an EK banned meanwhile",
       [&](World& w, FinishRequest&, const StartAnswer&) {
         REQUIRE(w.store.ban(tpm.fingerprint()));
       },
       Errc::kPeer, "banned"},
      {"another AK bound meanwhile",
       [&](World& w, FinishRequest&, const StartAnswer&) {
         REQUIRE(w.store.bind(tpm.fingerprint(), Origin::kListed, fakes::another_tpm().ak_name()));
       },
       Errc::kPeer, "another attestation key is bound"},
      {"a store whose lock is held",
       [&](World& w, FinishRequest&, const StartAnswer&) {
         auto lock = w.disk.lock("/eks/lock");
         REQUIRE(lock);
         w.held = *std::move(lock);
       },
       Errc::kBusy, ""},
  };
  for (const auto& row : rows) {
    World world;
    world.admit(tpm);
    const auto started = world.issuer->start(World::request(tpm, key));
    REQUIRE(started);
    auto finish = world.answer(tpm, key, *started);
    row.change(world, finish, *started);
    INFO(row.why);
    const auto answer = world.issuer->finish(finish);
    REQUIRE_FALSE(answer);
    INFO(answer.error().what());
    CHECK(answer.error().code() == row.code);
    CHECK(answer.error().what().find(row.text) != std::string::npos);
    const auto again = world.issuer->finish(world.answer(tpm, key, *started));
    const bool untouched = finish.session != started->session;  // the session that nobody opened
    CHECK(static_cast<bool>(again) == untouched);
  }
}

TEST_CASE("Enrolment: a credential for one AK does not open for another of the same TPM",
          "[issuer][enrolment]") {
  World world;
  auto& tpm = fakes::some_tpm();
  world.admit(tpm);
  const SvidKey key;
  auto request = World::request(tpm, key);
  request.ak_public = fakes::another_tpm().ak_public();
  const auto started = world.issuer->start(request);  // so far only claimed
  REQUIRE(started);
  CHECK_FALSE(tpm.activate(started->credential));
  CHECK_FALSE(fakes::another_tpm().activate(started->credential));
}

TEST_CASE("Enrolment: a maker's certificate admits a TPM, and its AK is bound (FORMAT 13.1.2)",
          "[issuer][enrolment]") {
  World world;
  world.makers = {fakes::maker_root()};
  world.start_issuer();
  auto& tpm = fakes::some_tpm();
  const SvidKey key;
  auto request = World::request(tpm, key);
  request.ek_certificates = {fakes::maker_certificate(tpm)};
  const auto started = world.issuer->start(request);
  REQUIRE(started);
  CHECK_FALSE(*world.store.find(tpm.fingerprint()));  // nothing is kept for who only asked
  REQUIRE(world.issuer->finish(world.answer(tpm, key, *started)));
  const auto record = *world.store.find(tpm.fingerprint());
  REQUIRE(record);
  CHECK(record->origin == Origin::kMaker);
  CHECK(record->ak == tpm.ak_name());

  // Being known does not replace the certificate.
  const auto without = world.issuer->start(World::request(tpm, key));
  REQUIRE_FALSE(without);
  CHECK(without.error().code() == Errc::kPeer);
  // The next time with it is a renewal; after `ek rm` another key may be bound.
  CHECK(world.issuer->start(request));
  REQUIRE(world.store.remove(tpm.fingerprint()));
  request.ak_public = fakes::another_tpm().ak_public();
  CHECK(world.issuer->start(request));
}

TEST_CASE("Enrolment: an SVID never outlives its authority", "[issuer][enrolment]") {
  World world;
  world.admit(fakes::some_tpm());
  world.clock.time = world.authority->not_after() - Seconds{100};
  const auto answer = world.enrol(fakes::some_tpm(), {});
  REQUIRE(answer);
  CHECK(answer->not_after == world.authority->not_after());
  world.clock.time = world.authority->not_after();
  const auto late = world.enrol(fakes::some_tpm(), {});
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == Errc::kPeer);  // our own verifier refuses what was made
}

TEST_CASE("Enrolment: renewals differ in serial and key and keep the ID", "[issuer][enrolment]") {
  World world;
  world.admit(fakes::some_tpm());
  const auto one = certificate_of(world.enrol(fakes::some_tpm(), {})->svid_chain_pem);
  const auto two = certificate_of(world.enrol(fakes::some_tpm(), {})->svid_chain_pem);
  CHECK(ASN1_INTEGER_cmp(X509_get0_serialNumber(one.get()), X509_get0_serialNumber(two.get())) !=
        0);
  CHECK(identity::check_leaf(*one)->uri() == identity::check_leaf(*two)->uri());
  CHECK(identity::public_key_digest(*one) != identity::public_key_digest(*two));
}

TEST_CASE("Enrolment: power cuts never bind half, and a bound AK survives (FORMAT 13.5)",
          "[issuer][powercut]") {
  const SvidKey key;
  auto& tpm = fakes::some_tpm();
  for (unsigned cut = 0;; ++cut) {
    World world;
    world.admit(tpm);
    world.disk.ops_left = cut;
    const bool done = static_cast<bool>(world.enrol(tpm, key));
    INFO("power cut before durable operation " << cut);
    world.disk.ops_left = fakes::FakeDisk::kNoCut;
    if (world.disk.is_off()) world.disk.power_on();
    const auto record = world.store.find(tpm.fingerprint());
    REQUIRE((record && *record));
    if (done) CHECK((*record)->ak == tpm.ak_name());
    world.start_issuer();
    REQUIRE(world.enrol(tpm, key));  // the device simply begins again
    if (done) break;
    REQUIRE(cut < 20);
  }
}
