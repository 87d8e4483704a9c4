#include "distributor/store.hpp"

#include <csignal>
#include <future>

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "distributor/writer.hpp"
#include "fakes/asked.hpp"
#include "fakes/temporary_folder.hpp"

using namespace pawl;
using namespace pawl::distributor;
using namespace pawl::fakes;
using identity::SpiffeId;

namespace {

constexpr UtcTime kNow{Seconds{1795176000}};

Device device(std::int64_t row, const std::string& name) {
  Device out{row,
             *SpiffeId::parse("spiffe://example.org/device/" + name),
             DeviceState::kAdmitted,
             "lamp",
             {"canary", "eu"},
             "line",
             kNow,
             kNow + Seconds(5),
             {},
             {}};
  CheckRequest told;
  told.slot = Slot::kB;
  told.release_counter = ReleaseCounter(7);
  told.security_version = SecurityVersion(3);
  told.root = MetadataVersion(2);
  told.boot_id = "b1";
  out.reported = told;
  return out;
}

StatusRecord record(std::uint64_t seq) {
  StatusRecord out;
  out.seq = seq;
  out.release_counter = ReleaseCounter(7);
  out.manifest.bytes[0] = 9;
  out.step = Step::kTrial;
  out.code = 21;
  out.boot_id = "b1";
  out.time = kNow;
  out.detail = "n" + std::to_string(seq);
  return out;
}

Change statuses(const Device& from, std::vector<StatusRecord> records) {
  Change out;
  out.devices = {from};
  out.status_device = from.row;
  out.statuses = std::move(records);
  out.time = kNow;
  return out;
}

/// A disk that is full for this process; the old limit comes back at the end.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  FullDisk(FullDisk&&) = delete;
  FullDisk& operator=(FullDisk&&) = delete;
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("store: what was committed comes back whole (FORMAT 12.9.1)",
          "[integration][distributor][store]") {
  const TemporaryFolder folder;
  const auto path = folder.file("d.db");
  auto one = device(1, "d1");
  auto two = device(2, "d2");
  two.state = DeviceState::kBanned;
  two.reported.reset();
  two.tags.clear();
  {
    auto store = Store::open(path);
    REQUIRE(store);
    one.last_status = record(9);
    auto change = statuses(one, {record(8), record(9)});
    change.devices.push_back(two);
    change.withhold = Withheld("lamp", "1.2.0");
    change.audit.push_back({0, kNow, "uid:0", "device-ban", two.id.uri(), "lost"});
    REQUIRE(store->commit({&change}));
  }
  auto store = Store::open(path);
  REQUIRE(store);
  const auto contents = store->load();
  REQUIRE(contents);
  REQUIRE(contents->devices.size() == 2);
  const auto& back = contents->devices.front();
  CHECK(back.id == one.id);
  CHECK(back.state == DeviceState::kAdmitted);
  CHECK(back.product == "lamp");
  CHECK(back.tags == one.tags);
  CHECK(back.rule == "line");
  CHECK(back.first_seen == kNow);
  CHECK(back.last_seen == kNow + Seconds(5));
  CHECK(back.reported == one.reported);
  CHECK(back.last_status == record(9));
  CHECK(contents->devices.back().state == DeviceState::kBanned);
  CHECK_FALSE(contents->devices.back().reported);
  CHECK(contents->withheld == std::set<Withheld>{{"lamp", "1.2.0"}});
  auto reader = StoreReader::open(path);
  REQUIRE(reader);
  CHECK(*reader->statuses(1, 100) == std::vector<StatusRecord>{record(9), record(8)});
  const auto audit = reader->audit(0, 100);
  REQUIRE(audit);
  REQUIRE(audit->size() == 1);
  CHECK(audit->front().action == "device-ban");
  CHECK(audit->front().detail == "lost");
  CHECK(reader->audit(audit->front().number, 100)->empty());
}

TEST_CASE("store: a status number is stored once, and 1024 are kept (FORMAT 12.4.4)",
          "[integration][distributor][store]") {
  const TemporaryFolder folder;
  auto store = Store::open(folder.file("d.db"));
  REQUIRE(store);
  const auto first = statuses(device(1, "d1"), {record(5), record(6)});
  auto other = record(6);
  other.detail = "told differently";
  const auto again = statuses(device(1, "d1"), {other, record(7)});
  REQUIRE(store->commit({&first, &again}));
  auto reader = StoreReader::open(folder.file("d.db"));
  REQUIRE(reader);
  CHECK(*reader->statuses(1, 9) == std::vector<StatusRecord>{record(7), record(6), record(5)});
  std::vector<StatusRecord> many;
  for (std::uint64_t seq = 8; seq < 8 + 1030; ++seq) many.push_back(record(seq));
  const auto flood = statuses(device(1, "d1"), std::move(many));
  REQUIRE(store->commit({&flood}));
  const auto kept = reader->statuses(1, 5000);
  REQUIRE(kept);
  CHECK(kept->size() == 1024);
  CHECK(kept->front().seq == 1037);
}

TEST_CASE("store: audit entries cannot be changed or removed (FORMAT 12.6.8)",
          "[integration][distributor][store]") {
  const TemporaryFolder folder;
  auto store = Store::open(folder.file("d.db"));
  REQUIRE(store);
  Change change;
  change.audit.push_back({0, kNow, "uid:0", "publish", "repository", ""});
  REQUIRE(store->commit({&change}));
  auto raw = Sqlite::open(folder.file("d.db"), Sqlite::Access::kWrite);
  REQUIRE(raw);
  CHECK_FALSE(raw->run("UPDATE audit SET who='nobody'"));
  CHECK_FALSE(raw->run("DELETE FROM audit"));
  CHECK(StoreReader::open(folder.file("d.db"))->audit(0, 9)->size() == 1);
}

TEST_CASE("store: other people's databases and newer ones are refused (FORMAT 12.9.1)",
          "[integration][distributor][store]") {
  const TemporaryFolder folder;
  {
    auto foreign = Sqlite::open(folder.file("foreign.db"), Sqlite::Access::kWrite);
    REQUIRE(foreign);
    REQUIRE(foreign->run("CREATE TABLE t(x)"));
    REQUIRE(Store::open(folder.file("newer.db")));
    auto newer = Sqlite::open(folder.file("newer.db"), Sqlite::Access::kWrite);
    REQUIRE(newer->run("PRAGMA user_version=2"));
  }
  CHECK(Store::open(folder.file("foreign.db")).error().code() == Errc::kMalformed);
  CHECK(Store::open(folder.file("newer.db")).error().code() == Errc::kConfig);
  CHECK(Store::open(folder.file("no/such/folder.db")).error().code() == Errc::kIo);
  CHECK(StoreReader::open(folder.file("absent.db")).error().code() == Errc::kIo);
}

TEST_CASE("store: a commit that fails changes nothing", "[integration][distributor][store]") {
  const TemporaryFolder folder;
  auto store = Store::open(folder.file("d.db"));
  REQUIRE(store);
  const auto good = statuses(device(1, "d1"), {record(1)});
  REQUIRE(store->commit({&good}));
  std::vector<StatusRecord> many;
  for (std::uint64_t seq = 2; seq < 900; ++seq) many.push_back(record(seq));
  const auto large = statuses(device(1, "d1"), std::move(many));
  {
    const FullDisk full(65536);
    CHECK_FALSE(store->commit({&good, &large}));
  }
  CHECK(StoreReader::open(folder.file("d.db"))->statuses(1, 9)->size() == 1);
}

TEST_CASE("writer: answers follow the commit, and an error ends it (FORMAT 12.9.1)",
          "[integration][distributor][store]") {
  const TemporaryFolder folder;
  auto store = Store::open(folder.file("d.db"));
  REQUIRE(store);
  std::promise<void> failed;
  Writer writer(*std::move(store), [&] { failed.set_value(); });
  Asked first;
  writer.submit(statuses(device(1, "d1"), {record(1)}), http::Reply(first),
                http::json_answer("{}"));
  CHECK(first.status() == 200);
  CHECK(StoreReader::open(folder.file("d.db"))->statuses(1, 9)->size() == 1);
  std::vector<StatusRecord> many;
  for (std::uint64_t seq = 2; seq < 900; ++seq) many.push_back(record(seq));
  Asked lost;
  {
    const FullDisk full(65536);
    writer.submit(statuses(device(1, "d1"), std::move(many)), http::Reply(lost),
                  http::json_answer("{}"));
    CHECK(lost.status() == 503);
    failed.get_future().get();
  }
  Asked late;  // there is room again, but memory and disk may differ
  writer.submit(statuses(device(1, "d1"), {record(2)}), http::Reply(late), http::json_answer("{}"));
  CHECK(late.status() == 503);
  CHECK_FALSE(writer.finish());
}
