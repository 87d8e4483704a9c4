#include "hsm/command_signer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pawl::hsm {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// The running program: one socket is its standard input and output, in a process group of its
/// own so that its children end with it.
class Running {
 public:
  Running(pid_t child, int socket) : child_(child), socket_(socket) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  Running(Running&&) = delete;
  Running& operator=(Running&&) = delete;
  ~Running() {
    (void)::close(socket_);
    if (child_ > 0) (void)finish();
  }
  [[nodiscard]] int socket() const { return socket_; }
  /// Ends what is left of the group and gives the program's own status.
  int finish() {
    int status = 0;
    (void)::kill(-child_, SIGKILL);
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
    return status;
  }
  /// The status when the program ends by itself in time.
  Result<int> wait_until(Clock::time_point deadline) {
    while (Clock::now() < deadline) {
      siginfo_t info = {};
      if (::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
          info.si_pid == child_) {
        return finish();
      }
      (void)::poll(nullptr, 0, 5);
    }
    return fail(Errc::kTimeout, "");
  }

 private:
  pid_t child_;
  int socket_;
};

[[noreturn]] void become(const SigningCommand& command, int socket) {
  std::vector<char*> argv{const_cast<char*>(command.program.c_str())};  // execv takes it so
  for (const auto& word : command.arguments) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  (void)::setpgid(0, 0);
  if (::dup2(socket, STDIN_FILENO) >= 0 && ::dup2(socket, STDOUT_FILENO) >= 0) {
    (void)::execv(argv[0], argv.data());
  }
  ::_exit(127);
}

Result<int> milliseconds_left(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
  if (left <= milliseconds(0)) return fail(Errc::kTimeout, "");
  return static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
}

/// Feeds the message and collects the answer at the same time: neither side can block the other.
Result<Bytes> converse(int socket, ByteView message, Clock::time_point deadline) {
  constexpr std::size_t kMost = 65;  // one more than a signature: enough to see too much
  Bytes answer;
  while (answer.size() < kMost) {
    PAWL_TRY(const int wait, milliseconds_left(deadline));
    const auto events = static_cast<short>(POLLIN | (message.empty() ? 0 : POLLOUT));
    pollfd one{socket, events, 0};
    if (::poll(&one, 1, wait) <= 0) continue;
    if ((one.revents & POLLOUT) != 0) {
      const auto n = ::send(socket, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) message = message.subspan(static_cast<std::size_t>(n));
      if (n < 0 && errno == EPIPE) message = {};  // it may answer without reading all: we verify
      if (message.empty()) (void)::shutdown(socket, SHUT_WR);
    }
    if ((one.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    std::array<std::uint8_t, kMost> part{};
    const auto n = ::recv(socket, part.data(), kMost - answer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) break;
    answer.insert(answer.end(), part.begin(), part.begin() + n);
  }
  return answer;
}

Status check_program(const SigningCommand& command) {
  if (command.program.empty() || command.program.front() != '/') {
    return fail(Errc::kUsage, "signing program " + printable(command.program) + " is not absolute");
  }
  struct stat st = {};
  if (::stat(command.program.c_str(), &st) != 0) {
    return fail(Errc::kIo, command.program + ": " + std::generic_category().message(errno), errno);
  }
  if (!S_ISREG(st.st_mode) || (st.st_mode & 0111U) == 0) {
    return fail(Errc::kConfig, command.program + ": not a program");
  }
  if ((st.st_mode & 0022U) != 0 || (st.st_uid != 0 && st.st_uid != ::geteuid())) {
    return fail(Errc::kConfig, command.program + ": others may write this program");
  }
  return Ok{};
}

KeyFacts external_facts(const std::string& name) {
  KeyFacts facts;
  facts.kind = KeyKind::kExternal;
  facts.label = name;
  return facts;
}

}  // namespace

CommandSigner::CommandSigner(SigningCommand command, const Ed25519PublicKey& pinned)
    : Signer(pinned, external_facts(command.name), std::min(command.message_limit, kMaxMessage)),
      command_(std::move(command)) {}

Result<std::unique_ptr<Signer>> CommandSigner::open(SigningCommand command,
                                                    const Ed25519PublicKey& pinned) {
  PAWL_CHECK(check_program(command));
  return std::unique_ptr<Signer>(new CommandSigner(std::move(command), pinned));
}

Result<Ed25519Signature> CommandSigner::make_signature(ByteView message) {
  const auto deadline = Clock::now() + command_.limit;
  const auto late = [&] {
    return fail(Errc::kTimeout, "signing program " + printable(command_.name) +
                                    " did not answer in time; it was killed");
  };
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(Errc::kIo, "socketpair: " + std::generic_category().message(errno), errno);
  }
  const pid_t child = ::fork();
  if (child == 0) become(command_, ends[1]);
  (void)::close(ends[1]);
  if (child > 0) (void)::setpgid(child, child);
  Running program(child, ends[0]);
  if (child < 0) return fail(Errc::kIo, "fork: " + std::generic_category().message(errno), errno);
  const auto answer = converse(program.socket(), message, deadline);
  if (!answer) return late();
  Ed25519Signature out;
  const auto wrong_size = [&] {
    return fail(Errc::kHsm, "signing program " + printable(command_.name) +
                                " must write exactly the 64 bytes of the signature");
  };
  if (answer->size() > out.bytes.size()) return wrong_size();  // it may go on for ever
  const auto status = program.wait_until(deadline);
  if (!status) return late();
  if (*status != 0) {
    return fail(Errc::kHsm, "signing program " + printable(command_.name) + " failed", *status)
        .with_hint("its own messages are above");
  }
  if (answer->size() != out.bytes.size()) return wrong_size();
  std::copy(answer->begin(), answer->end(), out.bytes.begin());
  return out;
}

}  // namespace pawl::hsm
