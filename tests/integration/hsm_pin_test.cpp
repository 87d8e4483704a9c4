#include <array>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "hsm/pin_source.hpp"
#include "tests/fakes/softhsm.hpp"

using namespace pawl;
using namespace pawl::hsm;

namespace {

Result<std::string> read_text(const std::string& source, const std::string& terminal = "/none") {
  PAWL_TRY(auto pin, PinSource::open(source));
  PAWL_TRY(const auto bytes, pin.read("PIN", terminal));
  return std::string(as_text(bytes.span()));
}

Errc code_of(const std::string& source) {
  const auto text = read_text(source);
  return text ? Errc::kInternal : text.error().code();
}

std::string pipe_with(const std::string& content) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  REQUIRE(::write(ends[1], content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  ::close(ends[1]);
  return "fd:" + std::to_string(ends[0]);
}

/// A pseudo-terminal; `type` sends keys, `shown` is what a person would see.
class Pty {
 public:
  Pty() : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    std::array<char, 64> name{};
    REQUIRE(::ptsname_r(master_, name.data(), name.size()) == 0);
    path_ = name.data();
    slave_ = ::open(path_.c_str(), O_RDWR | O_NOCTTY);
  }
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;
  ~Pty() {
    ::close(slave_);
    ::close(master_);
  }
  /// Answers the question: waits until it stands there, so that nothing typed is flushed.
  Result<std::string> answer(const std::string& keys) {
    std::thread person([&] {
      read_until(": ");
      (void)!::write(master_, keys.data(), keys.size());
      read_until("\n");
    });
    auto out = read_text("prompt", path_);
    person.join();
    return out;
  }
  [[nodiscard]] const std::string& shown() const { return shown_; }
  [[nodiscard]] bool echoes() const {
    termios now = {};
    return ::tcgetattr(slave_, &now) == 0 && (now.c_lflag & ECHO) != 0;
  }

 private:
  void read_until(const std::string& mark) {
    char c = 0;
    std::string part;
    while (part.find(mark) == std::string::npos && ::read(master_, &c, 1) == 1) part += c;
    shown_ += part;
  }
  int master_;
  int slave_ = -1;
  std::string path_;
  std::string shown_;
};

}  // namespace

TEST_CASE("a PIN comes from a descriptor, a line of it only", "[hsm][pin]") {  // FORMAT 10.2.1
  CHECK(*read_text(pipe_with("1234\nrest")) == "1234");
  CHECK(*read_text(pipe_with("1234")) == "1234");
  CHECK(code_of(pipe_with("\n")) == Errc::kUsage);
  CHECK(code_of(pipe_with("")) == Errc::kUsage);
  CHECK(read_text(pipe_with(std::string(255, 'a')))->size() == 255);
  CHECK(code_of(pipe_with(std::string(256, 'a'))) == Errc::kTooLarge);
  CHECK(code_of("fd:987") == Errc::kIo);
  for (const auto* bad : {"fd:", "fd:x", "fd:-1", "fd:3x"}) CHECK(code_of(bad) == Errc::kUsage);
}

TEST_CASE("a PIN file must be the user's own and private", "[hsm][pin]") {  // FORMAT 10.2.1
  const fakes::SoftHsm soft;
  const auto path = soft.file("pin", "12\n34\n");
  CHECK(*read_text("file:" + path) == "12\n34");  // one final line feed only
  CHECK(*read_text(path) == "12\n34");
  for (const auto mode : {0640, 0604, 0620, 0602}) {
    INFO(mode);
    std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
    CHECK(code_of(path) == Errc::kConfig);
  }
  std::filesystem::permissions(path, std::filesystem::perms(0400));
  CHECK(read_text(path));
  std::filesystem::create_symlink(path, soft.root() / "link");
  CHECK(code_of((soft.root() / "link").string()) == Errc::kIo);
  CHECK(code_of(soft.root().string()) == Errc::kConfig);
  CHECK(code_of("/nonexistent") == Errc::kIo);
  CHECK(code_of(soft.file("empty", "\n")) == Errc::kUsage);
  CHECK(code_of(soft.file("long", std::string(256, 'a'))) == Errc::kTooLarge);
  CHECK(code_of(soft.file("longer", std::string(257, 'a'))) == Errc::kTooLarge);
  if (::geteuid() == 0) {
    const auto other = soft.file("other", "1234");
    REQUIRE(::chown(other.c_str(), 12345, 12345) == 0);
    CHECK(code_of(other) == Errc::kConfig);
  }
}

