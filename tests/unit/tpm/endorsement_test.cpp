#include "tpm/endorsement.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "tests/fakes/ek_authority.hpp"

using namespace pawl;
using namespace pawl::tpm;

namespace {

constexpr const char* kEkUsage = "2.23.133.8.1";
const UtcTime kNow{Seconds(1'800'000'000)};

struct Maker {
  fakes::TestKey root_key = fakes::rsa_key();
  fakes::TestKey issuer_key = fakes::rsa_key();
  fakes::TestKey ek = fakes::rsa_key();
  Bytes root = fakes::certificate({"root", "root", root_key.get(), root_key.get(), true, ""});
  Bytes issuer = fakes::certificate({"issuer", "root", issuer_key.get(), root_key.get(), true, ""});
  [[nodiscard]] fakes::CertPlan plan() const {
    return {"ek", "issuer", ek.get(), issuer_key.get(), false, kEkUsage};
  }
};

Result<EndorsementKey> verify(const Maker& m, const Bytes& leaf, UtcTime now = kNow) {
  return EndorsementKey::verify(leaf, std::array{m.issuer}, std::array{m.root}, now);
}

}  // namespace

TEST_CASE("An EK certificate is verified up to its maker (FORMAT 6.7.3)", "[tpm][ek]") {
  const Maker m;
  const auto leaf = fakes::certificate(m.plan());
  const auto ek = verify(m, leaf);
  REQUIRE(ek);
  Bytes spki(static_cast<std::size_t>(i2d_PUBKEY(m.ek.get(), nullptr)));
  auto* p = spki.data();
  i2d_PUBKEY(m.ek.get(), &p);
  CHECK(ek->fingerprint() == sha256(spki));

  SECTION("padding of NV storage is ignored, anything else is not") {
    for (const auto pad : {std::uint8_t{0x00}, std::uint8_t{0xff}}) {
      auto padded = leaf;
      padded.insert(padded.end(), 20, pad);
      CHECK(verify(m, padded));
    }
    auto odd = leaf;
    odd.push_back(0);
    odd.push_back(0xff);
    CHECK(verify(m, odd).error().code() == Errc::kMalformed);
  }
  SECTION("expired and not yet valid") {
    CHECK(verify(m, leaf, UtcTime(Seconds(1'900'000'001))).error().code() == Errc::kExpired);
    CHECK(verify(m, leaf, UtcTime(Seconds(1'699'999'999))).error().code() == Errc::kExpired);
  }
  SECTION("missing intermediate") {
    const auto done = EndorsementKey::verify(leaf, {}, std::array{m.root}, kNow);
    CHECK(done.error().code() == Errc::kPeer);
  }
  SECTION("an offered certificate is no root") {
    const auto done = EndorsementKey::verify(leaf, std::array{m.issuer, m.root}, {}, kNow);
    CHECK(done.error().code() == Errc::kPeer);
  }
  SECTION("another maker with the same names") {
    const Maker other;
    CHECK(verify(other, leaf).error().code() == Errc::kPeer);
  }
  SECTION("limits") {
    CHECK(verify(m, Bytes(kMaxCertificate + 1)).error().code() == Errc::kTooLarge);
    const std::vector<Bytes> many(9, m.issuer);
    CHECK(EndorsementKey::verify(leaf, many, std::array{m.root}, kNow).error().code() ==
          Errc::kTooLarge);
    CHECK(verify(m, Bytes{1, 2, 3}).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("Certificates that are not for an EK are refused (FORMAT 6.7.3)", "[tpm][ek]") {
  const Maker m;
  auto server = m.plan();
  server.usage = "serverAuth";
  CHECK(verify(m, fakes::certificate(server)).error().code() == Errc::kPeer);
  auto nothing = m.plan();
  nothing.usage.clear();
  CHECK(verify(m, fakes::certificate(nothing)).error().code() == Errc::kPeer);
  const auto small = fakes::rsa_key(1024);
  auto weak = m.plan();
  weak.key = small.get();
  CHECK(verify(m, fakes::certificate(weak)).error().code() == Errc::kPeer);
}

TEST_CASE("Credential secrets have 1 to 32 bytes", "[tpm][ek]") {
  const Maker m;
  const auto ek = verify(m, fakes::certificate(m.plan()));
  REQUIRE(ek);
  const auto secret = *SecretBytes::allocate(33);
  CHECK(make_credential(*ek, Name{}, secret).error().code() == Errc::kInternal);
  const auto fine = *SecretBytes::allocate(32);
  const auto credential = make_credential(*ek, Name{}, fine);
  REQUIRE(credential);
  CHECK(credential->encrypted_secret.size() == 256);
  CHECK(credential->id_object.size() == 2 + 32 + 2 + 32);
}
