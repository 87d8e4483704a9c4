#include "hsm/pin_source.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <sodium.h>

#include "hsm/prompt.hpp"
#include "hsm/secret_file.hpp"

namespace pawl::hsm {
namespace {

/// Copies the variable, then erases it from the process's environment block.
Result<SecretBytes> take_environment(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): command lines are read before any thread starts
  char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') {
    return fail(Errc::kUsage, "environment variable " + printable(name) + " is unset or empty");
  }
  const std::string_view text(value);
  if (text.size() > kMaxPin) return fail(Errc::kTooLarge, "PIN has over 255 bytes");
  auto copy = SecretBytes::copy_of(as_bytes(text));
  sodium_memzero(value, text.size());
  (void)::unsetenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): as above
  return copy;
}

Result<int> descriptor_of(std::string_view text) {
  int fd = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
  if (error != std::errc{} || end != text.data() + text.size() || fd < 0) {
    return fail(Errc::kUsage, "PIN source fd:" + printable(text) + " is not a descriptor number");
  }
  return fd;
}

bool plain_name(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos && name.front() != '.';
}

Result<SecretBytes> read_credential(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in the process changes it
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || *directory != '/') {
    return fail(Errc::kUsage, "no systemd credentials: CREDENTIALS_DIRECTORY is not set")
        .with_hint("run under systemd with LoadCredential=" + name + ":/path");
  }
  return read_secret_file(std::string(directory) + "/" + name, kMaxPin + 1, FileRule::kCredential);
}

void drop_line_feed(SecretBytes& pin) {
  if (pin.size() > 0 && pin.span().back() == '\n') pin.truncate(pin.size() - 1);
}

}  // namespace

Result<PinSource> PinSource::open(std::string_view text) {
  struct Row {
    std::string_view prefix;
    Kind kind;
  };
  constexpr std::array kRows{Row{"fd:", Kind::kFd}, Row{"file:", Kind::kFile},
                             Row{"credential:", Kind::kCredential},
                             Row{"env:", Kind::kEnvironment}};
  if (text == "prompt") return PinSource(Kind::kPrompt, {});
  if (text == "protected-path") return PinSource(Kind::kProtectedPath, {});
  if (!text.empty() && text.front() == '/') return PinSource(Kind::kFile, std::string(text));
  for (const auto& row : kRows) {
    if (text.substr(0, row.prefix.size()) != row.prefix) continue;
    PinSource out(row.kind, std::string(text.substr(row.prefix.size())));
    if (row.kind == Kind::kFd) PAWL_CHECK(descriptor_of(out.where_));
    if (row.kind != Kind::kFile && !plain_name(out.where_)) break;
    if (row.kind == Kind::kFile && out.where_.empty()) break;
    if (row.kind == Kind::kEnvironment) {
      PAWL_TRY(auto value, take_environment(out.where_));
      out.captured_ = std::move(value);
    }
    return out;
  }
  // The text is not repeated: it may be the PIN itself, given by mistake.
  return fail(Errc::kUsage, "unknown PIN source")
      .with_hint("use fd:N, file:/path, credential:NAME, env:NAME, prompt or protected-path");
}

Result<SecretBytes> PinSource::read(std::string_view question, const std::string& terminal) {
  const auto fetch = [&]() -> Result<SecretBytes> {
    switch (kind_) {
      case Kind::kFd: {
        PAWL_TRY(const int fd, descriptor_of(where_));
        return read_secret_line(fd, kMaxPin);
      }
      case Kind::kFile:
        return read_secret_file(where_, kMaxPin + 1, FileRule::kPrivate);
      case Kind::kCredential:
        return read_credential(where_);
      case Kind::kEnvironment: {
        if (!captured_) return fail(Errc::kUsage, "the PIN of this variable was used already");
        auto pin = *std::move(captured_);
        captured_.reset();
        return pin;
      }
      case Kind::kPrompt:
        return prompt_secret(terminal, question, kMaxPin);
      case Kind::kProtectedPath:
        return fail(Errc::kUsage, "the PIN is entered at the token");
    }
    return fail(Errc::kInternal, "unknown PIN source");
  };
  PAWL_TRY(auto pin, fetch());
  drop_line_feed(pin);
  if (pin.size() == 0) return fail(Errc::kUsage, "the PIN is empty");
  if (pin.size() > kMaxPin) return fail(Errc::kTooLarge, "PIN has over 255 bytes");
  return pin;
}

std::string PinSource::warning() const {
  if (kind_ != Kind::kEnvironment) return {};
  return "the PIN came from the environment, which other programs of this user can read; "
         "prefer fd:N, file:/path or a systemd credential";
}

}  // namespace pawl::hsm
