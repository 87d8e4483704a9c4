#include "bootloader-hooks/boot_state.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::boot;

namespace {

BootState parsed(std::string_view text) {
  auto state = BootState::parse(text);
  REQUIRE(state);
  return *state;
}

}  // namespace

TEST_CASE("boot state: every state is written as it was read (FORMAT 5.1.1)", "[boot][state]") {
  const auto* text =
      GENERATE("primary=a trial=- tries=0 bad=-\n", "primary=a trial=b tries=3 bad=-\n",
               "primary=b trial=a tries=0 bad=-\n", "primary=b trial=- tries=0 bad=a\n");
  CHECK(parsed(text).format() == text);
}

TEST_CASE("boot state: other spellings are refused (FORMAT 5.1.2)", "[boot][state]") {
  struct Row {
    const char* why;
    const char* text;
    const char* says;
  };
  const auto row =
      GENERATE(Row{"empty", "", "no end of line"},
               Row{"no newline", "primary=a trial=- tries=0 bad=-", "no end of line"},
               Row{"two lines", "primary=a trial=- tries=0 bad=-\n\n", "bad must be"},
               Row{"other order", "trial=- primary=a tries=0 bad=-\n", "expected primary="},
               Row{"two blanks", "primary=a  trial=- tries=0 bad=-\n", "expected trial="},
               Row{"blank at the end", "primary=a trial=- tries=0 bad=- \n", "text after"},
               Row{"more text", "primary=a trial=- tries=0 bad=- x=1\n", "text after"},
               Row{"no bad", "primary=a trial=- tries=0\n", "expected bad="},
               Row{"third slot", "primary=c trial=- tries=0 bad=-\n", "slot must be a or b"},
               Row{"capital", "primary=A trial=- tries=0 bad=-\n", "slot must be a or b"},
               Row{"trial c", "primary=a trial=c tries=0 bad=-\n", "slot must be a or b"},
               Row{"ten tries", "primary=a trial=b tries=10 bad=-\n", "tries must be"},
               Row{"negative tries", "primary=a trial=b tries=-1 bad=-\n", "tries must be"},
               Row{"no tries", "primary=a trial=b tries= bad=-\n", "tries must be"},
               Row{"bad ba", "primary=a trial=- tries=0 bad=ba\n", "bad must be"});
  INFO(row.why);
  const auto state = BootState::parse(row.text);
  REQUIRE_FALSE(state);
  CHECK(state.error().code() == Errc::kMalformed);
  CHECK_THAT(state.error().what(), Catch::Contains(row.says));
}

TEST_CASE("boot state: contradictions are refused (FORMAT 5.1.3)", "[boot][state]") {
  struct Row {
    const char* text;
    const char* says;
  };
  const auto row = GENERATE(Row{"primary=a trial=- tries=0 bad=a\n", "primary slot is marked bad"},
                            Row{"primary=a trial=- tries=0 bad=ab\n", "primary slot is marked bad"},
                            Row{"primary=a trial=- tries=1 bad=-\n", "tries without a trial"},
                            Row{"primary=a trial=a tries=1 bad=-\n", "primary slot is on trial"},
                            Row{"primary=a trial=b tries=1 bad=b\n", "trial slot is marked bad"});
  const auto state = BootState::parse(row.text);
  REQUIRE_FALSE(state);
  CHECK(state.error().code() == Errc::kMalformed);
  CHECK_THAT(state.error().what(), Catch::Contains(row.says));
}

TEST_CASE("boot state: truncations are malformed, long text is too large", "[boot][state]") {
  const std::string good = "primary=a trial=b tries=3 bad=-\n";
  for (std::size_t n = 0; n < good.size(); ++n) {
    INFO(n);
    const auto state = BootState::parse(std::string_view(good).substr(0, n));
    REQUIRE_FALSE(state);
    CHECK(state.error().code() == Errc::kMalformed);
  }
  CHECK(BootState::parse(std::string(65, 'p')).error().code() == Errc::kTooLarge);
}

TEST_CASE("boot state: transitions (FORMAT 5.1.4)", "[boot][state]") {
  const auto a = parsed("primary=a trial=- tries=0 bad=b\n");
  const auto armed = after_try_once(a, Slot::kB, Tries(3));
  REQUIRE(armed);
  CHECK(armed->format() == "primary=a trial=b tries=3 bad=-\n");
  CHECK(armed->state(Slot::kB) == SlotState{SlotCondition::kTrial, Tries(3)});
  CHECK(armed->state(Slot::kA) == SlotState{SlotCondition::kGood, Tries(0)});
  CHECK(after_commit(*armed, Slot::kB).format() == "primary=b trial=- tries=0 bad=-\n");
  CHECK(after_commit(*armed, Slot::kA).format() == "primary=a trial=- tries=0 bad=-\n");
  CHECK(after_mark_bad(*armed, Slot::kB)->format() == "primary=a trial=- tries=0 bad=b\n");
  CHECK(after_mark_good(*armed, Slot::kB).format() == "primary=a trial=- tries=0 bad=-\n");
  CHECK(after_mark_good(a, Slot::kB).format() == "primary=a trial=- tries=0 bad=-\n");
  CHECK(a.state(Slot::kB).condition == SlotCondition::kBad);
  CHECK(after_commit(a, Slot::kB).format() == "primary=b trial=- tries=0 bad=-\n");
}

TEST_CASE("boot state: the primary is neither tried nor marked bad", "[boot][state]") {
  const auto a = parsed("primary=a trial=- tries=0 bad=-\n");
  CHECK(after_try_once(a, Slot::kA, Tries(3)).error().code() == Errc::kBootloader);
  CHECK(after_mark_bad(a, Slot::kA).error().code() == Errc::kBootloader);
  CHECK(after_try_once(a, Slot::kB, Tries(0)).error().code() == Errc::kUsage);
  CHECK(after_try_once(a, Slot::kB, Tries(10)).error().code() == Errc::kUsage);
}
