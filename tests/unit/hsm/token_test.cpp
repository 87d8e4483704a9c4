#include "hsm/token.hpp"

#include <catch2/catch.hpp>

#include "hsm/ckr.hpp"

using namespace pawl;
using namespace pawl::hsm;

namespace {

Token named(const std::string& label, const std::string& serial) {
  Token t;
  t.label = label;
  t.serial = serial;
  return t;
}

}  // namespace

TEST_CASE("a URI must mean exactly one token", "[hsm]") {  // FORMAT 10.1.7
  const std::vector tokens{named("a", "1"), named("b", "2"), named("b", "3")};
  Uri uri;
  uri.token = "a";
  CHECK(choose_token(tokens, uri)->serial == "1");
  uri.token = "b";
  const auto two = choose_token(tokens, uri);
  REQUIRE_FALSE(two);
  CHECK_THAT(two.error().what(), Catch::Contains("'b' (serial '2'), 'b' (serial '3')"));
  uri.serial = "3";
  CHECK(choose_token(tokens, uri)->serial == "3");
  uri.serial = "4";
  CHECK_THAT(choose_token(tokens, uri).error().what(), Catch::Contains("no token matches"));
  CHECK_THAT(choose_token({}, uri).error().what(), Catch::Contains("no token"));
  CHECK(choose_token({}, uri).error().code() == Errc::kHsm);
}

TEST_CASE("every token attribute of a URI must agree", "[hsm]") {
  struct Row {
    std::optional<std::string> Uri::*wanted;
    std::string Token::*found;
  };
  const auto row = GENERATE(values<Row>({{&Uri::token, &Token::label},
                                         {&Uri::serial, &Token::serial},
                                         {&Uri::model, &Token::model},
                                         {&Uri::manufacturer, &Token::manufacturer},
                                         {&Uri::slot_description, &Token::slot_description},
                                         {&Uri::slot_manufacturer, &Token::slot_manufacturer}}));
  Token token;
  Uri uri;
  CHECK(matches(uri, token));
  uri.*(row.wanted) = "x";
  CHECK_FALSE(matches(uri, token));
  token.*(row.found) = "x";
  CHECK(matches(uri, token));
}

TEST_CASE("a slot number of a URI must agree", "[hsm]") {
  Token token;
  token.slot_id = 12;
  Uri uri;
  uri.slot_id = "12";
  CHECK(matches(uri, token));
  uri.slot_id = "1";
  CHECK_FALSE(matches(uri, token));
}

TEST_CASE("the message limit follows model and firmware", "[hsm]") {  // FORMAT 10.6.3
  struct Row {
    std::string model;
    unsigned major, minor;
    std::size_t limit;
  };
  const auto row = GENERATE(values<Row>({{"YubiHSM", 2, 40, 3114},
                                         {"YubiHSM", 2, 39, 2026},
                                         {"YubiHSM", 2, 10, 2026},
                                         {"YubiHSM", 1, 90, 2026},
                                         {"YubiHSM", 3, 0, 3114},
                                         {"SoftHSM v2", 2, 6, kMaxMessage}}));
  Token token;
  token.model = row.model;
  token.firmware_major = row.major;
  token.firmware_minor = row.minor;
  CHECK(message_limit(token) == row.limit);
}

TEST_CASE("every return value of a token has a name and the common ones a hint", "[hsm]") {
  CHECK(ckr_name(0xa0) == "CKR_PIN_INCORRECT");
  CHECK(ckr_name(0x200) == "CKR_FUNCTION_REJECTED");
  CHECK(ckr_name(0x80000001) == "CKR_VENDOR_DEFINED");
  CHECK(ckr_name(0x7777) == "CKR_UNKNOWN");
  for (Ckr rv = 1; rv <= 0x203; ++rv) {
    if (ckr_name(rv) == "CKR_UNKNOWN" || rv == 0x08) continue;
    INFO(rv);
    CHECK_FALSE(ckr_hint(rv).empty());
  }
  const auto error = ckr_error("C_Login", 0xa0);
  CHECK(error.code() == Errc::kHsm);
  CHECK(error.raw() == 0xa0);
  CHECK(error.what() == "C_Login: CKR_PIN_INCORRECT (0xa0)");
  CHECK_THAT(error.hint(), Catch::Contains("no second try"));
  CHECK(ckr_error("C_Sign", 0x150).code() == Errc::kTooLarge);
  CHECK(ckr_error("C_Sign", 0x21).code() == Errc::kTooLarge);
}
