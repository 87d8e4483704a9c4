#include "tpm/event_log.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "tests/fakes/event_log_builder.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using fakes::EventLogBuilder;

namespace {

Sha256Digest digest_of(std::string_view text) {
  return sha256(as_bytes(text));
}

Sha256Digest chained(std::initializer_list<std::string_view> texts, std::uint8_t first = 0) {
  Bytes pcr(32);
  pcr[31] = first;
  for (const auto text : texts) {
    const auto d = digest_of(text);
    pcr.insert(pcr.end(), d.bytes.begin(), d.bytes.end());
    const auto next = sha256(pcr);
    pcr.assign(next.bytes.begin(), next.bytes.end());
  }
  Sha256Digest out;
  std::copy(pcr.begin(), pcr.end(), out.bytes.begin());
  return out;
}

constexpr std::size_t kSpecData = 32;                           // offset of the first event's data
constexpr std::size_t kFirst = kSpecData + 16 + 8 + 4 + 8 + 1;  // offset of the second event

void put32(Bytes& b, std::size_t at, std::uint32_t v) {
  for (unsigned i = 0; i < 4; ++i) b[at + i] = static_cast<std::uint8_t>(v >> (8U * i));
}

Bytes good() {
  return EventLogBuilder().event(4, "a").event(11, "b").event(4, "c").build();
}

}  // namespace

TEST_CASE("An event log is parsed and replayed bank by bank (FORMAT 6.3)", "[tpm][eventlog]") {
  const auto log = tpm::parse_event_log(good());
  REQUIRE(log);
  REQUIRE(log->events.size() == 3);
  CHECK(log->events[1] == tpm::Event{11, digest_of("b")});
  const auto pcrs = tpm::replay(*log);
  CHECK(pcrs[4] == chained({"a", "c"}));
  CHECK(pcrs[11] == chained({"b"}));
  CHECK(pcrs[0] == Sha256Digest{});
}

// FORMAT 6.3.4
TEST_CASE("Events of type EV_NO_ACTION extend nothing", "[tpm][eventlog]") {
  const auto log = tpm::parse_event_log(
      EventLogBuilder().event(4, digest_of("ignored"), 3, "note").event(4, "a").build());
  REQUIRE(log);
  CHECK(log->events.size() == 1);
}

TEST_CASE("The startup locality is the first value of PCR 0 (FORMAT 6.3.5)", "[tpm][eventlog]") {
  const auto with = [](std::uint8_t locality) {
    const std::string data = std::string("StartupLocality\0", 16) + static_cast<char>(locality);
    return EventLogBuilder().event(0, {}, 3, data).event(0, "crtm").build();
  };
  const auto log = tpm::parse_event_log(with(3));
  REQUIRE(log);
  CHECK(tpm::replay(*log)[0] == chained({"crtm"}, 3));
  CHECK(tpm::parse_event_log(with(2)).error().code() == Errc::kMalformed);
  const auto late = EventLogBuilder()
                        .event(0, "crtm")
                        .event(0, {}, 3, std::string("StartupLocality\0", 16) + '\3')
                        .build();
  CHECK(tpm::parse_event_log(late).error().code() == Errc::kMalformed);
  const auto longer =
      EventLogBuilder().event(0, {}, 3, std::string("StartupLocality\0", 16) + "\3\3").build();
  CHECK(tpm::parse_event_log(longer).error().code() == Errc::kMalformed);
}

TEST_CASE("An event log without SHA-256 digests is refused by name", "[tpm][eventlog]") {
  const auto log = tpm::parse_event_log(EventLogBuilder({{0x0004, 20}}).event(4, "a").build());
  REQUIRE_FALSE(log);
  CHECK(tpm::fault_of(log.error()) == tpm::Fault::kNoSha256Bank);
}

