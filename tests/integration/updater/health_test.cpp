#include "updater/health.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakes/temporary_folder.hpp"
#include "updater/process.hpp"

using namespace pawl;
using namespace pawl::updater;

namespace {

class SilentLog final : public Log {
 public:
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

void script(const std::filesystem::path& path, const std::string& body, bool executable = true) {
  std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
  std::filesystem::permissions(
      path, executable ? std::filesystem::perms::owner_all : std::filesystem::perms::owner_read);
}

}  // namespace

TEST_CASE("health: all checks run by name, each says what is wrong (FORMAT 5.7.1, 5.7.2)",
          "[integration][health]") {
  fakes::TemporaryFolder folder;
  script(folder.file("30-status"), "echo first; echo 'disk is slow' >&2; exit 3");
  script(folder.file("10-good"), "exit 0");
  script(folder.file("20-facts"),
         "test \"$PAWL_SLOT/$PAWL_VERSION\" = b/1.1.0 && test -z \"$HOME\"");
  script(folder.file("40-signal"), "kill -TERM $$");
  script(folder.file("50-hangs"), "while :; do :; done");
  script(folder.file("60-not"), "exit 1", false);
  script(folder.file("70-much"), "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done");
  SilentLog log;
  HealthDirectory checks(folder.path(), {Seconds(1), Seconds(0)}, log);
  const auto results = checks.run({boot::Slot::kB, "1.1.0"});
  REQUIRE(results);
  REQUIRE(results->size() == 6);
  CHECK((*results)[0].name == "10-good");
  CHECK((*results)[0].problem.empty());
  CHECK((*results)[1].problem.empty());
  CHECK((*results)[2].problem == "exit status 3: disk is slow");
  CHECK((*results)[3].problem == "signal 15");
  CHECK((*results)[4].problem == "no answer in 1 s");
  CHECK((*results)[5].problem.empty());
}

TEST_CASE("health: a child that outlives its check is killed with it", "[integration][health]") {
  fakes::TemporaryFolder folder;
  const auto mark = folder.file("mark");
  script(folder.file("10-forks"), "(sleep 30; touch " + mark + ") & echo $! >" + mark + ".pid");
  const auto result = run_process(folder.file("10-forks"), {"PATH=/usr/bin:/bin"}, Seconds(10));
  REQUIRE(result);
  CHECK(result->end == ProcessResult::End::kExit);
  std::ifstream in(mark + ".pid");
  int pid = 0;
  in >> pid;
  REQUIRE(pid > 0);
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (handle < 0) return;  // gone already
  pollfd ended{handle, POLLIN, 0};
  CHECK(::poll(&ended, 1, 5000) == 1);
  ::close(handle);
}

TEST_CASE("health: no folder, no check, not startable", "[integration][health]") {
  fakes::TemporaryFolder folder;
  SilentLog log;
  HealthDirectory absent(folder.file("none"), {}, log);
  CHECK(absent.run({}).error().code() == Errc::kConfig);
  HealthDirectory empty(folder.path(), {}, log);
  CHECK(empty.run({}).error().code() == Errc::kConfig);
  std::ofstream(folder.file("10-broken")) << "#!/no/such/interpreter\n";
  std::filesystem::permissions(folder.file("10-broken"), std::filesystem::perms::owner_all);
  const auto results = empty.run({});
  REQUIRE(results);
  CHECK_FALSE((*results)[0].problem.empty());
}
