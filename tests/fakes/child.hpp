#pragma once
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pawl::fakes {

/// What a program printed and how it ended; -1 when it was killed.
struct ChildResult {
  int status = -1;
  std::string out;  // stdout and stderr
  std::chrono::microseconds took{0};
};

/// Runs a program to its end, or sends SIGKILL after `kill_after`.
inline ChildResult run_child(const std::vector<std::string>& words,
                             std::optional<std::chrono::microseconds> kill_after = std::nullopt) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  const auto started = std::chrono::steady_clock::now();
  const auto pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], 1);
    ::dup2(ends[1], 2);
    ::close(ends[0]);
    auto copies = words;
    std::vector<char*> argv;
    for (auto& word : copies) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  ChildResult result;
  const auto elapsed = [&] {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                                 started);
  };
  for (bool killed = false;;) {
    timespec wait{60, 0};
    if (kill_after && !killed) {
      const auto left = std::max(*kill_after - elapsed(), std::chrono::microseconds(0));
      wait = {left.count() / 1000000, left.count() % 1000000 * 1000};
    }
    pollfd ready{ends[0], POLLIN, 0};
    const int n = ::ppoll(&ready, 1, &wait, nullptr);
    if (n == 0 && kill_after && !killed) {
      ::kill(pid, SIGKILL);
      killed = true;
      continue;
    }
    char buffer[4096];
    const auto got = ::read(ends[0], buffer, sizeof buffer);
    if (got <= 0) break;
    result.out.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  result.took = elapsed();
  if (WIFEXITED(status)) result.status = WEXITSTATUS(status);
  return result;
}

}  // namespace pawl::fakes
