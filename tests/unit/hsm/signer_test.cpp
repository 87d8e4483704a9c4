#include "hsm/signer.hpp"

#include <catch2/catch.hpp>
#include <sodium.h>

#include "base/digest.hpp"

using namespace pawl;
using namespace pawl::hsm;

namespace {

/// Signs with a fresh key; may then spoil its work.
class FakeSigner final : public Signer {
 public:
  static FakeSigner make(std::size_t limit) {
    Ed25519PublicKey key;
    std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret{};
    crypto_sign_keypair(key.bytes.data(), secret.data());
    return {key, secret, limit};
  }
  int asked = 0;
  std::uint8_t spoil = 0;

 private:
  FakeSigner(const Ed25519PublicKey& key,
             const std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES>& secret, std::size_t limit)
      : Signer(key, {}, limit), secret_(secret) {}
  Result<Ed25519Signature> make_signature(ByteView message) override {
    ++asked;
    Ed25519Signature out;
    crypto_sign_detached(out.bytes.data(), nullptr, message.data(), message.size(), secret_.data());
    out.bytes[40] ^= spoil;
    return out;
  }
  std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret_;
};

}  // namespace

TEST_CASE("a signature that does not verify is not given out", "[hsm]") {  // FORMAT 10.6.2
  auto signer = FakeSigner::make(100);
  const Bytes message(50, 7);
  const auto good = signer.sign(message);
  REQUIRE(good);
  CHECK(ed25519_verify(*good, message, signer.public_key()));
  signer.spoil = 1;
  const auto bad = signer.sign(message);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code() == Errc::kBadSignature);
}

TEST_CASE("a message over the limit never reaches the key", "[hsm]") {  // FORMAT 10.6.3
  auto signer = FakeSigner::make(100);
  CHECK(signer.sign(Bytes(100)));
  CHECK(signer.asked == 1);
  const auto over = signer.sign(Bytes(101));
  REQUIRE_FALSE(over);
  CHECK(over.error().code() == Errc::kTooLarge);
  CHECK_THAT(over.error().what(), Catch::Contains("101 bytes") && Catch::Contains("at most 100"));
  CHECK_FALSE(over.error().hint().empty());
  CHECK(signer.asked == 1);
  CHECK(signer.sign({}).error().code() == Errc::kUsage);
  CHECK(signer.asked == 1);
}
