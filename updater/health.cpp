#include "updater/health.hpp"

#include <chrono>
#include <ctime>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "base/disk.hpp"
#include "updater/process.hpp"

namespace pawl::updater {
namespace {

bool is_executable(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

Seconds uptime() {
  timespec now{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &now);
  return Seconds(now.tv_sec);
}

std::string problem_of(const ProcessResult& result, Seconds limit) {
  std::string out;
  switch (result.end) {
    case ProcessResult::End::kExit:
      if (result.value == 0) return {};
      out = "exit status " + std::to_string(result.value);
      break;
    case ProcessResult::End::kSignal:
      out = "signal " + std::to_string(result.value);
      break;
    case ProcessResult::End::kTimeout:
      out = "no answer in " + format_duration(limit);
      break;
  }
  const auto said = last_line(result.output);
  return said.empty() ? out : out + ": " + said;
}

}  // namespace

Result<std::vector<CheckResult>> HealthDirectory::run(const TrialFacts& facts) {
  PosixDisk disk;
  auto names = disk.list(directory_);
  if (!names) {
    return fail(Errc::kConfig, "no health checks: " + names.error().what())
        .with_hint("name a folder with checks in [health] directory");
  }
  const auto up = uptime();
  if (up < limits_.uptime) std::this_thread::sleep_for(limits_.uptime - up);
  const std::vector<std::string> environment{"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                             "PAWL_SLOT=" + std::string(boot::letter(facts.slot)),
                                             "PAWL_VERSION=" + facts.version};
  std::vector<CheckResult> out;
  for (const auto& name : *names) {
    const auto path = directory_ + "/" + name;
    if (!is_executable(path)) continue;
    const auto result = run_process(path, environment, limits_.timeout);
    auto problem = result ? problem_of(*result, limits_.timeout) : result.error().what();
    log_.write(problem.empty() ? LogLevel::kInfo : LogLevel::kError, "health",
               {{"check", name}, {"problem", problem}});
    out.push_back({name, std::move(problem)});
  }
  if (!out.empty()) return out;
  return fail(Errc::kConfig, directory_ + " has no executable health check")
      .with_hint("a trial that nothing judges is never committed by itself");
}

}  // namespace pawl::updater
