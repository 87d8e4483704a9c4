#include "issuer/authority.hpp"

#include <fstream>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "fakes/fake_disk.hpp"
#include "fakes/temporary_folder.hpp"
#include "identity/jwks.hpp"
#include "identity/pem.hpp"
#include "identity/svid_rules.hpp"
#include "identity/verifier.hpp"
#include "issuer/certificates.hpp"

using namespace pawl;
using namespace pawl::issuer;

namespace {

constexpr UtcTime kNow{Seconds{1795176000}};
const identity::TrustDomain kDomain = *identity::TrustDomain::parse("example.org");
const NewAuthority kPlan{kDomain, Seconds{86400}};

}  // namespace

TEST_CASE("Authority: made once, and its parts must belong together (FORMAT 13.4)",
          "[issuer][authority]") {
  fakes::FakeDisk disk;
  SystemRandom random;
  const auto absent = Authority::load(disk, "/ca", kDomain, kNow);
  CHECK(absent.error().code() == Errc::kConfig);
  CHECK(absent.error().hint().find("ca new") != std::string::npos);
  REQUIRE(Authority::create(disk, "/ca", kPlan, kNow, random));
  const auto first = disk.text("/ca/ca.pem");
  CHECK(Authority::create(disk, "/ca", kPlan, kNow, random).error().code() == Errc::kConfig);
  CHECK(disk.text("/ca/ca.pem") == first);
  const auto authority = Authority::load(disk, "/ca", kDomain, kNow);
  REQUIRE(authority);
  CHECK(authority->not_after() == kNow + Seconds{86400});
  const auto bundle = identity::parse_bundle(kDomain, json::write(authority->bundle()));
  REQUIRE(bundle);
  CHECK(bundle->info().sequence == 1);
  CHECK(bundle->info().refresh_hint == Seconds{300});
  CHECK(bundle->authorities().size() == 1);

  CHECK(Authority::load(disk, "/ca", kDomain, kNow + Seconds{86399}));
  CHECK(Authority::load(disk, "/ca", kDomain, kNow + Seconds{86400}).error().code() ==
        Errc::kExpired);
  REQUIRE(Authority::create(disk, "/other", kPlan, kNow, random));
  SECTION("another key") {
    disk.put("/ca/ca.key", disk.text("/other/ca.key"));
    CHECK(Authority::load(disk, "/ca", kDomain, kNow).error().code() == Errc::kMalformed);
  }
  SECTION("another bundle") {
    disk.put("/ca/bundle.json", disk.text("/other/bundle.json"));
    CHECK(Authority::load(disk, "/ca", kDomain, kNow).error().code() == Errc::kMalformed);
  }
  SECTION("no bundle") {
    REQUIRE(disk.remove("/ca/bundle.json"));
    CHECK(Authority::load(disk, "/ca", kDomain, kNow).error().code() == Errc::kIo);
    REQUIRE(Authority::create(disk, "/ca", kPlan, kNow, random));  // finishes what was begun
    CHECK(disk.text("/ca/ca.pem") == first);
    CHECK(Authority::load(disk, "/ca", kDomain, kNow));
  }
  SECTION("another domain") {
    const auto other = *identity::TrustDomain::parse("other.org");
    CHECK(Authority::load(disk, "/ca", other, kNow).error().code() == Errc::kMalformed);
  }
  SECTION("a leaf in place of the authority") {
    auto loaded = Authority::load(disk, "/ca", kDomain, kNow);
    const auto svid = issue_with_new_key(
        *loaded, *identity::SpiffeId::parse("spiffe://example.org/x"), kNow, Seconds{60}, random);
    REQUIRE(svid);
    disk.put("/ca/ca.pem", identity::certificate_pem(svid->leaf()));
    const auto key = identity::private_key_pem(svid->key());
    disk.put("/ca/ca.key", key);
    CHECK_FALSE(Authority::load(disk, "/ca", kDomain, kNow));
  }
}

TEST_CASE("Authority: a power cut while it is made leaves none or a whole one",
          "[issuer][authority][powercut]") {
  SystemRandom random;
  for (unsigned cut = 0;; ++cut) {
    fakes::FakeDisk disk;
    disk.ops_left = cut;
    const bool done = static_cast<bool>(Authority::create(disk, "/ca", kPlan, kNow, random));
    disk.ops_left = fakes::FakeDisk::kNoCut;
    if (disk.is_off()) disk.power_on();
    INFO("power cut before durable operation " << cut);
    if (!done) REQUIRE(Authority::create(disk, "/ca", kPlan, kNow, random));
    REQUIRE(Authority::load(disk, "/ca", kDomain, kNow));
    if (done) {
      CHECK(cut > 10);
      break;
    }
  }
}

TEST_CASE("Authority: signs for its own domain only, and leaves only", "[issuer][authority]") {
  fakes::FakeDisk disk;
  SystemRandom random;
  REQUIRE(Authority::create(disk, "/ca", kPlan, kNow, random));
  auto authority = Authority::load(disk, "/ca", kDomain, kNow);
  const auto key = new_key();
  const auto issue = [&](const char* id) {
    return authority->issue(*identity::SpiffeId::parse(id), *key, kNow, Seconds{60}, random);
  };
  CHECK(issue("spiffe://example.org/a"));
  CHECK(issue("spiffe://other.org/a").error().code() == Errc::kPeer);
  CHECK(issue("spiffe://example.org").error().code() == Errc::kPeer);
}

TEST_CASE("Authority: an SVID counts from a minute ago, for devices whose clock lags, to its end",
          "[issuer][authority]") {
  fakes::FakeDisk disk;
  SystemRandom random;
  REQUIRE(Authority::create(disk, "/ca", kPlan, kNow, random));
  auto authority = Authority::load(disk, "/ca", kDomain, kNow);
  const auto key = new_key();
  const auto svid = authority->issue(*identity::SpiffeId::parse("spiffe://example.org/a"), *key,
                                     kNow, Seconds{600}, random);
  REQUIRE(svid);
  const auto moment = [](const ASN1_TIME* time) {
    std::tm parts{};
    REQUIRE(ASN1_TIME_to_tm(time, &parts) == 1);
    return UtcTime(Seconds(::timegm(&parts)));
  };
  CHECK(moment(X509_get0_notBefore(svid->get())) == kNow - Seconds{60});
  CHECK(moment(X509_get0_notAfter(svid->get())) == kNow + Seconds{600});
}

// FORMAT 13.4.3
TEST_CASE("Authority: two authorities of one domain have different subjects",
          "[issuer][authority]") {
  fakes::FakeDisk disk;
  SystemRandom random;
  const auto subject = [&](const std::string& folder) {
    REQUIRE(Authority::create(disk, folder, kPlan, kNow, random));
    const auto pem = disk.text(folder + "/ca.pem");
    const identity::BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const identity::X509Ptr c(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    char text[256];
    return std::string(X509_NAME_oneline(X509_get_subject_name(c.get()), text, sizeof(text)));
  };
  CHECK(subject("/one") != subject("/two"));
}

TEST_CASE("Authority: a key that others may read is refused", "[issuer][authority]") {
  const fakes::TemporaryFolder folder;
  const auto path = folder.file("ca.key");
  CHECK(check_private_file(path).error().code() == Errc::kIo);
  std::ofstream(path) << "key";
  for (const mode_t mode : {0600U, 0400U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    CHECK(check_private_file(path));
  }
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    INFO(mode);
    const auto refused = check_private_file(path);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kConfig);
    CHECK(refused.error().hint() == "chmod 0600 " + path);
  }
}