TEST_CASE("a PIN comes from a systemd credential", "[hsm][pin]") {  // FORMAT 10.2.1
  const fakes::SoftHsm soft;
  REQUIRE_FALSE(soft.file("release-pin", "1234").empty());
  ::unsetenv("CREDENTIALS_DIRECTORY");
  CHECK(code_of("credential:release-pin") == Errc::kUsage);
  ::setenv("CREDENTIALS_DIRECTORY", soft.root().c_str(), 1);
  CHECK(*read_text("credential:release-pin") == "1234");
  std::filesystem::permissions(soft.root() / "release-pin", std::filesystem::perms(0440));
  CHECK(read_text("credential:release-pin"));  // as systemd makes them
  std::filesystem::permissions(soft.root() / "release-pin", std::filesystem::perms(0460));
  CHECK(code_of("credential:release-pin") == Errc::kConfig);
  for (const auto* bad : {"credential:", "credential:../x", "credential:.x", "credential:/x"}) {
    CHECK(code_of(bad) == Errc::kUsage);
  }
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_CASE("a PIN in the environment is erased when it is read", "[hsm][pin]") {  // FORMAT 10.2.1
  ::setenv("PAWL_TEST_PIN", "73915", 1);
  const char* place = std::getenv("PAWL_TEST_PIN");
  auto source = PinSource::open("env:PAWL_TEST_PIN");
  REQUIRE(source);
  CHECK(std::getenv("PAWL_TEST_PIN") == nullptr);
  CHECK(std::string(place).empty());
  CHECK_THAT(source->warning(), Catch::Contains("environment"));
  CHECK(as_text(source->read("PIN")->span()) == "73915");
  CHECK(source->read("PIN").error().code() == Errc::kUsage);
  CHECK(code_of("env:PAWL_TEST_PIN") == Errc::kUsage);  // unset now
  ::setenv("PAWL_TEST_PIN", "", 1);
  CHECK(code_of("env:PAWL_TEST_PIN") == Errc::kUsage);
}

TEST_CASE("the terminal asks without echo and is restored", "[hsm][pin]") {  // FORMAT 10.2.1
  Pty pty;
  CHECK(*pty.answer("12\x7f"
                    "34\r") == "134");
  CHECK_THAT(pty.shown(), Catch::Contains("PIN: ") && !Catch::Contains("34"));
  CHECK(pty.echoes());
  CHECK(*pty.answer("999\x15"
                    "55\n") == "55");
  CHECK(pty.answer("12\x03").error().code() == Errc::kUsage);
  CHECK(pty.echoes());
  CHECK(pty.answer(std::string(256, 'a')).error().code() == Errc::kTooLarge);
  CHECK(code_of("prompt") == Errc::kUsage);  // no terminal
}

TEST_CASE("other PIN sources are refused without repeating them", "[hsm][pin]") {
  for (const auto* bad : {"73915", "", "|cat 73915", "pin:73915", "value:73915"}) {
    INFO(bad);
    const auto source = PinSource::open(bad);
    REQUIRE_FALSE(source);
    CHECK(source.error().code() == Errc::kUsage);
    CHECK_THAT(source.error().what() + source.error().hint(), !Catch::Contains("73915"));
  }
  CHECK(PinSource::open("protected-path")->kind() == PinSource::Kind::kProtectedPath);
}
