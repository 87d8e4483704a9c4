#include "hsm/ec_point.hpp"

#include <algorithm>
#include <array>

namespace pawl::hsm {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::array<std::uint8_t, 2> kOctetString{0x04, 0x20};
constexpr std::array<std::uint8_t, 3> kBitString{0x03, 0x21, 0x00};
// RFC 8410 section 4: SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING }
constexpr std::array<std::uint8_t, 12> kPublicKeyInfo{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

bool wraps_key(ByteView value, ByteView prefix) {
  return value.size() == prefix.size() + kKeySize &&
         std::equal(prefix.begin(), prefix.end(), value.begin());
}

}  // namespace

Result<Ed25519PublicKey> parse_ec_point(ByteView value) {
  const bool known = value.size() == kKeySize || wraps_key(value, kOctetString) ||
                     wraps_key(value, kBitString) || wraps_key(value, kPublicKeyInfo);
  if (!known) {
    return fail(Errc::kMalformed,
                "public point of " + std::to_string(value.size()) + " bytes in an unknown form");
  }
  Ed25519PublicKey out;
  const auto key = value.last(kKeySize);
  std::copy(key.begin(), key.end(), out.bytes.begin());
  return out;
}

}  // namespace pawl::hsm
