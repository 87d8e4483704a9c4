#include "hsm/broker_wire.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::hsm;

namespace {

Token some_token() {
  Token t;
  t.slot_id = 0x123456789;
  t.label = "release";
  t.manufacturer = "m";
  t.model = "YubiHSM";
  t.serial = "07550054";
  t.slot_description = "d";
  t.slot_manufacturer = "s";
  t.firmware_major = 2;
  t.firmware_minor = 40;
  t.pin = PinState::kFinalTry;
  t.min_pin = 4;
  t.max_pin = 64;
  t.login_required = false;
  t.protected_path = true;
  t.write_protected = true;
  return t;
}

wire::KeyReport some_key() {
  wire::KeyReport key;
  key.number = 7;
  key.public_key.bytes[3] = 9;
  key.facts.label = "gw3";
  key.facts.id = {0, 0xff};
  key.facts.token_label = "release";
  key.facts.token_serial = "1";
  key.facts.token_model = "x";
  key.facts.is_private = true;
  key.facts.extractable = false;
  return key;
}

Survey some_survey() {
  Survey out;
  out.module = {"/usr/lib/x.so", "m", "d", 2, 6};
  out.signs_ed25519 = true;
  out.point = PointForm::kBitString;
  return out;
}

template <class T, class Put>
Bytes written(const T& value, Put put) {
  Writer out;
  put(out, value);
  return std::move(out).take();
}

}  // namespace

TEST_CASE("a token and a key cross the broker's socket whole", "[hsm]") {  // FORMAT 10.7.3
  const auto token_bytes = written(some_token(), wire::put_token);
  Reader token_in(token_bytes);
  const auto token = wire::take_token(token_in);
  REQUIRE(token);
  CHECK(token_in.empty());
  CHECK(written(*token, wire::put_token) == token_bytes);
  CHECK(token->pin == PinState::kFinalTry);
  CHECK(token->serial == "07550054");
  CHECK(token->protected_path);
  CHECK_FALSE(token->login_required);

  const auto key_bytes = written(some_key(), wire::put_key);
  Reader key_in(key_bytes);
  const auto key = wire::take_key(key_in);
  REQUIRE(key);
  CHECK(key_in.empty());
  CHECK(written(*key, wire::put_key) == key_bytes);
  CHECK(key->facts.extractable == false);
  CHECK_FALSE(key->facts.local);
}

TEST_CASE("a survey crosses the broker's socket whole, cut or spoilt it is refused", "[hsm]") {
  const auto bytes = written(some_survey(), wire::put_survey);  // FORMAT 10.7.3
  Reader in(bytes);
  const auto survey = wire::take_survey(in);
  REQUIRE(survey);
  CHECK(in.empty());
  CHECK(written(*survey, wire::put_survey) == bytes);
  CHECK(survey->module.path == "/usr/lib/x.so");
  CHECK(survey->signs_ed25519);
  CHECK_FALSE(survey->makes_ed25519);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    Reader cut(ByteView(bytes).first(n));
    CHECK(wire::take_survey(cut).error().code() == Errc::kMalformed);
  }
  auto unknown = bytes;
  unknown.back() = 5;
  Reader form_in(unknown);
  CHECK(wire::take_survey(form_in).error().code() == Errc::kMalformed);
}

TEST_CASE("an error keeps code, number, text and hint", "[hsm]") {  // FORMAT 10.7.2
  const auto reply =
      wire::error_reply(fail(Errc::kTooLarge, "too long", -3).with_hint("make it shorter"));
  const auto opened = wire::open_reply(reply);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code() == Errc::kTooLarge);
  CHECK(opened.error().what() == "too long");
  CHECK(opened.error().hint() == "make it shorter");
  CHECK(opened.error().raw() == -3);
}

TEST_CASE("cut or spoilt replies of the broker are refused", "[hsm]") {  // FORMAT 10.7.2, 10.7.3
  const auto token = written(some_token(), wire::put_token);
  for (std::size_t n = 0; n < token.size(); ++n) {
    Reader in(ByteView(token).first(n));
    CHECK(wire::take_token(in).error().code() == Errc::kMalformed);
  }
  const auto key = written(some_key(), wire::put_key);
  for (std::size_t n = 0; n < key.size(); ++n) {
    Reader in(ByteView(key).first(n));
    CHECK(wire::take_key(in).error().code() == Errc::kMalformed);
  }
  const auto error = wire::error_reply(fail(Errc::kHsm, "a", 1).with_hint("b"));
  for (std::size_t n = 0; n < error.size(); ++n) {
    CHECK(wire::open_reply(ByteView(error).first(n)).error().code() == Errc::kMalformed);
  }
  auto longer = error;
  longer.push_back(0);
  CHECK(wire::open_reply(longer).error().code() == Errc::kMalformed);
  CHECK(wire::open_reply(Bytes{2}).error().code() == Errc::kMalformed);
  auto unknown_code = error;
  unknown_code[1] = 99;
  CHECK(wire::open_reply(unknown_code).error().code() == Errc::kMalformed);
  auto bad_flag = key;
  bad_flag.back() = 3;
  Reader flag_in(bad_flag);
  CHECK(wire::take_key(flag_in).error().code() == Errc::kMalformed);
  auto bad_bool = token;
  bad_bool.back() = 2;
  Reader bool_in(bad_bool);
  CHECK(wire::take_token(bool_in).error().code() == Errc::kMalformed);
  const Bytes long_text{0xff, 0xff, 0, 0};
  Reader text_in(long_text);
  CHECK(wire::take_text(text_in).error().code() == Errc::kTooLarge);
}
