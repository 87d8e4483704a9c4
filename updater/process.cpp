#include "updater/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "updater/journal.hpp"

namespace pawl::updater {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMaxOutput = 4096;
constexpr std::chrono::milliseconds kPoll{20};

Error os_error(const char* call, const std::string& what, int number) {
  return fail(Errc::kIo, what + ": " + call + ": " + std::generic_category().message(number),
              number);
}

/// The reading end of a pipe and the child that writes to it.
class Child {
 public:
  Child(pid_t pid, int output) : pid_(pid), output_(output) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&&) = delete;
  Child& operator=(Child&&) = delete;
  ~Child() { (void)::close(output_); }

  ProcessResult wait(Seconds limit) {
    const auto deadline = SteadyClock::now() + limit;
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (SteadyClock::now() >= deadline) return kill_group();
      if (!collect(kPoll)) (void)::poll(nullptr, 0, static_cast<int>(kPoll.count()));
    }
    drain();
    (void)::kill(-pid_, SIGKILL);  // what it left running
    if (WIFSIGNALED(status)) return {ProcessResult::End::kSignal, WTERMSIG(status), text_};
    return {ProcessResult::End::kExit, WEXITSTATUS(status), text_};
  }

 private:
  ProcessResult kill_group() {
    (void)::kill(-pid_, SIGKILL);
    int status = 0;
    (void)::waitpid(pid_, &status, 0);
    drain();
    return {ProcessResult::End::kTimeout, 0, text_};
  }

  void drain() {
    for (std::size_t i = 0; i < kMaxOutput && collect(std::chrono::milliseconds(0)); ++i) {
    }
  }

  /// Takes what there is, waiting at most `patience` for it; beyond kMaxOutput it is dropped.
  /// @return false when nothing can come any more, or did not come
  bool collect(std::chrono::milliseconds patience) {
    pollfd ready{output_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return patience.count() > 0;
    std::array<char, 1024> buffer{};
    const auto got = ::read(output_, buffer.data(), buffer.size());
    if (got <= 0) return false;
    const auto room = kMaxOutput - text_.size();
    text_.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
    return true;
  }

  pid_t pid_;
  int output_;
  std::string text_;
};

/// A pipe that holds the whole input already; its writing end is closed.
class InputPipe {
 public:
  InputPipe() = default;
  InputPipe(const InputPipe&) = delete;
  InputPipe& operator=(const InputPipe&) = delete;
  InputPipe(InputPipe&&) = delete;
  InputPipe& operator=(InputPipe&&) = delete;
  ~InputPipe() {
    if (end_ >= 0) (void)::close(end_);
  }
  Status fill(const std::string& program, std::string_view input) {
    PAWL_ASSERT(input.size() <= kMaxInput);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return os_error("pipe", program, errno);
    end_ = ends[0];
    const auto put = ::write(ends[1], input.data(), input.size());
    const int number = errno;
    (void)::close(ends[1]);
    if (put == static_cast<ssize_t>(input.size())) return Ok{};
    return os_error("write", program, number);
  }
  [[nodiscard]] int end() const { return end_; }  // -1: never filled

 private:
  int end_ = -1;
};

/// File actions and attributes of the spawn: stdin from /dev/null or a pipe, output to the pipe,
/// own group.
class SpawnPlan {
 public:
  SpawnPlan(int input, int output) {
    (void)posix_spawn_file_actions_init(&actions_);
    if (input < 0) {
      (void)posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    } else {
      (void)posix_spawn_file_actions_adddup2(&actions_, input, 0);
    }
    (void)posix_spawn_file_actions_adddup2(&actions_, output, 1);
    (void)posix_spawn_file_actions_adddup2(&actions_, output, 2);
    (void)posix_spawnattr_init(&attributes_);
    (void)posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
    (void)posix_spawnattr_setpgroup(&attributes_, 0);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  SpawnPlan(SpawnPlan&&) = delete;
  SpawnPlan& operator=(SpawnPlan&&) = delete;
  ~SpawnPlan() {
    (void)posix_spawn_file_actions_destroy(&actions_);
    (void)posix_spawnattr_destroy(&attributes_);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

Result<ProcessResult> run_process(const std::string& program,
                                  const std::vector<std::string>& environment, Seconds limit,
                                  std::string_view input) {
  InputPipe from;
  if (!input.empty()) PAWL_CHECK(from.fill(program, input));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return os_error("pipe", program, errno);
  std::string name = program;
  std::vector<std::string> words = environment;
  std::array<char*, 2> argv{name.data(), nullptr};
  std::vector<char*> envp;
  envp.reserve(words.size() + 1);
  for (auto& word : words) envp.push_back(word.data());
  envp.push_back(nullptr);
  pid_t pid = 0;
  const SpawnPlan plan(from.end(), ends[1]);
  const int failed = ::posix_spawn(&pid, program.c_str(), plan.actions(), plan.attributes(),
                                   argv.data(), envp.data());
  (void)::close(ends[1]);
  if (failed != 0) {
    (void)::close(ends[0]);
    return os_error("start", program, failed);
  }
  return Child(pid, ends[0]).wait(limit);
}

std::string last_line(std::string_view output) {
  while (output.ends_with('\n')) output.remove_suffix(1);
  const auto start = output.rfind('\n');
  return clip_reason(start == std::string_view::npos ? output : output.substr(start + 1));
}

}  // namespace pawl::updater
