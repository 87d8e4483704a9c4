#include "distributor/messages.hpp"

#include <catch2/catch.hpp>

#include "base/bytes.hpp"

using namespace pawl;
using namespace pawl::distributor;

namespace {

const std::string kDigest(64, 'c');
const std::string kCheck =
    R"({"slot":"b","release_counter":7,"security_version":3,"boot_id":"11f0-9A","root":2,"etag":")" +
    kDigest + R"("})";

std::string record(const std::string& seq = "5") {
  return R"({"seq":)" + seq + R"(,"release_counter":7,"manifest_sha256":")" + kDigest +
         R"(","step":"committed","code":0,"boot_id":"b","time":"2026-11-20T12:00:00Z","detail":"ok"})";
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string records(const std::string& list) {
  return "{\"records\":[" + list + "]}";
}

}  // namespace

TEST_CASE("check: a body says what runs (FORMAT 12.4.1)", "[distributor][messages]") {
  const auto check = parse_check(kCheck);
  REQUIRE(check);
  CHECK(check->slot == Slot::kB);
  CHECK(check->release_counter == ReleaseCounter(7));
  CHECK(check->security_version == SecurityVersion(3));
  CHECK(check->root == MetadataVersion(2));
  CHECK(check->boot_id == "11f0-9A");
  CHECK(check->etag == kDigest);
  CHECK(parse_check(with(kCheck, kDigest, ""))->etag.empty());
  CHECK(parse_check(with(kCheck, "{", R"({"later":[1],)")));  // from a newer device
}

TEST_CASE("check: what is missing or wrong is refused (FORMAT 12.4.1)", "[distributor][messages]") {
  const std::pair<const char*, std::string> rows[] = {
      {"slot c", with(kCheck, "\"b\"", "\"c\"")},
      {"slot as a number", with(kCheck, "\"b\"", "1")},
      {"no slot", with(kCheck, "\"slot\"", "\"slow\"")},
      {"a negative counter", with(kCheck, ":7", ":-7")},
      {"a counter over 53 bits", with(kCheck, ":7", ":9007199254740992")},
      {"a counter with a fraction", with(kCheck, ":7", ":7.5")},
      {"a counter as text", with(kCheck, ":7", ":\"7\"")},
      {"no security version", with(kCheck, "security_version", "security")},
      {"root 0", with(kCheck, "\"root\":2", "\"root\":0")},
      {"a boot id with a blank", with(kCheck, "11f0-9A", "11 f0")},
      {"a long boot id", with(kCheck, "11f0-9A", std::string(65, 'a'))},
      {"an etag in upper case", with(kCheck, kDigest, std::string(64, 'C'))},
      {"a short etag", with(kCheck, kDigest, kDigest.substr(1))},
      {"a member twice", with(kCheck, "{", R"({"slot":"a",)")},
      {"a list", "[]"},
      {"nothing", ""}};
  for (const auto& [why, body] : rows) {
    INFO(why);
    REQUIRE_FALSE(parse_check(body));
    CHECK(parse_check(body).error().code() == Errc::kMalformed);
  }
  for (std::size_t n = 0; n < kCheck.size(); ++n) CHECK_FALSE(parse_check(kCheck.substr(0, n)));
  const auto long_body = with(kCheck, "{", "{\"x\":\"" + std::string(1024, 'x') + "\",");
  CHECK(parse_check(long_body).error().code() == Errc::kTooLarge);
}

TEST_CASE("status: records with rising numbers (FORMAT 12.4.3)", "[distributor][messages]") {
  const auto parsed = parse_status(records(record("5") + "," + record("9")));
  REQUIRE(parsed);
  REQUIRE(parsed->size() == 2);
  const auto& first = parsed->front();
  CHECK(first.seq == 5);
  CHECK(first.release_counter == ReleaseCounter(7));
  CHECK(to_hex(first.manifest) == kDigest);
  CHECK(first.step == Step::kCommitted);
  CHECK(first.code == 0);
  CHECK(first.time == *parse_utc("2026-11-20T12:00:00Z"));
  CHECK(first.detail == "ok");
  for (const auto* name : {"offered", "downloading", "verified", "staged", "rebooting", "trial",
                           "committed", "reverted", "failed"}) {
    const auto one = parse_status(records(with(record(), "committed", name)));
    REQUIRE(one);
    CHECK(step_name(one->front().step) == name);
  }
}

TEST_CASE("status: what is missing or wrong is refused (FORMAT 12.4.3)",
          "[distributor][messages]") {
  const std::pair<const char*, std::string> rows[] = {
      {"no records", "{}"},
      {"an empty list", records("")},
      {"records as an object", "{\"records\":{}}"},
      {"a number for a record", records("1")},
      {"the same number twice", records(record("5") + "," + record("5"))},
      {"falling numbers", records(record("5") + "," + record("4"))},
      {"number 0", records(record("0"))},
      {"a number over 53 bits", records(record("9007199254740992"))},
      {"a short digest", records(with(record(), kDigest, kDigest.substr(2)))},
      {"a step only the server sets", records(with(record(), "committed", "attested"))},
      {"an unknown step", records(with(record(), "committed", "done"))},
      {"code 256", records(with(record(), "\"code\":0", "\"code\":256"))},
      {"code -1", records(with(record(), "\"code\":0", "\"code\":-1"))},
      {"a time with an offset", records(with(record(), "00Z", "00+01:00"))},
      {"no detail", records(with(record(), "detail", "details"))},
      {"no boot id", records(with(record(), "boot_id", "boot"))}};
  for (const auto& [why, body] : rows) {
    INFO(why);
    REQUIRE_FALSE(parse_status(body));
    CHECK(parse_status(body).error().code() == Errc::kMalformed);
  }
  std::string many = record("1");
  for (int i = 2; i <= 64; ++i) many += "," + record(std::to_string(i));
  CHECK(parse_status(records(many))->size() == 64);
  CHECK(parse_status(records(many + "," + record("65"))).error().code() == Errc::kTooLarge);
  const auto detail = [](std::size_t size) {
    return records(with(record(), "\"ok\"", "\"" + std::string(size, 'x') + "\""));
  };
  CHECK(parse_status(detail(1024)));
  CHECK(parse_status(detail(1025)).error().code() == Errc::kTooLarge);
  const auto good = records(record());
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(parse_status(good.substr(0, n)));
}

TEST_CASE("check: the answer names metadata, offer and pace (FORMAT 12.4.2)",
          "[distributor][messages]") {
  CHECK(write_check_answer(kDigest, nullptr, Seconds(60)) ==
        R"({"meta":")" + kDigest + R"(","poll_after_s":60})");
  const Offer offer{"lamp", "1.2.0", ReleaseCounter(8), *fixed_from_hex<Sha256Digest>(kDigest)};
  CHECK(write_check_answer("", &offer, Seconds(60)) ==
        R"({"meta":"","offer":{"manifest_sha256":")" + kDigest +
            R"(","product":"lamp","version":"1.2.0"},"poll_after_s":60})");
}
