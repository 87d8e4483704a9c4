#include <catch2/catch.hpp>

#include "base/json.hpp"

using namespace pawl;

namespace {

struct Row {
  const char* why;
  std::string text;
};

Errc code_of(const std::string& text, json::Form form, const json::Limits& limits = {}) {
  const auto value = json::parse(text, limits, form);
  return value ? Errc::kUsage : value.error().code();
}

}  // namespace

TEST_CASE("json: what is not JSON is refused (FORMAT 1.1.1)", "[base][json]") {
  const auto row = GENERATE(
      Row{"empty", ""}, Row{"byte order mark", "\xef\xbb\xbf{}"}, Row{"bytes after", "{} x"},
      Row{"two values", "1 2"}, Row{"same name twice", R"({"a":1,"a":2})"},
      Row{"same name twice in an escape", R"({"a":1,"\u0061":2})"},
      Row{"lone high surrogate", R"(["\ud800"])"}, Row{"lone low surrogate", R"(["\udc00"])"},
      Row{"control character", "[\"a\nb\"]"}, Row{"bad UTF-8", "[\"\xff\"]"},
      Row{"overlong UTF-8", "[\"\xc0\xaf\"]"}, Row{"trailing comma", "[1,]"},
      Row{"leading zero", "[01]"}, Row{"plus", "[+1]"}, Row{"bare word", "[nul]"},
      Row{"single quotes", "['a']"}, Row{"open array", "[1"}, Row{"open string", "[\"a"});
  INFO(row.why);
  CHECK(code_of(row.text, json::Form::kAny) == Errc::kMalformed);
}

TEST_CASE("json: limits hold for bytes, nesting and values (FORMAT 1.1.2)", "[base][json]") {
  CHECK(code_of("[1,2,3]", json::Form::kAny, {7, 16, 100}) == Errc::kUsage);
  CHECK(code_of("[1,2,3]", json::Form::kAny, {6, 16, 100}) == Errc::kTooLarge);
  CHECK(code_of("[[1]]", json::Form::kAny, {100, 2, 100}) == Errc::kUsage);
  CHECK(code_of("[[1]]", json::Form::kAny, {100, 1, 100}) == Errc::kTooLarge);
  CHECK(code_of("[1,2,3]", json::Form::kAny, {100, 16, 4}) == Errc::kUsage);
  CHECK(code_of("[1,2,3]", json::Form::kAny, {100, 16, 3}) == Errc::kTooLarge);
  CHECK(code_of(std::string(10000, '['), json::Form::kAny) == Errc::kTooLarge);
  CHECK(json::Limits{}.bytes == 65536);
}

TEST_CASE("json: only integers of 64 bits are integers (FORMAT 1.1.3)", "[base][json]") {
  const auto value =
      json::parse("[9223372036854775807,9223372036854775808,1.0,1e3,-9223372036854775808]", {});
  REQUIRE(value);
  const auto& items = *value->array();
  CHECK(*items[0].integer() == INT64_MAX);
  CHECK(items[1].integer() == nullptr);
  CHECK(items[1].real()->text == "9223372036854775808");
  CHECK(items[2].integer() == nullptr);
  CHECK(items[3].real()->text == "1e3");
  CHECK(*items[4].integer() == INT64_MIN);
}

TEST_CASE("json: canonical text has no blanks, sorted members, one alphabet (FORMAT 1.2.1, 1.2.2)",
          "[base][json]") {
  const auto row = GENERATE(
      Row{"blank after colon", R"({"a": 1})"}, Row{"blank between items", "[1, 2]"},
      Row{"newline at the end", "{}\n"}, Row{"members not sorted", R"({"b":1,"a":2})"},
      Row{"shorter name second", R"({"aa":1,"a":2})"}, Row{"letter beyond ASCII", "[\"\xc3\xa9\"]"},
      Row{"delete character", "[\"\x7f\"]"}, Row{"escaped newline", R"(["\n"])"},
      Row{"escaped letter", R"(["\u0061"])"}, Row{"escaped slash", R"(["\/"])"});
  INFO(row.why);
  CHECK(code_of(row.text, json::Form::kCanonical) == Errc::kMalformed);
  CHECK(code_of(row.text, json::Form::kAny) == Errc::kUsage);
}

TEST_CASE("json: canonical numbers are 0 to 2^53-1 in one spelling (FORMAT 1.2.3)",
          "[base][json]") {
  CHECK(code_of("[0,9007199254740991]", json::Form::kCanonical) == Errc::kUsage);
  for (const auto* text : {"[9007199254740992]", "[-1]", "[-0]", "[1.5]", "[1.0]", "[1e3]", "[1E0]",
                           "[9223372036854775808]"}) {
    INFO(text);
    CHECK(code_of(text, json::Form::kCanonical) == Errc::kMalformed);
  }
}

TEST_CASE("json: every canonical text is what writing its value gives (FORMAT 1.2.4)",
          "[base][json]") {
  for (const std::string text :
       {R"({"a":[1,true,false,null,"x\"y\\z"],"b":{"c":{}}})", "[]", "0", "\"~ \""}) {
    const auto value = json::parse(text, {}, json::Form::kCanonical);
    REQUIRE(value);
    CHECK(json::write(*value) == text);
    CHECK(json::is_canonical(*value));
  }
  CHECK_FALSE(json::is_canonical(json::Value(-1)));
  CHECK_FALSE(json::is_canonical(json::Value(json::Real{"1.5"})));
  CHECK_FALSE(json::is_canonical(json::Value("\n")));
}

TEST_CASE("json: no truncated text is accepted", "[base][json]") {
  const std::string good = R"({"a":[1,true,null,"x\"\\"],"b":{"c":-1.5e3}})";
  for (std::size_t n = 0; n < good.size(); ++n) {
    INFO(n);
    REQUIRE(code_of(good.substr(0, n), json::Form::kAny) == Errc::kMalformed);
  }
}

TEST_CASE("json: split_object hands out the raw members in their order", "[base][json]") {
  const auto parts = json::split_object(R"({"b":[1, 2],"a":{"x":"}"}})", {}, json::Form::kAny);
  REQUIRE(parts);
  REQUIRE(parts->size() == 2);
  CHECK((*parts)[0].name == "b");
  CHECK((*parts)[0].raw == "[1, 2]");
  CHECK((*parts)[1].raw == R"({"x":"}"})");
  const json::Limits small{10, 8, 100};
  CHECK(json::split_object(R"({"a":12345})", small, json::Form::kAny).error().code() ==
        Errc::kTooLarge);
  CHECK(json::split_object("[1]", {}, json::Form::kAny).error().code() == Errc::kMalformed);
  CHECK(json::split_object("{}x", {}, json::Form::kAny).error().code() == Errc::kMalformed);
  CHECK(json::split_object(R"({"a":1,"a":2})", {}, json::Form::kAny).error().code() ==
        Errc::kMalformed);
  CHECK(json::split_object(R"({"a": 1})", {}, json::Form::kCanonical).error().code() ==
        Errc::kMalformed);
}
