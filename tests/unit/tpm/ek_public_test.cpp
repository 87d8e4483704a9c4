#include "tpm/ek_public.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "fakes/soft_tpm.hpp"
#include "tpm/enrolment.hpp"

using namespace pawl;
using namespace pawl::tpm;

namespace {

const UtcTime kNow{Seconds(1'800'000'000)};

Bytes with_u16(std::size_t offset, std::uint16_t value) {
  auto area = fakes::some_tpm().ek_public();
  area[offset] = static_cast<std::uint8_t>(value >> 8U);
  area[offset + 1] = static_cast<std::uint8_t>(value);
  return area;
}

}  // namespace

TEST_CASE("Endorsement key: its public area and its certificate have one fingerprint",
          "[tpm][endorsement]") {
  auto& tpm = fakes::some_tpm();
  const auto presented = PresentedEk::parse(tpm.ek_public());
  REQUIRE(presented);
  const auto proven = EndorsementKey::verify(fakes::maker_certificate(tpm), {},
                                             std::array{fakes::maker_root()}, kNow);
  REQUIRE(proven);
  CHECK(presented->fingerprint() == proven->fingerprint());
  CHECK(presented->fingerprint() == tpm.fingerprint());
}

TEST_CASE("Endorsement key: presented, it is no key until somebody vouches for it (FORMAT 6.7.4)",
          "[tpm][endorsement]") {
  auto& tpm = fakes::some_tpm();
  const auto presented = PresentedEk::parse(tpm.ek_public());
  REQUIRE(presented);
  CHECK(presented->vouched_by(fakes::another_tpm().fingerprint()).error().code() == Errc::kPeer);
  const auto key = presented->vouched_by(tpm.fingerprint());
  REQUIRE(key);
  const auto secret = *SecretBytes::copy_of(as_bytes("a secret for one device"));
  const auto credential = make_credential(*key, tpm.ak_name(), secret);
  REQUIRE(credential);
  const auto opened = tpm.activate(*credential);
  REQUIRE(opened);
  CHECK(as_text(*opened) == "a secret for one device");
  CHECK_FALSE(fakes::another_tpm().activate(*credential));
}

TEST_CASE("Endorsement key: only template L-1 is one (FORMAT 6.7.4)", "[tpm][endorsement]") {
  auto& tpm = fakes::some_tpm();
  struct Row {
    const char* why;
    Bytes area;
    Errc code;
  };
  auto exponent = tpm.ek_public();
  exponent[55] = 3;
  auto explicit_exponent = tpm.ek_public();
  explicit_exponent[53] = 1;
  explicit_exponent[55] = 1;
  CHECK(PresentedEk::parse(explicit_exponent));
  auto tail = tpm.ek_public();
  tail.push_back(0);
  const Row rows[] = {
      {"another type", with_u16(0, 0x0023), Errc::kPeer},
      {"another name algorithm", with_u16(2, 0x000c), Errc::kPeer},
      {"not fixedTPM", tpm.ek_public(0x000300b0), Errc::kPeer},
      {"not fixedParent", tpm.ek_public(0x000300a2), Errc::kPeer},
      {"not sensitiveDataOrigin", tpm.ek_public(0x00030092), Errc::kPeer},
      {"not restricted", tpm.ek_public(0x000200b2), Errc::kPeer},
      {"not decrypt", tpm.ek_public(0x000100b2), Errc::kPeer},
      {"also sign", tpm.ek_public(0x000700b2), Errc::kPeer},
      {"another cipher", with_u16(42, 0x0026), Errc::kPeer},
      {"AES-256", with_u16(44, 256), Errc::kPeer},
      {"another mode", with_u16(46, 0x0042), Errc::kPeer},
      {"a scheme", with_u16(48, 0x0014), Errc::kPeer},
      {"RSA-3072", with_u16(50, 3072), Errc::kPeer},
      {"exponent 3", exponent, Errc::kPeer},
      {"a byte too many", tail, Errc::kMalformed},
      {"too large", Bytes(1025, 0), Errc::kTooLarge},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    const auto refused = PresentedEk::parse(row.area);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == row.code);
  }
  const auto good = tpm.ek_public();
  for (std::size_t n = 0; n < good.size(); ++n) {
    INFO(n);
    const auto refused = PresentedEk::parse(ByteView(good).first(n));
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().code() == Errc::kMalformed);
  }
}

TEST_CASE("Enrolment challenge: each fact changes it (FORMAT 13.3.1)", "[tpm][enrolment]") {
  EnrolmentFacts facts;
  facts.session.bytes.fill(1);
  facts.ek.bytes.fill(2);
  facts.ak.bytes.fill(3);
  facts.svid_key.bytes.fill(4);
  const auto base = enrolment_challenge(facts);
  // printf 'pawl-enroll-v1\0' and the four values, through sha256sum
  CHECK(to_hex(base) == "6bd920e5b34b2cb94beb52099868a1844ffa86743815a606f03347af4a39ad9d");
  auto other = facts;
  other.session.bytes[31] ^= 1U;
  CHECK(enrolment_challenge(other) != base);
  other = facts;
  other.ek.bytes[31] ^= 1U;
  CHECK(enrolment_challenge(other) != base);
  other = facts;
  other.ak.bytes[33] ^= 1U;
  CHECK(enrolment_challenge(other) != base);
  other = facts;
  other.svid_key.bytes[31] ^= 1U;
  CHECK(enrolment_challenge(other) != base);
  const auto message = possession_message(base);
  CHECK(as_text(message).substr(0, 20) == std::string_view("pawl-enroll-svid-v1\0", 20));
  CHECK(message.size() == 52);
}
