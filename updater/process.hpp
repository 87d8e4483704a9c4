#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pawl::updater {

/// How a child process ended.
struct ProcessResult {
  enum class End : std::uint8_t { kExit, kSignal, kTimeout };
  End end = End::kExit;
  int value = 0;       // exit status or signal number
  std::string output;  // the first 4 KiB of stdout and stderr together
};

/// Runs a program without arguments in its own process group, stdin empty, output collected, until
/// it ends or `limit` passes; then the whole group is killed.
/// @param environment  NAME=value, complete
/// @return kIo when it cannot be started
[[nodiscard]] Result<ProcessResult> run_process(const std::string& program,
                                                const std::vector<std::string>& environment,
                                                Seconds limit);

}  // namespace pawl::updater
