// Real programs as hooks: what they are told, and every way not to answer.
#include "updater/hooks.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "fakes/temporary_folder.hpp"
#include "updater/process.hpp"

using namespace pawl;
using namespace pawl::updater;

namespace {

class SilentLog final : public Log {
 public:
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

struct HookFolder {
  fakes::TemporaryFolder folder;
  SilentLog log;
  HookDirectory hooks{folder.path(), Seconds(1), log};

  std::string add(const std::string& point, const std::string& name, const std::string& body,
                  bool executable = true) {
    std::filesystem::create_directories(folder.file(point));
    const auto path = folder.file(point + "/" + name);
    std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
    std::filesystem::permissions(
        path, executable ? std::filesystem::perms::owner_all : std::filesystem::perms::owner_read);
    return path;
  }
  Result<std::size_t> run(HookPoint point = HookPoint::kPreInstall) {
    return hooks.run(point, {Slot::kB, "1.1.0", "health check \"x\" failed"});
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream in(folder.file(name));
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
};

}  // namespace

TEST_CASE(
    "hooks: a program is told what happens, in its environment and on its input (FORMAT 5.15.2)",
    "[integration][hooks]") {
  HookFolder all;
  CHECK(*all.run() == 0);  // no folder
  all.add("post-rollback", "20-input", "cat >" + all.folder.file("input"));
  all.add(
      "post-rollback", "10-environment",
      "test \"$PAWL_HOOK/$PAWL_SLOT/$PAWL_VERSION\" = post-rollback/b/1.1.0 && test -z \"$HOME\"");
  all.add("post-rollback", "30-not", "exit 1", false);
  all.add("pre-install", "10-other", "exit 1");
  const auto ran = all.run(HookPoint::kPostRollback);
  REQUIRE(ran);
  CHECK(*ran == 2);
  CHECK(
      all.text("input") ==
      R"({"hook":"post-rollback","reason":"health check \"x\" failed","schema":1,"slot":"b","version":"1.1.0"})"
      "\n");
}

TEST_CASE("hooks: refusal, crash, hang and what cannot start each have their code (FORMAT 5.15.3)",
          "[integration][hooks]") {
  struct Row {
    const char* body;
    Errc code;
    const char* text;
  };
  const auto row =
      GENERATE(Row{"echo the valve is open; exit 3", Errc::kBusy,
                   "hook pre-install/10-first refused (exit status 3): the valve is open"},
               Row{"kill -SEGV $$", Errc::kIo, "hook pre-install/10-first ended by signal 11"},
               Row{"while :; do :; done", Errc::kTimeout,
                   "hook pre-install/10-first gave no answer in 1 s"});
  HookFolder all;
  all.add("pre-install", "10-first", row.body);
  all.add("pre-install", "20-second", "touch " + all.folder.file("second"));
  const auto refused = all.run();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == row.code);
  CHECK(refused.error().what() == row.text);
  CHECK_FALSE(std::filesystem::exists(all.folder.file("second")));  // the first no is the last word
}

TEST_CASE("hooks: a program that cannot be started is no answer", "[integration][hooks]") {
  HookFolder all;
  std::ofstream(all.add("pre-install", "10-first", "")) << "#!/none\n";
  const auto refused = all.run();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kIo);
}

TEST_CASE("hooks: a program that reads nothing is no trouble", "[integration][hooks]") {
  HookFolder all;
  const auto path = all.add("pre-install", "10-first", "exec <&-; exit 0");
  const auto done =
      run_process(path, {"PATH=/usr/bin:/bin"}, Seconds(10), std::string(kMaxInput, 'x'));
  REQUIRE(done);
  CHECK(done->value == 0);
  CHECK(all.run());
}
