#include <catch2/catch.hpp>

#include "base/json.hpp"

using namespace pawl;

TEST_CASE("json: values survive a round trip", "[base][json]") {
  const auto v = json::parse(R"({"b":[1,true,null,"x\u00e9\n"],"a":{"n":-5}})", {});
  REQUIRE(v);
  CHECK(json::write(*v) == "{\"a\":{\"n\":-5},\"b\":[1,true,null,\"x\xc3\xa9\\u000a\"]}");
}
