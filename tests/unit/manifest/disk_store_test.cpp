#include "manifest/disk_store.hpp"

#include <array>
#include <csignal>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "device.hpp"
#include "fakes/temporary_folder.hpp"
#include "manifest/directory_fetcher.hpp"

using namespace pawl;
using namespace pawl::manifest;

namespace {

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

}  // namespace

TEST_CASE("disk store: keeps bytes as received under encoded names (FORMAT 2.10.1)", "[manifest]") {
  const fakes::TemporaryFolder directory;
  PosixDisk disk;
  auto store = DiskStore::open(disk, directory.path() + "/a/tuf");
  REQUIRE(store);
  CHECK_FALSE(store->load("timestamp", 100)->has_value());
  REQUIRE(store->save("timestamp", bytes_of("{} \n")));
  CHECK(**store->load("timestamp", 100) == bytes_of("{} \n"));
  CHECK_FALSE(store->load("timestamp", 3)->has_value());  // over its limit: as good as absent
  REQUIRE(store->save("../../x", bytes_of("y")));
  CHECK(*disk.list(directory.path() + "/a/tuf") ==
        std::vector<std::string>{"..%2F..%2Fx.json", ".lock", "timestamp.json"});
  REQUIRE(store->drop("timestamp"));
  REQUIRE(store->drop("timestamp"));
  CHECK_FALSE(store->load("timestamp", 100)->has_value());
}

TEST_CASE("disk store: one process at a time (FORMAT 2.10.2)", "[manifest]") {
  const fakes::TemporaryFolder directory;
  PosixDisk disk;
  {
    const auto first = DiskStore::open(disk, directory.path());
    REQUIRE(first);
    CHECK(DiskStore::open(disk, directory.path()).error().code() == Errc::kBusy);
  }
  CHECK(DiskStore::open(disk, directory.path()));
}

TEST_CASE(
    "disk store: another process waits its turn, and a killed one leaves no lock (FORMAT 2.10.2)",
    "[manifest]") {
  const fakes::TemporaryFolder directory;
  PosixDisk disk;
  std::array<int, 2> ready{};
  REQUIRE(::pipe(ready.data()) == 0);
  const auto child = ::fork();
  if (child == 0) {  // holds the store until it is killed
    const auto held = DiskStore::open(disk, directory.path());
    if (::write(ready[1], held ? "y" : "n", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  REQUIRE(child > 0);
  char held = 0;
  CHECK(::read(ready[0], &held, 1) == 1);
  CHECK(held == 'y');
  const auto other = DiskStore::open(disk, directory.path());
  CHECK((other ? Errc::kUsage : other.error().code()) == Errc::kBusy);
  CHECK(::kill(child, SIGKILL) == 0);
  CHECK(::waitpid(child, nullptr, 0) == child);
  CHECK(DiskStore::open(disk, directory.path()));
  (void)::close(ready[0]);
  (void)::close(ready[1]);
}

TEST_CASE("disk store: temporary files of an interrupted run go (FORMAT 2.10.1)", "[manifest]") {
  const fakes::TemporaryFolder directory;
  PosixDisk disk;
  REQUIRE(replace_file(disk, directory.path() + "/timestamp.json", bytes_of("old")));
  REQUIRE(replace_file(disk, directory.path() + "/timestamp.json.tmp", bytes_of("half")));
  auto store = DiskStore::open(disk, directory.path());
  REQUIRE(store);
  CHECK(**store->load("timestamp", 100) == bytes_of("old"));
  CHECK_FALSE(*disk.exists(directory.path() + "/timestamp.json.tmp"));
}

TEST_CASE("directory fetcher: reads a repository directory and stays inside it", "[manifest]") {
  const fakes::TemporaryFolder directory;
  PosixDisk disk;
  REQUIRE(make_directories(disk, directory.path() + "/metadata"));
  REQUIRE(make_directories(disk, directory.path() + "/targets/releases/gw3/1.0"));
  REQUIRE(replace_file(disk, directory.path() + "/metadata/1.root.json", bytes_of("root")));
  REQUIRE(replace_file(disk, directory.path() + "/targets/releases/gw3/1.0/m.json", bytes_of("m")));
  DirectoryFetcher fetcher(disk, directory.path());
  CHECK(**fetcher.metadata("1.root.json", 10) == bytes_of("root"));
  CHECK_FALSE(fetcher.metadata("2.root.json", 10)->has_value());
  CHECK(fetcher.metadata("1.root.json", 3).error().code() == Errc::kTooLarge);
  CHECK(**fetcher.target("releases/gw3/1.0/m.json", 10) == bytes_of("m"));
  CHECK_FALSE(fetcher.target("releases/gw3/1.1/m.json", 10)->has_value());
  CHECK(fetcher.target("../metadata/1.root.json", 10).error().code() == Errc::kMalformed);
}

TEST_CASE("disk store: a whole refresh from a directory to a directory", "[manifest]") {
  const fakes::TemporaryFolder directory;
  PosixDisk disk;
  Device device;
  device.repo.add_release(fakes::sample_release());
  device.repo.bump();
  REQUIRE(make_directories(disk, directory.path() + "/repo/metadata"));
  for (const auto& [name, bytes] : device.repo.metadata_files) {
    REQUIRE(replace_file(disk, directory.path() + "/repo/metadata/" + name, bytes));
  }
  DirectoryFetcher fetcher(disk, directory.path() + "/repo");
  for (int run = 0; run < 2; ++run) {
    auto store = DiskStore::open(disk, directory.path() + "/tuf");
    REQUIRE(store);
    UpdaterOptions options;
    options.anchor = device.repo.root_file(1);
    Updater client(fetcher, *store, device.clock, std::move(options));
    const auto report = client.refresh();
    INFO(outcome(report));
    REQUIRE(report);
    CHECK(report->change == (run == 0 ? Change::kNew : Change::kSame));
    CHECK(client.releases("gw3")->size() == 1);
  }
}
