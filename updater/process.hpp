#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pawl::updater {

inline constexpr std::size_t kMaxInput = 4096;

/// How a child process ended.
struct ProcessResult {
  enum class End : std::uint8_t { kExit, kSignal, kTimeout };
  End end = End::kExit;
  int value = 0;       // exit status or signal number
  std::string output;  // the first 4 KiB of stdout and stderr together
};

/// Runs a program without arguments in its own process group, output collected, until it ends or
/// `limit` passes; then the whole group is killed.
/// @param environment  NAME=value, complete
/// @param input  its standard input, at most kMaxInput bytes, which a pipe holds without a reader
/// @return kIo when it cannot be started
[[nodiscard]] Result<ProcessResult> run_process(const std::string& program,
                                                const std::vector<std::string>& environment,
                                                Seconds limit, std::string_view input = {});

/// What a program said last, as a record may hold it.
[[nodiscard]] std::string last_line(std::string_view output);

}  // namespace pawl::updater