// FORMAT 6.3.1, 6.3.2, 6.3.3
TEST_CASE("Damaged event logs are refused (FORMAT 6.3)", "[tpm][eventlog]") {
  struct Row {
    const char* why;
    std::function<Bytes()> log;
    Errc code;
    const char* text;
  };
  const auto damage = [](std::size_t at, std::uint32_t v) {
    return [=] {
      auto b = good();
      put32(b, at, v);
      return b;
    };
  };
  using Banks = std::vector<std::pair<std::uint16_t, std::uint16_t>>;
  const auto r = GENERATE_COPY(values<Row>({
      {"first event of another PCR", damage(0, 1), Errc::kMalformed, "own description"},
      {"first event of another type", damage(4, 8), Errc::kMalformed, "own description"},
      {"old format", damage(kSpecData, 0), Errc::kMalformed, "crypto-agile"},
      {"no banks", damage(kSpecData + 24, 0), Errc::kMalformed, "0 banks"},
      {"nine banks", damage(kSpecData + 24, 9), Errc::kMalformed, "9 banks"},
      {"vendor data too short",
       [] {
         auto b = good();
         b[kSpecData + 36] = 200;
         return b;
       },
       Errc::kMalformed, "ends early"},
      {"bytes after vendor data",
       [] {
         Bytes b = good();
         put32(b, 28, 38);
         b.insert(b.begin() + kFirst, 0);
         return b;
       },
       Errc::kMalformed, "after the vendor data"},
      {"bank twice",
       [] {
         return EventLogBuilder(Banks{{11, 32}, {11, 32}}).build();
       },
       Errc::kMalformed, "bank twice"},
      {"SHA-256 of 20 bytes",
       [] {
         return EventLogBuilder(Banks{{11, 20}}).build();
       },
       Errc::kMalformed, "wrong SHA-256 size"},
      {"digest of 65 bytes",
       [] {
         return EventLogBuilder(Banks{{11, 32}, {12, 65}}).build();
       },
       Errc::kMalformed, "over 64"},
      {"PCR 24", [] { return EventLogBuilder().event(24, "a").build(); }, Errc::kMalformed,
       "PCR 24"},
      {"one digest missing", damage(kFirst + 8, 1), Errc::kMalformed, "has 1 digests"},
      {"four billion digests", damage(kFirst + 8, 0xffffffff), Errc::kMalformed, "digests"},
      {"undeclared digest",
       [] {
         auto b = good();
         b[kFirst + 12] = 0x0c;
         return b;
       },
       Errc::kMalformed, "undeclared"},
      {"digest twice",
       [] {
         auto b = EventLogBuilder(Banks{{11, 32}, {0x27, 32}}).event(4, "a").build();
         b[kFirst + 12 + 34] = 11;
         return b;
       },
       Errc::kMalformed, "digest twice"},
      {"event of 1 GiB", damage(kFirst + 12 + 22 + 34, 1U << 30U), Errc::kTooLarge, "1 MiB"},
  }));
  INFO(r.why);
  const auto log = tpm::parse_event_log(r.log());
  REQUIRE_FALSE(log);
  CHECK(log.error().code() == r.code);
  CHECK_THAT(log.error().what(), Catch::Contains(r.text));
}

TEST_CASE("An event log cut inside an event is refused", "[tpm][eventlog]") {
  const auto log = good();
  const std::size_t event = 12 + 22 + 34 + 4 + 4;
  for (std::size_t n = 0; n < log.size(); ++n) {
    const bool boundary = n >= kFirst && (n - kFirst) % event == 0;
    const auto parsed = tpm::parse_event_log(ByteView(log).first(n));
    INFO(n << " bytes");
    REQUIRE(static_cast<bool>(parsed) == boundary);  // a shorter log fails at the replay instead
    if (!parsed) REQUIRE(parsed.error().code() == Errc::kMalformed);
  }
}

TEST_CASE("Event logs over their limits are refused", "[tpm][eventlog]") {
  CHECK(tpm::parse_event_log(Bytes(tpm::kMaxEventLog + 1)).error().code() == Errc::kTooLarge);
  EventLogBuilder many(std::vector<std::pair<std::uint16_t, std::uint16_t>>{{11, 32}});
  for (std::size_t i = 0; i < tpm::kMaxEvents; ++i) many.event(4, {}, 1, "");
  CHECK(tpm::parse_event_log(many.build()));
  many.event(4, {}, 1, "");
  CHECK(tpm::parse_event_log(many.build()).error().code() == Errc::kTooLarge);
}
