#include "tpm/quote.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "tests/fakes/soft_attester.hpp"

using namespace pawl;
using namespace pawl::tpm;
using fakes::SoftAttester;

namespace {

const PcrSet kBound{2, 4, 11};

struct Scene {
  SoftAttester device;
  SoftAttester::Fields fields;
  QuoteEvidence evidence;
  Sha256Digest nonce = sha256(as_bytes("challenge"));
  Bytes public_area = device.public_area();

  Scene() {
    evidence.pcrs[4] = sha256(as_bytes("four"));
    fields.extra_data = nonce;
    fields.selection = PcrSet{2, 4, 7, 11};
    fields.pcr_digest = pcr_composite(fields.selection, evidence.pcrs);
  }
  void sign() {
    evidence.attest = SoftAttester::attest(fields);
    evidence.signature = device.sign(evidence.attest);
  }
  [[nodiscard]] Result<Quote> verify() const {
    PAWL_TRY(const auto ak, AttestationKey::parse(public_area));
    return verify_quote(ak, evidence, nonce, kBound);
  }
};

}  // namespace

TEST_CASE("A quote is verified from bytes (FORMAT 6.7.2)", "[tpm][quote]") {
  Scene s;
  s.sign();
  const auto quote = s.verify();
  REQUIRE(quote);
  CHECK(quote->selection == s.fields.selection);
  CHECK(quote->reset_count == 7);
  CHECK(quote->restart_count == 2);
  CHECK(quote->clock_ms == 1000);
  CHECK(quote->firmware_version == 0x20191023);
}

TEST_CASE("Quotes are refused for what they lack (FORMAT 6.7.2)", "[tpm][quote]") {
  struct Row {
    const char* why;
    std::function<void(Scene&)> before;  // the signature is made after it
    std::function<void(Scene&)> after;
    Errc code;
    const char* text;
  };
  const auto none = [](Scene&) {};
  const auto r = GENERATE_COPY(values<Row>({
      {"another challenge", [](Scene& s) { s.fields.extra_data.bytes[31] ^= 1U; }, none,
       Errc::kHashMismatch, "another challenge"},
      {"other PCR values", none, [](Scene& s) { s.evidence.pcrs[2].bytes[0] ^= 1U; },
       Errc::kHashMismatch, "PCR values"},
      {"needed PCR left out",
       [](Scene& s) {
         s.fields.selection = PcrSet{2, 4};
         s.fields.pcr_digest = pcr_composite(s.fields.selection, s.evidence.pcrs);
       },
       none, Errc::kPeer, "covers PCRs 2,4"},
      {"not made by a TPM", [](Scene& s) { s.fields.magic = 1; }, none, Errc::kMalformed,
       "made by"},
      {"another statement", [](Scene& s) { s.fields.type = 0x8017; }, none, Errc::kMalformed,
       "not a quote"},
      {"SHA-1 bank", [](Scene& s) { s.fields.bank = 4; }, none, Errc::kMalformed, "SHA-256 bank"},
      {"two banks", [](Scene& s) { s.fields.banks = 2; }, none, Errc::kMalformed, "one PCR bank"},
      {"byte changed after signing", none, [](Scene& s) { s.evidence.attest[90] ^= 1U; },
       Errc::kBadSignature, "not signed"},
      {"signature of another key", none,
       [](Scene& s) { s.evidence.signature = SoftAttester().sign(s.evidence.attest); },
       Errc::kBadSignature, "not signed"},
      {"signature over something else", none,
       [](Scene& s) { s.evidence.signature = s.device.sign(as_bytes("x")); }, Errc::kBadSignature,
       "not signed"},
      {"RSA signature", none, [](Scene& s) { s.evidence.signature[1] = 0x14; }, Errc::kMalformed,
       "ECDSA"},
      {"SHA-1 signature", none, [](Scene& s) { s.evidence.signature[3] = 0x04; }, Errc::kMalformed,
       "ECDSA"},
      {"r too long", none, [](Scene& s) { s.evidence.signature[5] = 33; }, Errc::kMalformed,
       "over its limit"},
      {"byte after the signature", none, [](Scene& s) { s.evidence.signature.push_back(0); },
       Errc::kMalformed, "after the TPM signature"},
      {"huge quote", none, [](Scene& s) { s.evidence.attest.resize(kMaxAttest + 1); },
       Errc::kTooLarge, "1 KiB"},
      {"huge signature", none, [](Scene& s) { s.evidence.signature.resize(kMaxSignature + 1); },
       Errc::kTooLarge, "256"},
  }));
  INFO(r.why);
  Scene s;
  r.before(s);
  s.sign();
  r.after(s);
  const auto quote = s.verify();
  REQUIRE_FALSE(quote);
  CHECK(quote.error().code() == r.code);
  CHECK_THAT(quote.error().what(), Catch::Contains(r.text));
}

