#include "base/bytes.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "base/secret.hpp"

using namespace pawl;

TEST_CASE("hex: strict in both directions", "[base]") {
  CHECK(to_hex(Bytes{0x00, 0xab, 0xff}) == "00abff");
  CHECK(*from_hex("00abff", 3) == Bytes{0x00, 0xab, 0xff});
  for (const char* bad : {"0", "0g", "AB", "00abff00", " 0"}) {
    INFO(bad);
    CHECK(from_hex(bad, 3).error().code() == Errc::kMalformed);
  }
  CHECK(fixed_from_hex<Sha256Digest>("00").error().code() == Errc::kMalformed);
}

TEST_CASE("printable: peer-controlled text is bounded and harmless", "[base]") {
  CHECK(printable("a'\x1b[31m\xff") == "'a??[31m?'");
  CHECK(printable(std::string(100, 'x')) == "'" + std::string(64, 'x') + "...'");
}

TEST_CASE("reader: reads in order, never past the end", "[base]") {
  Writer w;
  w.u8(1);
  w.u16_le(0x0203);
  w.u32_be(0x04050607);
  w.u64_le(0x08090a0b0c0d0e0f);
  w.u16_be(0x1011);
  w.u32_le(0x12131415);
  w.u64_be(0x161718191a1b1c1d);
  const auto bytes = w.view();
  Reader r(bytes);
  CHECK(*r.u8() == 1);
  CHECK(*r.u16_le() == 0x0203);
  CHECK(*r.u32_be() == 0x04050607);
  CHECK(*r.u64_le() == 0x08090a0b0c0d0e0f);
  CHECK(*r.u16_be() == 0x1011);
  CHECK(*r.u32_le() == 0x12131415);
  CHECK(r.left() == 8);
  CHECK(*r.u64_be() == 0x161718191a1b1c1d);
  CHECK(r.empty());
  CHECK(r.u8().error().code() == Errc::kMalformed);
  Sha256Digest digest;
  CHECK(Reader(bytes).into(digest).error().code() == Errc::kMalformed);
}

TEST_CASE("digests: known answers", "[base]") {
  CHECK(to_hex(sha256(as_bytes("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(blake2b(as_bytes("abc"))) ==
        "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  Sha256 stream;
  stream.update(as_bytes("a"));
  stream.update(as_bytes("bc"));
  CHECK(stream.finish() == sha256(as_bytes("abc")));
}

TEST_CASE("ed25519: RFC 8032 test 2 verifies, anything else does not", "[base]") {
  const auto key = *fixed_from_hex<Ed25519PublicKey>(
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  auto signature = *fixed_from_hex<Ed25519Signature>(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  const Bytes message{0x72};
  CHECK(ed25519_verify(signature, message, key));
  CHECK_FALSE(ed25519_verify(signature, Bytes{0x73}, key));
  CHECK_FALSE(ed25519_verify(signature, message, Ed25519PublicKey{}));
  signature.bytes[0] ^= 1U;
  CHECK_FALSE(ed25519_verify(signature, message, key));
}

TEST_CASE("secrets: compared in constant time, truncated with a wipe", "[base]") {
  auto a = *SecretBytes::copy_of(as_bytes("secret!"));
  const auto b = *SecretBytes::copy_of(as_bytes("secret!"));
  CHECK(equal_ct(a, b));
  a.truncate(6);
  CHECK(a.size() == 6);
  CHECK_FALSE(equal_ct(a, b));
}
