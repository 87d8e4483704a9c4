#include "updater/enroll_messages.hpp"

#include <catch2/catch.hpp>

#include "fakes/edit_json.hpp"
#include "updater/enroll_tpm.hpp"

using namespace pawl;
using namespace pawl::updater;
using fakes::Edit;
using fakes::edit_json;

namespace {

template <class T>
void check_refused(const T& parse, const std::string& good, const std::vector<Edit>& edits) {
  REQUIRE(parse(good));
  for (const auto& edit : edits) {
    INFO(edit.path);
    const auto parsed = parse(edit_json(good, edit));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kMalformed);
  }
  for (const auto* text : {"", "[]", "1", "{}"}) {
    INFO(text);
    const auto parsed = parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kMalformed);
  }
}

}  // namespace

TEST_CASE("enrolment: what the issuer answers first has three members (FORMAT 13.2)",
          "[updater][enroll]") {
  const auto good =
      R"({"credential":"AA==","secret":"AA==","session":")" + std::string(64, '0') + R"("})";
  check_refused(&StartedEnrolment::parse, good,
                {{"session", std::nullopt},
                 {"session", json::Value(1)},
                 {"session", json::Value("00")},
                 {"credential", std::nullopt},
                 {"credential", json::Value("?")},
                 {"secret", json::Value(1)}});
}

TEST_CASE("enrolment: what the issuer answers last is a chain and a bundle (FORMAT 13.2)",
          "[updater][enroll]") {
  check_refused(&FinishedEnrolment::parse, R"({"bundle":{"keys":[]},"svid_chain_pem":"x"})",
                {{"bundle", std::nullopt},
                 {"bundle", json::Value("{}")},
                 {"svid_chain_pem", std::nullopt},
                 {"svid_chain_pem", json::Value(1)}});
}

TEST_CASE("enrolment: the file of the attestation key has four members (FORMAT 13.7)",
          "[updater][enroll]") {
  KeptAk kept;
  kept.key = {Bytes{1}, Bytes{2}};
  check_refused(&parse_ak, write_ak(kept),
                {{"format", json::Value(2)},
                 {"format", json::Value("1")},
                 {"format", std::nullopt},
                 {"more", json::Value(1)},
                 {"srk", std::nullopt},
                 {"srk", json::Value("00")},
                 {"private", json::Value(1)},
                 {"public", std::nullopt}});
}
