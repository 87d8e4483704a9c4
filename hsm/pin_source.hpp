#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace pawl::hsm {

inline constexpr std::size_t kMaxPin = 255;  // bytes

/// Where a PIN comes from; never the command line. FORMAT 10.2.
///
/// `fd:N` reads a line from an open descriptor; `file:/path` a file of mode 0600 owned by the user;
/// `credential:NAME` a systemd credential; `env:NAME` a variable, read and erased at once, with a
/// warning; `prompt` the terminal without echo; `protected-path` the token's own key pad.
class PinSource {
 public:
  enum class Kind : std::uint8_t { kFd, kFile, kCredential, kEnvironment, kPrompt, kProtectedPath };

  /// Reads an `env:` value at once (call before any module is loaded); all others wait for `read`.
  /// @return kUsage for an unknown kind, a command (`|...`) or a variable that is unset or empty.
  static Result<PinSource> open(std::string_view text);
  /// The PIN in locked memory, without a final line feed; for an `env:` source only once.
  /// @param question  shown on the terminal for `prompt`, e.g. `PIN of token release-1`
  /// @param terminal  the terminal's path; a pseudo-terminal in tests
  /// @return kUsage when there is no terminal or the PIN is empty, kIo or kConfig for files.
  [[nodiscard]] Result<SecretBytes> read(std::string_view question,
                                         const std::string& terminal = "/dev/tty");
  [[nodiscard]] Kind kind() const { return kind_; }
  /// What the program should warn about before going on; empty for most kinds.
  [[nodiscard]] std::string warning() const;

 private:
  PinSource(Kind kind, std::string where) : kind_(kind), where_(std::move(where)) {}
  Kind kind_;
  std::string where_;  // path, name or number
  std::optional<SecretBytes> captured_;
};

}  // namespace pawl::hsm
