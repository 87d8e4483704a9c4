// Signatures that verifiers of Ed25519 disagree about: what is decided here is what every program
// of the project decides, and no other release of the library may change it unseen.
#include <array>

#include <catch2/catch.hpp>
#include <sodium.h>

#include "base/bytes.hpp"
#include "manifest/key.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

using Scalar = std::array<std::uint8_t, 32>;
using Point = Ed25519PublicKey;

Point point(std::string_view hex) {
  auto out = fixed_from_hex<Point>(hex);
  PAWL_ASSERT(out);
  return *out;
}

/// Points of order 1, 2, 4, 4, 8, 8, 8, 8, then the other spellings of the first four.
const std::string kZeros(60, '0');
const std::string kOnes(60, 'f');
const std::vector<Point> kSmall = {
    point("01" + kZeros + "00"),
    point("ec" + kOnes + "7f"),
    point("00" + kZeros + "00"),
    point("00" + kZeros + "80"),
    point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    point("01" + kZeros + "80"),
    point("ec" + kOnes + "ff"),
    point("ed" + kOnes + "7f"),
    point("ed" + kOnes + "ff"),
    point("ee" + kOnes + "7f"),
    point("ee" + kOnes + "ff")};

Scalar reduced(const std::array<std::uint8_t, 64>& wide) {
  Scalar out;
  crypto_core_ed25519_scalar_reduce(out.data(), wide.data());
  return out;
}

/// The scalar h of RFC 8032: the digest of R, A and the message.
Scalar challenge(const Point& r, const Point& a, std::string_view message) {
  crypto_hash_sha512_state state;
  std::array<std::uint8_t, 64> wide;
  crypto_hash_sha512_init(&state);
  crypto_hash_sha512_update(&state, r.bytes.data(), r.bytes.size());
  crypto_hash_sha512_update(&state, a.bytes.data(), a.bytes.size());
  crypto_hash_sha512_update(&state, as_bytes(message).data(), message.size());
  crypto_hash_sha512_final(&state, wide.data());
  return reduced(wide);
}

Scalar scalar_of(std::string_view name) {
  std::array<std::uint8_t, 64> wide;
  crypto_hash_sha512(wide.data(), as_bytes(name).data(), name.size());
  return reduced(wide);
}

Point times_base(const Scalar& scalar) {
  Point out;
  REQUIRE(crypto_scalarmult_ed25519_base_noclamp(out.bytes.data(), scalar.data()) == 0);
  return out;
}

Bytes join(const Point& r, const Scalar& s) {
  Bytes out(r.bytes.begin(), r.bytes.end());
  out.insert(out.end(), s.begin(), s.end());
  return out;
}

/// r + h a, as a signer of secret scalar `a` makes it.
Scalar response(const Scalar& r, const Scalar& h, const Scalar& a) {
  Scalar product;
  Scalar out;
  crypto_core_ed25519_scalar_mul(product.data(), h.data(), a.data());
  crypto_core_ed25519_scalar_add(out.data(), product.data(), r.data());
  return out;
}

bool accepted(const Point& key, std::string_view message, const Bytes& signature) {
  return PublicKey::from_ed25519(key).verify(as_bytes(message), signature);
}

}  // namespace

TEST_CASE("Ed25519: a signature made by hand from the equation is accepted",
          "[manifest][ed25519]") {
  const auto a = scalar_of("secret");
  const auto r = scalar_of("nonce");
  const auto key = times_base(a);
  const auto h = challenge(times_base(r), key, "text");
  CHECK(accepted(key, "text", join(times_base(r), response(r, h, a))));
}

TEST_CASE("Ed25519: no key and no nonce of small order, in any spelling (FORMAT 2.2.3)",
          "[manifest][ed25519]") {
  const auto a = scalar_of("secret");
  const auto key = times_base(a);
  for (const auto& small : kSmall) {
    INFO(to_hex(small));
    // zeros satisfy the equation for the neutral point, and for others with some message
    for (const auto& nonce : kSmall) {
      for (const auto* message : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
        CHECK_FALSE(accepted(small, message, join(nonce, Scalar{})));
      }
    }
    // a good key whose signer chose no nonce: h a satisfies it for the neutral point
    const auto h = challenge(small, key, "text");
    CHECK_FALSE(accepted(key, "text", join(small, response(Scalar{}, h, a))));
  }
}

TEST_CASE("Ed25519: the second half of a signature has one spelling (FORMAT 2.2.3)",
          "[manifest][ed25519]") {
  const auto a = scalar_of("secret");
  const auto r = scalar_of("nonce");
  const auto key = times_base(a);
  auto s = response(r, challenge(times_base(r), key, "text"), a);
  const auto order =
      *from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", 32);
  unsigned carry = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    carry += static_cast<unsigned>(s[i]) + order[i];
    s[i] = static_cast<std::uint8_t>(carry);
    carry >>= 8U;
  }
  REQUIRE(carry == 0);
  CHECK_FALSE(accepted(key, "text", join(times_base(r), s)));
}

TEST_CASE("Ed25519: a key with a part of small order is checked without cofactor (FORMAT 2.2.3)",
          "[manifest][ed25519]") {
  const auto a = scalar_of("secret");
  const auto r = scalar_of("nonce");
  Point mixed;
  const auto clean = times_base(a);
  REQUIRE(crypto_core_ed25519_add(mixed.bytes.data(), clean.bytes.data(), kSmall[4].bytes.data()) ==
          0);
  unsigned good = 0;
  for (int i = 0; i < 64; ++i) {
    const auto message = "message " + std::to_string(i);
    const auto h = challenge(times_base(r), mixed, message);
    const bool exact = (h[0] & 7U) == 0;  // then h times the small part is nothing
    INFO(message);
    CHECK(accepted(mixed, message, join(times_base(r), response(r, h, a))) == exact);
    good += exact ? 1 : 0;
  }
  CHECK(good > 0);
  CHECK(good < 64);
}
