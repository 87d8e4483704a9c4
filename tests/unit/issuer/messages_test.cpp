#include "issuer/messages.hpp"

#include <catch2/catch.hpp>

#include "base/base64.hpp"

using namespace pawl;
using namespace pawl::issuer;

namespace {

std::string text64(std::size_t size) {
  return to_base64(Bytes(size, 1), Base64::kStandard);
}

json::Object good_start() {
  json::Object out;
  out.set("binding", "quote");
  out.set("ek_public", text64(314));
  out.set("ak_public", text64(88));
  out.set("svid_public", text64(91));
  out.set("ek_certificates", json::Array{text64(900), text64(901)});
  return out;
}

json::Object good_finish() {
  json::Object pcrs;
  pcrs.set("0", std::string(64, '0'));
  pcrs.set("23", std::string(64, 'a'));
  json::Object out;
  out.set("session", std::string(64, '7'));
  out.set("activated", text64(32));
  out.set("quote", text64(145));
  out.set("quote_signature", text64(72));
  out.set("pcrs", std::move(pcrs));
  out.set("svid_signature", text64(71));
  return out;
}

struct Row {
  const char* why;
  const char* member;
  json::Value value;
  Errc code = Errc::kMalformed;
};

}  // namespace

TEST_CASE("Start request: what it holds (FORMAT 13.2.2)", "[issuer][messages]") {
  const auto request = parse_start_request(json::write(good_start()));
  REQUIRE(request);
  CHECK(request->ek_public.size() == 314);
  CHECK(request->ak_public.size() == 88);
  CHECK(request->svid_public.size() == 91);
  REQUIRE(request->ek_certificates.size() == 2);
  CHECK(request->ek_certificates[1].size() == 901);
  auto without = good_start();
  without.remove("ek_certificates");
  CHECK(parse_start_request(json::write(without))->ek_certificates.empty());
}

TEST_CASE("Start request: every wrong member is refused (FORMAT 13.2.2)", "[issuer][messages]") {
  const Row rows[] = {
      {"another binding", "binding", "certify"},
      {"a binding that is no text", "binding", 1},
      {"a number for bytes", "ek_public", 5},
      {"no base64", "ek_public", "!!!!"},
      {"base64 of the other alphabet", "ak_public", "-_-_"},
      {"blanks in base64", "ak_public", "AQEB AQEB"},
      {"nothing", "svid_public", ""},
      {"an EK over 1 KiB", "ek_public", text64(1025), Errc::kTooLarge},
      {"an AK over 1 KiB", "ak_public", text64(1025), Errc::kTooLarge},
      {"an SVID key over 512 bytes", "svid_public", text64(513), Errc::kTooLarge},
      {"certificates that are no array", "ek_certificates", text64(900)},
      {"a certificate that is no text", "ek_certificates", json::Array{1}},
      {"an empty certificate", "ek_certificates", json::Array{""}},
      {"a certificate over 8 KiB", "ek_certificates", json::Array{text64(8193)}, Errc::kTooLarge},
      {"ten certificates", "ek_certificates", json::Array(10, json::Value(text64(10))),
       Errc::kTooLarge},
  };
  for (const auto& row : rows) {
    auto body = good_start();
    body.set(row.member, row.value);
    INFO(row.why);
    const auto request = parse_start_request(json::write(body));
    REQUIRE_FALSE(request);
    CHECK(request.error().code() == row.code);
  }
  for (const auto* name : {"binding", "ek_public", "ak_public", "svid_public"}) {
    auto body = good_start();
    body.remove(name);
    INFO(name);
    CHECK(parse_start_request(json::write(body)).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("Finish request: what it holds (FORMAT 13.2.4)", "[issuer][messages]") {
  const auto request = parse_finish_request(json::write(good_finish()));
  REQUIRE(request);
  CHECK(to_hex(request->session) == std::string(64, '7'));
  CHECK(request->activated.size() == 32);
  CHECK(request->quote.attest.size() == 145);
  CHECK(request->quote.signature.size() == 72);
  CHECK(to_hex(request->quote.pcrs[23]) == std::string(64, 'a'));
  CHECK(request->svid_signature.size() == 71);
}

TEST_CASE("Finish request: every wrong member is refused (FORMAT 13.2.4)", "[issuer][messages]") {
  const auto pcr = [](const char* name, json::Value value) {
    json::Object out;
    out.set(name, std::move(value));
    return json::Value(std::move(out));
  };
  const Row rows[] = {
      {"a short session", "session", std::string(62, '7')},
      {"a session in upper case", "session", std::string(64, 'A')},
      {"an activated secret over 64 bytes", "activated", text64(65), Errc::kTooLarge},
      {"an empty secret", "activated", ""},
      {"a quote over 1 KiB", "quote", text64(1025), Errc::kTooLarge},
      {"a signature over 256 bytes", "quote_signature", text64(257), Errc::kTooLarge},
      {"an SVID signature over 128 bytes", "svid_signature", text64(129), Errc::kTooLarge},
      {"PCRs as an array", "pcrs", json::Array{}},
      {"PCR 24", "pcrs", pcr("24", std::string(64, '0'))},
      {"PCR 01", "pcrs", pcr("01", std::string(64, '0'))},
      {"PCR +1", "pcrs", pcr("+1", std::string(64, '0'))},
      {"PCR without a number", "pcrs", pcr("", std::string(64, '0'))},
      {"a short PCR value", "pcrs", pcr("1", std::string(40, '0'))},
      {"a PCR value that is a number", "pcrs", pcr("1", 0)},
  };
  for (const auto& row : rows) {
    auto body = good_finish();
    body.set(row.member, row.value);
    INFO(row.why);
    const auto request = parse_finish_request(json::write(body));
    REQUIRE_FALSE(request);
    CHECK(request.error().code() == row.code);
  }
  const auto whole = good_finish();
  for (const auto& member : whole.members()) {
    auto body = good_finish();
    body.remove(member.name);
    INFO(member.name);
    CHECK(parse_finish_request(json::write(body)).error().code() == Errc::kMalformed);
  }
}

TEST_CASE("Enrolment bodies: cut anywhere, they are refused", "[issuer][messages]") {
  const auto start = json::write(good_start());
  const auto finish = json::write(good_finish());
  for (std::size_t n = 0; n < start.size(); n += 7) {
    REQUIRE(parse_start_request(start.substr(0, n)).error().code() == Errc::kMalformed);
  }
  for (std::size_t n = 0; n < finish.size(); ++n) {
    REQUIRE(parse_finish_request(finish.substr(0, n)).error().code() == Errc::kMalformed);
  }
  CHECK(parse_start_request("[]").error().code() == Errc::kMalformed);
  CHECK(parse_start_request(std::string(65537, ' ')).error().code() == Errc::kTooLarge);
  CHECK(parse_start_request(R"({"binding":"quote","binding":"quote"})").error().code() ==
        Errc::kMalformed);
}
