#include "hsm/key_facts.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::hsm;

namespace {

KeyFacts born() {
  KeyFacts f;
  f.label = "gw3";
  f.token_label = "release";
  f.is_private = f.sensitive = f.local = f.always_sensitive = f.never_extractable = true;
  f.may_sign = true;
  f.extractable = false;
  return f;
}

}  // namespace

TEST_CASE("custody is the level whose every attribute is proven", "[hsm]") {  // FORMAT 10.4.1
  struct Row {
    std::string_view why;
    std::optional<bool> KeyFacts::*member;
    std::optional<bool> value;
    Custody level;
  };
  const auto row = GENERATE(values<Row>({
      {"all good", &KeyFacts::may_sign, true, Custody::kTokenBorn},
      {"not private", &KeyFacts::is_private, false, Custody::kNone},
      {"private unknown", &KeyFacts::is_private, std::nullopt, Custody::kNone},
      {"not sensitive", &KeyFacts::sensitive, false, Custody::kNone},
      {"sensitive unknown", &KeyFacts::sensitive, std::nullopt, Custody::kNone},
      {"extractable", &KeyFacts::extractable, true, Custody::kNone},
      {"extractable unknown", &KeyFacts::extractable, std::nullopt, Custody::kNone},
      {"imported", &KeyFacts::local, false, Custody::kTokenPrivate},
      {"origin unknown", &KeyFacts::local, std::nullopt, Custody::kTokenPrivate},
      {"once not sensitive", &KeyFacts::always_sensitive, false, Custody::kTokenPrivate},
      {"once extractable", &KeyFacts::never_extractable, false, Custody::kTokenPrivate},
  }));
  INFO(row.why);
  auto facts = born();
  facts.*(row.member) = row.value;
  CHECK(custody_of(facts) == row.level);
}

TEST_CASE("attestation lifts only a key that was born in the token", "[hsm]") {  // FORMAT 10.4.1
  auto facts = born();
  facts.attested = true;
  CHECK(custody_of(facts) == Custody::kAttested);
  facts.local = false;
  CHECK(custody_of(facts) == Custody::kTokenPrivate);
}

TEST_CASE("software and external keys never have custody", "[hsm]") {  // FORMAT 10.4.1
  auto facts = born();
  facts.attested = true;
  facts.kind = KeyKind::kSoftware;
  CHECK(custody_of(facts) == Custody::kNone);
  CHECK_THAT(describe(facts), Catch::Contains("software key"));
  facts.kind = KeyKind::kExternal;
  CHECK(custody_of(facts) == Custody::kNone);
  CHECK_THAT(describe(facts), Catch::Contains("external key"));
}

TEST_CASE("a custody that is too low is refused with the reason", "[hsm]") {
  auto facts = born();
  CHECK(require_custody(facts, Custody::kTokenBorn));
  facts.local.reset();
  facts.never_extractable = false;
  const auto status = require_custody(facts, Custody::kTokenBorn);
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == Errc::kHsm);
  CHECK_THAT(status.error().what(),
             Catch::Contains("custody token_private, the role needs token_born: CKA_LOCAL unknown, "
                             "CKA_NEVER_EXTRACTABLE false"));
}

TEST_CASE("custody names read back", "[hsm]") {
  for (const auto c :
       {Custody::kNone, Custody::kTokenPrivate, Custody::kTokenBorn, Custody::kAttested}) {
    CHECK(*parse_custody(custody_name(c)) == c);
  }
  CHECK(parse_custody("good").error().code() == Errc::kMalformed);
}
