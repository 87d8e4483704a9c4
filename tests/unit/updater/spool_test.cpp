#include "updater/spool.hpp"

#include <catch2/catch.hpp>

#include "base/json.hpp"
#include "fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::updater;

namespace {

const UtcTime kNow{Seconds(1'800'000'000)};
const Moment kMoment{kNow, "boot-1"};

ReleaseId release(std::uint64_t counter) {
  ReleaseId out;
  out.version = "1." + std::to_string(counter) + ".0";
  out.counter = ReleaseCounter(counter);
  out.manifest.bytes[0] = static_cast<std::uint8_t>(counter);
  out.manifest.bytes[1] = static_cast<std::uint8_t>(counter >> 8U);
  return out;
}

Record in(State state, std::uint64_t counter = 2, Purpose purpose = Purpose::kInstall) {
  Record out;
  out.state = state;
  out.release = release(counter);
  out.target = Slot::kB;
  out.purpose = purpose;
  return out;
}

Record ended(Ending ending, const std::string& reason = "") {
  Record out;
  out.last = Outcome{ending, "1.2.0", reason};
  return out;
}

Followed followed(std::uint64_t counter) {
  const auto id = release(counter);
  return {id.counter, id.manifest, std::nullopt};
}

std::string steps(const Spool& spool) {
  std::string out;
  for (const auto& record : spool.records) out += std::string(step_name(record.step)) + " ";
  return out;
}

void fail_with(Spool& spool, std::uint64_t counter) {
  spool.failed(followed(counter), fail(Errc::kRollback, "too old"), kMoment);
}

}  // namespace

TEST_CASE("spool: a whole update is told in the order it went (FORMAT 5.10.3)",
          "[updater][spool]") {
  Spool spool;
  for (const auto state : {State::kInstalling, State::kInstalling, State::kStaging, State::kArming,
                           State::kArmed, State::kTrial, State::kTrial, State::kCommitting}) {
    spool.observe(in(state), kMoment);
  }
  spool.observe(ended(Ending::kCommitted), kMoment);
  spool.observe(ended(Ending::kCommitted), kMoment);
  CHECK(steps(spool) == "offered downloading verified staged rebooting trial committed ");
  for (std::size_t i = 0; i < spool.records.size(); ++i) {
    const auto& record = spool.records[i];
    CHECK(record.seq == i + 1);
    CHECK(record.release_counter == ReleaseCounter(2));
    CHECK(record.manifest == release(2).manifest);
    CHECK(record.boot_id == "boot-1");
    CHECK(record.time == kNow);
    CHECK(record.code == 0);
  }
}

TEST_CASE("spool: what the journal went through unseen is told too (FORMAT 5.10.3)",
          "[updater][spool]") {
  struct Row {
    Record seen;
    const char* steps;
  };
  const auto row = GENERATE(
      Row{in(State::kArmed), "offered downloading verified staged rebooting "},
      Row{in(State::kTrial), "offered downloading verified staged rebooting trial "},
      Row{in(State::kArmed, 2, Purpose::kRollback), "staged rebooting "},
      Row{in(State::kReverting), ""}, Row{ended(Ending::kCommitted), ""}, Row{Record{}, ""});
  Spool spool;
  spool.observe(row.seen, kMoment);
  CHECK(steps(spool) == row.steps);
}

TEST_CASE("spool: a revert and a cancelled update say why", "[updater][spool]") {
  const auto ending = GENERATE(Ending::kReverted, Ending::kCancelled);
  Spool spool;
  spool.observe(in(State::kTrial), kMoment);
  spool.observe(in(State::kReverting), kMoment);
  spool.observe(ended(ending, "health check x: exit 1"), kMoment);
  CHECK(spool.records.back().step == Step::kReverted);
  CHECK(spool.records.back().detail == "health check x: exit 1");
  CHECK_FALSE(spool.followed);
  spool.observe(in(State::kInstalling), kMoment);  // the same release again
  CHECK(steps(spool).ends_with("reverted offered downloading "));
}

TEST_CASE("spool: another release takes the place of the one that was followed",
          "[updater][spool]") {
  Spool spool;
  spool.observe(in(State::kInstalling, 2), kMoment);
  spool.observe(in(State::kInstalling, 3), kMoment);
  CHECK(steps(spool) == "offered downloading offered downloading ");
  CHECK(spool.records.back().release_counter == ReleaseCounter(3));
}

TEST_CASE("spool: a failure has its code and is told once until something else happens",
          "[updater][spool]") {
  Spool spool;
  fail_with(spool, 2);
  fail_with(spool, 2);
  REQUIRE(spool.records.size() == 1);
  CHECK(spool.records[0].code == 14);
  CHECK(spool.records[0].detail == "too old");
  fail_with(spool, 3);
  fail_with(spool, 2);
  CHECK(spool.records.size() == 3);
  spool.failed(followed(2), fail(Errc::kIo, std::string(500, 'x') + "\n"), kMoment);
  CHECK(spool.records.back().detail == std::string(160, 'x'));
}

TEST_CASE("spool: full, it drops the oldest progress and never an end (FORMAT 5.10.4)",
          "[updater][spool]") {
  Spool spool;
  fail_with(spool, 1000);
  for (std::uint64_t n = 1; n <= 200; ++n) spool.observe(in(State::kInstalling, n), kMoment);
  CHECK(spool.records.size() == Spool::kProgressRoom);
  CHECK(spool.records[0].step == Step::kFailed);
  CHECK(spool.records.back().release_counter == ReleaseCounter(200));
  for (std::uint64_t n = 2000; n < 2400; ++n) fail_with(spool, n);
  CHECK(spool.records.size() == Spool::kMostRecords);
  CHECK(spool.records[0].release_counter == ReleaseCounter(1000));
  CHECK(spool.records[1].release_counter == ReleaseCounter(2000));
  for (const auto& record : spool.records) CHECK(record.step == Step::kFailed);
  const auto before = spool.records;
  spool.observe(in(State::kArmed, 5), kMoment);
  CHECK(spool.records == before);
  CHECK(spool.format().size() < Spool::kMaxBytes);
  CHECK(*Spool::parse(spool.format()) == spool);
}

TEST_CASE("spool: acknowledged records go, later ones stay (FORMAT 5.10.5)", "[updater][spool]") {
  Spool spool;
  spool.observe(in(State::kArmed), kMoment);
  spool.acknowledge(0);
  CHECK(spool.records.size() == 5);
  spool.acknowledge(3);
  REQUIRE(spool.records.size() == 2);
  CHECK(spool.records[0].seq == 4);
  spool.acknowledge(5);
  CHECK(spool.records.empty());
  CHECK(spool.next == 6);
}

TEST_CASE("spool: numbers of an earlier life are overtaken (FORMAT 5.10.5)", "[updater][spool]") {
  Spool spool;
  spool.observe(in(State::kInstalling), kMoment);
  spool.acknowledge(100);
  REQUIRE(spool.records.size() == 2);
  CHECK(spool.records[0].seq == 101);
  CHECK(spool.records[1].seq == 102);
  spool.acknowledge(102);
  CHECK(spool.records.empty());
  CHECK(Spool::starting_at(kNow).next == 1'800'000'000);
  CHECK(Spool::starting_at(UtcTime{}).next == 1);
}

TEST_CASE("spool: a batch holds the oldest 64 records", "[updater][spool]") {
  Spool spool;
  for (std::uint64_t n = 1; n <= 100; ++n) fail_with(spool, n);
  const auto value = json::parse(spool.batch(), {});
  REQUIRE(value);
  const auto* records = value->object()->find("records")->array();
  REQUIRE(records->size() == 64);
  const auto& first = *(*records)[0].object();
  CHECK(*first.find("seq")->integer() == 1);
  CHECK(*first.find("release_counter")->integer() == 1);
  CHECK(*first.find("step")->string() == "failed");
  CHECK(*first.find("code")->integer() == 14);
  CHECK(*first.find("time")->string() == format_utc(kNow));
  CHECK(*first.find("boot_id")->string() == "boot-1");
  CHECK(*first.find("detail")->string() == "too old");
  CHECK(first.find("manifest_sha256")->string()->size() == 64);
}

TEST_CASE("spool: what is written is read back the same, and nothing else (FORMAT 5.10.2)",
          "[updater][spool]") {
  Spool spool;
  spool.observe(in(State::kArmed), kMoment);
  fail_with(spool, 7);
  const auto good = spool.format();
  REQUIRE(Spool::parse(good));
  CHECK(*Spool::parse(good) == spool);
  for (std::size_t n = 0; n < good.size(); ++n) {
    const auto parsed = Spool::parse(std::string_view(good).substr(0, n));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kMalformed);
  }
  struct Row {
    const char* why;
    const char* from;
    const char* to;
  };
  const auto row =
      GENERATE(Row{"unknown member", "\"format\":1", "\"extra\":1,\"format\":1"},
               Row{"another format", "\"format\":1", "\"format\":2"},
               Row{"number used twice", "\"seq\":2", "\"seq\":1"},
               Row{"number not below next", "\"seq\":6", "\"seq\":7"},
               Row{"no number", "\"seq\":2", "\"sez\":2"},
               Row{"no boot", "\"boot_id\":\"boot-1\"", "\"boot_it\":\"boot-1\""},
               Row{"number 0", "\"seq\":1,", "\"seq\":0,"},
               Row{"unknown step", "\"verified\"", "\"verifiet\""},
               Row{"code over 255", "\"code\":14", "\"code\":256"},
               Row{"no time", "2027-01-15T08:00:00Z", "2027-01-15 08:00:00Z"},
               Row{"long detail", "too old",
                   "ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"
                   "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"
                   "tttttttttttttttttttttttttttttttttt"},
               Row{"unknown member of a record", "\"code\":14", "\"code\":14,\"coda\":1"},
               Row{"short digest", "\"manifest_sha256\":\"02", "\"manifest_sha256\":\""},
               Row{"blank", "\"format\":1", "\"format\": 1"});
  INFO(row.why);
  auto text = good;
  const auto at = text.find(row.from);
  REQUIRE(at != std::string::npos);
  text.replace(at, std::string_view(row.from).size(), row.to);
  const auto parsed = Spool::parse(text);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::kMalformed);
}

TEST_CASE("spool: an acknowledgement is one number in range", "[updater][spool]") {
  CHECK(*parse_acknowledged(R"({"acknowledged":7,"more":1})") == 7);
  CHECK(*parse_acknowledged(R"({"acknowledged":4503599627370496})") == 4503599627370496);
  for (const auto* bad : {"", "{}", R"({"acknowledged":-1})", R"({"acknowledged":"7"})",
                          R"({"acknowledged":4503599627370497})", "7", "null"}) {
    INFO(bad);
    const auto parsed = parse_acknowledged(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kMalformed);
  }
}

TEST_CASE("spool: a damaged file is begun anew above every number used so far (FORMAT 5.10.2)",
          "[updater][spool]") {
  fakes::FakeDisk disk;
  SpoolFile file(disk, "/var/spool/status.json");
  CHECK(*file.load(kNow) == Spool::starting_at(kNow));
  disk.put("/var/spool/status.json", std::string_view("{\"format\":1"));
  CHECK(*file.load(kNow) == Spool::starting_at(kNow));
}

TEST_CASE(
    "spool: power cut at any durable operation loses no end, tells nothing twice (FORMAT 5.10.1)",
    "[updater][spool][powercut]") {
  const std::vector<Record> life{in(State::kInstalling), in(State::kArmed), in(State::kTrial),
                                 ended(Ending::kCommitted)};
  bool finished = false;
  for (unsigned cut = 0; !finished; ++cut) {
    for (const auto fate : {fakes::Fate::kLost, fakes::Fate::kKept, fakes::Fate::kMixed}) {
      fakes::FakeDisk disk;
      disk.make_durable("/var/spool");
      disk.ops_left = cut;
      disk.policy.data = disk.policy.entries = fate;
      disk.policy.seed = cut;
      SpoolFile file(disk, "/var/spool/status.json");
      finished = true;
      for (const auto& record : life) {  // the journal stays where it was when power is back
        for (bool saved = false; !saved;) {
          auto spool = file.load(kNow);
          REQUIRE(spool);
          spool->observe(record, kMoment);
          saved = static_cast<bool>(file.save(*spool));
          if (saved) continue;
          finished = false;
          disk.power_on();
        }
      }
      INFO("power cut before durable operation " << cut);
      const auto spool = file.load(kNow);
      REQUIRE(spool);
      CHECK(steps(*spool) == "offered downloading verified staged rebooting trial committed ");
    }
  }
}
