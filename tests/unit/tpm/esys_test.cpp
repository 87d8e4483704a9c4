#include "tpm/esys.hpp"

#include <catch2/catch.hpp>

#include "tpm/nv_objects.hpp"

using namespace pawl;
using namespace pawl::tpm;

TEST_CASE("Response codes become faults, whatever handle or session they name", "[tpm]") {
  struct Row {
    TSS2_RC rc;
    Fault fault;
  };
  const auto r = GENERATE(values<Row>({
      {0, Fault::kNone},
      {0x921, Fault::kLockout},
      {0x128, Fault::kPcrChanged},
      {0x126, Fault::kPolicyRefused},
      {0x99d, Fault::kPolicyRefused},  // POLICY_FAIL in session 1
      {0x98e, Fault::kAuth},           // AUTH_FAIL
      {0x9a2, Fault::kAuth},           // BAD_AUTH
      {0x12f, Fault::kAuth},
      {0x149, Fault::kAuth},
      {0x14b, Fault::kNoSpace},
      {0x902, Fault::kNoSpace},
      {0x903, Fault::kNoSpace},
      {0x14a, Fault::kNotProvisioned},
      {0x922, Fault::kTransient},
      {0x920, Fault::kTransient},
      {0x908, Fault::kTransient},
      {0x90a, Fault::kTransient},
      {0x101, Fault::kNoTpm},
      {0x100, Fault::kNoTpm},
      {0xa000a, Fault::kNoTpm},  // the connection broke
      {0x70007, Fault::kOther},  // ESAPI
      {0x1c4, Fault::kOther},
  }));
  INFO(std::hex << r.rc);
  CHECK(fault_from(r.rc) == r.fault);
  const auto status = check(r.rc, "TPM2_Test");
  REQUIRE(static_cast<bool>(status) == (r.rc == 0));
  if (!status) {
    CHECK(fault_of(status.error()) == r.fault);
    CHECK(response_code_of(status.error()) == r.rc);
  }
}

TEST_CASE("Commands a TPM wants repeated are repeated with growing pauses", "[tpm]") {
  unsigned calls = 0;
  std::vector<std::chrono::milliseconds> pauses;
  const Sleep note = [&](std::chrono::milliseconds t) { pauses.push_back(t); };
  SECTION("until it succeeds") {
    const auto rc = repeating([&]() -> TSS2_RC { return ++calls < 4 ? 0x922 : 0; }, note);
    CHECK(rc == 0);
    CHECK(calls == 4);
    REQUIRE(pauses.size() == 3);
    CHECK(pauses[0] < pauses[1]);
    CHECK(pauses[1] < pauses[2]);
  }
  SECTION("but not for ever") {
    CHECK(repeating([&]() -> TSS2_RC { return ++calls, 0x920; }, note) == 0x920);
    CHECK(calls == kMaxRepeats + 1);
    CHECK(pauses.back() <= std::chrono::milliseconds(500));
  }
  SECTION("and nothing else is repeated") {
    CHECK(repeating([&]() -> TSS2_RC { return ++calls, 0x921; }, note) == 0x921);
    CHECK(calls == 1);
  }
}

TEST_CASE("The updater's part of the anchor is two hashes (FORMAT 6.6.7)", "[tpm]") {
  RecordsAnchor a;
  a.key_hash.bytes.fill(0xcc);
  a.floors_hash.bytes.fill(0xdd);
  CHECK(to_hex(encode_records_anchor(a)) == std::string(64, 'c') + std::string(64, 'd'));
  CHECK(decode_records_anchor(encode_records_anchor(a)) == a);
  CHECK(kAnchorSize == 136);
}

TEST_CASE("The vault's part of the anchor is 72 bytes and survives its encoding (FORMAT 6.6.3)",
          "[tpm]") {
  Anchor a;
  a.generation = 0x0102030405060708;
  a.index_hash.bytes.fill(0xaa);
  a.epoch_key_hash.bytes.fill(0xbb);
  const auto bytes = encode_anchor(a);
  CHECK(to_hex(bytes) == "0102030405060708" + std::string(64, 'a') + std::string(64, 'b'));
  CHECK(decode_anchor(bytes) == a);
}
