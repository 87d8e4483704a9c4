#include "base/base64.hpp"

#include <catch2/catch.hpp>

using namespace pawl;

TEST_CASE("base64: both alphabets round-trip at every length", "[base][base64]") {
  Bytes bytes;
  for (unsigned n = 0; n < 70; ++n) {
    for (const auto variant : {Base64::kStandard, Base64::kUrl}) {
      CHECK(*from_base64(to_base64(bytes, variant), variant, 100) == bytes);
    }
    bytes.push_back(static_cast<std::uint8_t>(n * 37U + 200U));
  }
  CHECK(to_base64(as_bytes("fo?>"), Base64::kStandard) == "Zm8/Pg==");
  CHECK(to_base64(as_bytes("fo?>"), Base64::kUrl) == "Zm8_Pg");
}

TEST_CASE("base64: other spellings and long texts are refused", "[base][base64]") {
  for (const auto* text : {"Zm8", "Zm8/Pg", "Zm8_Pg==", "Zm8/ Pg==", "Zm8/Pg=", "Zm8/Ph==", "*"}) {
    INFO(text);
    CHECK(from_base64(text, Base64::kStandard, 100).error().code() == Errc::kMalformed);
  }
  CHECK(from_base64("Zm8/Pg==", Base64::kStandard, 3).error().code() == Errc::kTooLarge);
  CHECK(from_base64("Zm8/Pg==", Base64::kStandard, 4));
}
