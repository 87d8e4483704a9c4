#include "updater/journal.hpp"

#include <catch2/catch.hpp>

#include "base/json.hpp"
#include "fakes/fake_disk.hpp"
#include "updater/state_dir.hpp"

using namespace pawl;
using namespace pawl::updater;

namespace {

const std::string kSha(64, 'a');
const std::string kRelease =
    R"({"manifest_sha256":")" + kSha +
    R"(","min_security_version":1,"release_counter":2,"security_version":3,"tries":3,"version":"1.1.0"})";
const std::string kIdle = R"({"format":1,"slots":{"a":)" + kRelease + R"(},"state":"idle"})";
const std::string kTrial =
    R"({"boot_id":"b-1","format":1,"last":{"ending":"reverted","reason":"sick","version":"1.0.9"},)"
    R"("purpose":"install","release":)" +
    kRelease + R"(,"slots":{},"state":"trial","target":"b","tried":"yes"})";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("journal: written as it was read (FORMAT 5.4.2, 5.4.3)", "[updater][journal]") {
  const auto text = GENERATE(kIdle, kTrial);
  const auto record = Record::parse(text);
  REQUIRE(record);
  CHECK(record->format() == text);
}

TEST_CASE("journal: what it says", "[updater][journal]") {
  const auto record = Record::parse(kTrial);
  REQUIRE(record);
  CHECK(record->state == State::kTrial);
  CHECK(record->target == Slot::kB);
  CHECK(record->tried == Tried::kYes);
  CHECK(record->release->counter == ReleaseCounter(2));
  CHECK(record->release->security == SecurityVersion(3));
  CHECK(record->release->min_security == SecurityVersion(1));
  CHECK(record->last == Outcome{Ending::kReverted, "1.0.9", "sick"});
  CHECK(Record::parse(kIdle)->holds(Slot::kA)->version == "1.1.0");
  CHECK_FALSE(Record::parse(kIdle)->holds(Slot::kB));
}

TEST_CASE("journal: refusals (FORMAT 5.4.3, 5.4.4)", "[updater][journal]") {
  struct Row {
    const char* why;
    std::string text;
  };
  const auto row =
      GENERATE(Row{"not JSON", "x"}, Row{"blank", replaced(kIdle, ",", ", ")},
               Row{"format 2", replaced(kIdle, R"("format":1)", R"("format":2)")},
               Row{"unknown state", replaced(kIdle, "idle", "lost")},
               Row{"unknown member", replaced(kIdle, R"({"format")", R"({"extra":1,"format")")},
               Row{"idle with a target",
                   replaced(kIdle, R"("state":"idle")", R"("state":"idle","target":"b")")},
               Row{"idle with a reason", replaced(kIdle, R"("slots")", R"("reason":"x","slots")")},
               Row{"no slots", replaced(kTrial, R"("slots":{},)", "")},
               Row{"slot c", replaced(kIdle, R"({"a":)", R"({"c":)")},
               Row{"target c", replaced(kTrial, R"("target":"b")", R"("target":"c")")},
               Row{"no target", replaced(kTrial, R"("target":"b",)", "")},
               Row{"no release", replaced(kTrial, R"("release":)" + kRelease + ",", "")},
               Row{"no purpose", replaced(kTrial, R"("purpose":"install",)", "")},
               Row{"tried maybe", replaced(kTrial, R"("tried":"yes")", R"("tried":"maybe")")},
               Row{"ten tries", replaced(kTrial, R"("tries":3)", R"("tries":10)")},
               Row{"no tries", replaced(kTrial, R"("tries":3)", R"("tries":0)")},
               Row{"least above own",
                   replaced(kTrial, R"("min_security_version":1)", R"("min_security_version":4)")},
               Row{"security over 65535",
                   replaced(kTrial, R"("security_version":3)", R"("security_version":65536)")},
               Row{"short digest", replaced(kTrial, kSha, "aa")},
               Row{"release with more", replaced(kTrial, R"("tries":3)", R"("tries":3,"tryst":1)")},
               Row{"outcome with more",
                   replaced(kTrial, R"("reason":"sick")", R"("rank":1,"reason":"sick")")},
               Row{"ending unknown", replaced(kTrial, "reverted", "exploded")});
  INFO(row.why);
  const auto record = Record::parse(row.text);
  REQUIRE_FALSE(record);
  CHECK(record.error().code() == Errc::kMalformed);
}

TEST_CASE("journal: truncations are malformed, long ones too large (FORMAT 5.4.1)",
          "[updater][journal]") {
  for (std::size_t n = 0; n < kTrial.size(); ++n) {
    INFO(n);
    const auto record = Record::parse(kTrial.substr(0, n));
    REQUIRE_FALSE(record);
    CHECK(record.error().code() == Errc::kMalformed);
  }
  CHECK(Record::parse(std::string(Record::kMaxBytes + 1, ' ')).error().code() == Errc::kTooLarge);
}

TEST_CASE("journal: an absent file is a fresh record; loading makes it durable",
          "[updater][journal]") {
  fakes::FakeDisk disk;
  disk.make_durable("/var/journal");
  PlainRecords plain;
  Journal journal(disk, "/var/journal/record.json", plain);
  CHECK(*journal.load() == Record{});
  CHECK(*journal.load_durable() == Record{});
  CHECK(disk.ops == 0);
  const auto record = Record::parse(kTrial);
  REQUIRE(journal.save(*record));
  disk.ops = 0;
  CHECK(*journal.load_durable() == *record);
  CHECK(disk.last_op == "sync directory /var/journal");
  CHECK(disk.ops == 1);
  disk.put("/var/journal/record.json", "{");
  CHECK(journal.load().error().code() == Errc::kMalformed);
}

TEST_CASE("floors record: absent, kept, damaged (FORMAT 5.5.1)", "[updater][journal]") {
  fakes::FakeDisk disk;
  disk.make_durable("/var/journal");
  PlainRecords plain;
  FloorsFile file(disk, "/var/journal/floors.json", plain);
  CHECK_FALSE(*file.load());
  const auto floors = manifest::with_commit({}, ReleaseCounter(4), SecurityVersion(2));
  REQUIRE(file.save(floors));
  CHECK(**file.load() == floors);
  disk.put("/var/journal/floors.json", "{}");
  CHECK(file.load().error().code() == Errc::kMalformed);
}

TEST_CASE("journal: it never holds what it could not read again", "[updater][journal]") {
  fakes::FakeDisk disk;
  disk.make_durable("/var/journal");
  PlainRecords plain;
  Journal journal(disk, "/var/journal/record.json", plain);
  auto record = *Record::parse(kTrial);
  record.reason = clip_reason("check: \x1b[31m" + std::string(200, 'x') + "\n");
  CHECK(record.reason.size() == 160);
  REQUIRE(journal.save(record));
  CHECK(*journal.load() == record);
  record.reason += "x";
  const auto refused = journal.save(record);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kInternal);
}

TEST_CASE("journal: a release that asks for ten tries gets what loaders count",
          "[updater][journal]") {
  manifest::Release release;
  release.version = "1.0.0";
  release.boot.tries = 10;
  CHECK(ReleaseId::of(release, {}).tries == 9);
}
