#include "hsm/prompt.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sodium.h>
#include <termios.h>
#include <unistd.h>

namespace pawl::hsm {
namespace {

/// The open terminal, silent while this lives.
class SilentTerminal {
 public:
  explicit SilentTerminal(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY)) {
    if (fd_ < 0 || ::tcgetattr(fd_, &before_) != 0) return;
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    ready_ = ::tcsetattr(fd_, TCSAFLUSH, &silent) == 0;
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  SilentTerminal(SilentTerminal&&) = delete;
  SilentTerminal& operator=(SilentTerminal&&) = delete;
  ~SilentTerminal() {
    if (ready_) (void)::tcsetattr(fd_, TCSAFLUSH, &before_);
    if (fd_ >= 0) (void)::close(fd_);
  }
  [[nodiscard]] bool ready() const { return ready_; }
  void write(std::string_view text) const {
    while (!text.empty()) {
      const auto n = ::write(fd_, text.data(), text.size());
      if (n < 0 && errno != EINTR) return;
      if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  /// False at the end of the stream.
  [[nodiscard]] bool read(std::uint8_t& c) const {
    for (;;) {
      const auto n = ::read(fd_, &c, 1);
      if (n < 0 && errno == EINTR) continue;
      return n == 1;
    }
  }

 private:
  int fd_;
  termios before_ = {};
  bool ready_ = false;
};

constexpr std::uint8_t kCtrlC = 3;
constexpr std::uint8_t kCtrlD = 4;
constexpr std::uint8_t kBackspace = 8;
constexpr std::uint8_t kCtrlU = 21;
constexpr std::uint8_t kDelete = 127;

Result<std::size_t> edit_line(const SilentTerminal& terminal, std::span<std::uint8_t> out) {
  std::size_t size = 0;
  std::uint8_t c = 0;
  while (terminal.read(c)) {
    if (c == '\n' || c == '\r') return size;
    if (c == kCtrlC || c == kCtrlD) break;
    if (c == kCtrlU) size = 0;
    if ((c == kBackspace || c == kDelete) && size > 0) --size;
    if (c == kCtrlU || c == kBackspace || c == kDelete) continue;
    if (size == out.size()) {
      return fail(Errc::kTooLarge, "secret has over " + std::to_string(size) + " bytes");
    }
    out[size++] = c;
  }
  return fail(Errc::kUsage, "cancelled");
}

}  // namespace

Result<SecretBytes> prompt_secret(const std::string& terminal, std::string_view question,
                                  std::size_t limit) {
  PAWL_TRY(auto out, SecretBytes::allocate(limit));
  const SilentTerminal screen(terminal);
  if (!screen.ready()) {
    return fail(Errc::kUsage, "no terminal to ask for the " + std::string(question))
        .with_hint("give the PIN with fd:N, file:/path or credential:NAME");
  }
  screen.write(std::string(question) + ": ");
  auto size = edit_line(screen, out.mutable_span());
  screen.write("\n");
  PAWL_TRY(const auto length, std::move(size));
  out.truncate(length);
  return out;
}

}  // namespace pawl::hsm