TEST_CASE("A quote cut anywhere is refused even when it is signed", "[tpm][quote]") {
  Scene s;
  s.sign();
  const auto whole = s.evidence.attest;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    s.evidence.attest.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
    s.evidence.signature = s.device.sign(s.evidence.attest);
    INFO(n << " bytes");
    REQUIRE(s.verify().error().code() == Errc::kMalformed);
  }
  s.evidence.attest = whole;
  s.evidence.attest.push_back(0);
  s.evidence.signature = s.device.sign(s.evidence.attest);
  CHECK(s.verify().error().code() == Errc::kMalformed);
}

TEST_CASE("Only restricted keys born in a TPM attest (FORMAT 6.7.1)", "[tpm][quote]") {
  constexpr std::uint32_t kGood = 0x00050072;
  const SoftAttester device;
  REQUIRE(AttestationKey::parse(device.public_area(kGood)));
  const auto bit = GENERATE(1U, 4U, 5U, 16U, 17U, 18U);
  INFO("attribute bit " << bit << " turned over");
  const auto ak = AttestationKey::parse(device.public_area(kGood ^ (1U << bit)));
  REQUIRE_FALSE(ak);
  CHECK(ak.error().code() == Errc::kPeer);
}

TEST_CASE("Attestation keys of another kind are refused", "[tpm][quote]") {
  struct Row {
    std::size_t at;
    std::uint8_t value;
    Errc code;
    const char* text;
  };
  const auto r = GENERATE(values<Row>({
      {1, 0x01, Errc::kPeer, "type"},
      {3, 0x0c, Errc::kPeer, "name algorithm"},
      {11, 0x06, Errc::kPeer, "symmetric"},
      {13, 0x1a, Errc::kPeer, "scheme"},
      {15, 0x04, Errc::kPeer, "signature digest"},
      {17, 0x04, Errc::kPeer, "curve"},
      {19, 0x20, Errc::kPeer, "derivation"},
      {21, 31, Errc::kMalformed, "coordinate"},
      {30, 0xff, Errc::kMalformed, "not a point"},
  }));
  INFO(r.text);
  auto area = SoftAttester().public_area();
  area[r.at] = r.at == 30 ? static_cast<std::uint8_t>(area[30] ^ 1U) : r.value;
  const auto ak = AttestationKey::parse(area);
  REQUIRE_FALSE(ak);
  CHECK(ak.error().code() == r.code);
  CHECK_THAT(ak.error().what(), Catch::Contains(r.text));
}

TEST_CASE("A public area cut anywhere is refused", "[tpm][quote]") {
  auto area = SoftAttester().public_area();
  for (std::size_t n = 0; n < area.size(); ++n) {
    INFO(n << " bytes");
    REQUIRE(AttestationKey::parse(ByteView(area).first(n)).error().code() == Errc::kMalformed);
  }
  area.push_back(0);
  CHECK(AttestationKey::parse(area).error().code() == Errc::kMalformed);
  CHECK(AttestationKey::parse(Bytes(kMaxPublicArea + 1)).error().code() == Errc::kTooLarge);
}
