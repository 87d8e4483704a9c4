#include "hsm/ec_point.hpp"

#include <catch2/catch.hpp>

using namespace pawl;

namespace {

Bytes with(std::string_view prefix_hex) {
  auto out = *from_hex(prefix_hex, 64);
  for (std::uint8_t i = 1; i <= 32; ++i) out.push_back(i);
  return out;
}

}  // namespace

TEST_CASE("the forms of a public point give the same key", "[hsm]") {  // FORMAT 10.3.1
  const auto prefix = GENERATE("", "0420", "032100", "302a300506032b6570032100");
  INFO(prefix);
  const auto key = hsm::parse_ec_point(with(prefix));
  REQUIRE(key);
  CHECK(key->bytes.front() == 1);
  CHECK(key->bytes.back() == 32);
}

TEST_CASE("other forms of a public point are refused", "[hsm]") {  // FORMAT 10.3.1
  const auto prefix = GENERATE("00", "0421", "0320", "042000", "032101", "032000", "0420042000",
                               "302a300506032b656e032100", "302a300506032b6570032101");
  INFO(prefix);
  CHECK(hsm::parse_ec_point(with(prefix)).error().code() == Errc::kMalformed);
  const auto whole = with("0420");
  for (std::size_t n = 0; n < whole.size(); ++n) {
    if (n == 32) continue;  // read as a raw key: lengths tell the forms apart
    CHECK_FALSE(hsm::parse_ec_point(ByteView(whole).first(n)));
  }
}
