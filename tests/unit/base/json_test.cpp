#include "base/json.hpp"

#include <catch2/catch.hpp>

using namespace pawl;

TEST_CASE("json: values survive a round trip", "[base][json]") {
  const auto v = json::parse(R"({"b":[1,true,null,"x\u00e9\n"],"a":{"n":-5}})", {});
  REQUIRE(v);
  CHECK(json::write(*v) == "{\"a\":{\"n\":-5},\"b\":[1,true,null,\"x\xc3\xa9\\u000a\"]}");
}

TEST_CASE("json: numbers outside 64 bits keep their text", "[base][json]") {
  for (const char* text : {"1.5", "-2e3", "18446744073709551616", "1E+2"}) {
    const auto v = json::parse(text, {});
    REQUIRE(v);
    REQUIRE(v->real() != nullptr);
    CHECK(json::write(*v) == text);
  }
  CHECK(*json::parse("-9223372036854775808", {})->integer() == INT64_MIN);
}

TEST_CASE("json: what is not JSON is malformed", "[base][json]") {
  const auto text =
      GENERATE(as<std::string>(), "", " ", "{", "[1,]", "[1 2]", "{\"a\":1,}", "{\"a\"}", "{a:1}",
               "01", "-", "1.", ".5", "1e", "+1", "nul", "True", "\"\\x\"", "\"\\u12g4\"",
               "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"tab\there\"", "\"\xff\"",
               "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\xef\xbb\xbf{}", "{} {}", "[1]]", "\"open",
               "{\"a\":1,\"a\":2}", "NaN", "'a'", "[1", "// c\n1");
  INFO(text);
  const auto v = json::parse(text, {});
  REQUIRE_FALSE(v);
  CHECK(v.error().code() == Errc::kMalformed);
}

TEST_CASE("json: the canonical form has one spelling per value", "[base][json]") {
  const auto text = GENERATE(as<std::string>(), "{\"b\":1,\"a\":2}", "{ \"a\":1}", "[1, 2]", "1 ",
                             "-1", "9007199254740992", "1.0", "1e2", "\"\\u0041\"", "\"\\n\"",
                             "\"\\/\"", "\"\xc3\xa9\"", "\"\x7f\"", "{\"a\":1,\"a\":1}");
  INFO(text);
  CHECK(json::parse(text, {}, json::Form::kCanonical).error().code() == Errc::kMalformed);
  CHECK(json::split_object("{\"x\":" + text + "}", {}, json::Form::kCanonical).error().code() ==
        Errc::kMalformed);
}

TEST_CASE("json: limits refuse before they are passed", "[base][json]") {
  json::Limits limits;
  limits.bytes = 10;
  CHECK(json::parse("[12345678]", limits));
  CHECK(json::parse("[123456789]", limits).error().code() == Errc::kTooLarge);
  CHECK(json::split_object("{\"a\":12345}", limits, json::Form::kAny).error().code() ==
        Errc::kTooLarge);
  limits = {};
  limits.depth = 2;
  CHECK(json::parse("[[1]]", limits));
  CHECK(json::parse("[[[1]]]", limits).error().code() == Errc::kTooLarge);
  limits = {};
  limits.values = 3;
  CHECK(json::parse("[1,2]", limits));
  CHECK(json::parse("[1,2,3]", limits).error().code() == Errc::kTooLarge);
  CHECK(json::parse(R"({"a":1})", limits));
  CHECK(json::parse(R"({"a":1,"b":2})", limits).error().code() == Errc::kTooLarge);
}

TEST_CASE("json: every prefix of a text is refused", "[base][json]") {
  const std::string good = R"({"a":[1,{"b":"c\"d"}],"e":true})";
  REQUIRE(json::parse(good, {}, json::Form::kCanonical));
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK(json::parse(std::string_view(good).substr(0, n), {}).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("json: split_object gives the bytes as they were received", "[base][json]") {
  const std::string text = R"({"signatures":[{"a":1}],"signed":{"x":[1,2]}})";
  const auto slices = json::split_object(text, {}, json::Form::kCanonical);
  REQUIRE(slices);
  REQUIRE(slices->size() == 2);
  CHECK((*slices)[1].name == "signed");
  CHECK((*slices)[1].raw == R"({"x":[1,2]})");
  CHECK((*slices)[1].raw.data() == text.data() + text.find("{\"x\""));
  CHECK(json::split_object("[1]", {}, json::Form::kAny).error().code() == Errc::kMalformed);
}

TEST_CASE("json: objects stay sorted and without duplicates", "[base][json]") {
  json::Object object;
  object.set("b", 1);
  object.set("a", 2);
  object.set("b", 3);
  CHECK(json::write(object) == R"({"a":2,"b":3})");
  object.remove("a");
  CHECK(object.find("a") == nullptr);
  CHECK(object.size() == 1);
  CHECK(json::write_pretty(json::Value(object)) == "{\n  \"b\": 3\n}");
}

TEST_CASE("json: is_canonical names values no canonical text can hold", "[base][json]") {
  CHECK(json::is_canonical(json::Value("plain ~")));
  CHECK_FALSE(json::is_canonical(json::Value("new\nline")));
  CHECK_FALSE(json::is_canonical(json::Value(-1)));
  CHECK_FALSE(json::is_canonical(json::Value(std::int64_t{1} << 53)));
  CHECK_FALSE(json::is_canonical(json::Value(json::Real{"1.5"})));
  json::Object object;
  object.set("\xc3\xa9", 1);
  CHECK_FALSE(json::is_canonical(json::Value(object)));
  CHECK_FALSE(json::is_canonical(json::Value(json::Array{json::Value(-1)})));
}
