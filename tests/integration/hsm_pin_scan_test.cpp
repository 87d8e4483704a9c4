#include <array>
#include <vector>

#include <fcntl.h>

#include "hsm/broker.hpp"
#include "tests/integration/hsm_ready.hpp"

using namespace pawl;
using namespace pawl::hsm;

namespace {

// The PIN of these tests with every bit of 0x55 turned over, so that it stands nowhere in clear.
constexpr std::array<unsigned char, 12> kTurned{0x0f, 0x24, 0x05, 0x3c, 0x3b, 0x18,
                                                0x34, 0x27, 0x3e, 0x62, 0x67, 0x63};

/// Makes the token and its PIN file in a child, so that the PIN never was in this process.
void make_token(const fakes::SoftHsm& soft) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::string pin;
    for (const auto c : kTurned) pin.push_back(static_cast<char>(c ^ 0x55));
    soft.add_token("scanned", pin);
    (void)soft.file("pin", pin);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
}

bool is_pin(const unsigned char* at) {
  for (std::size_t i = 0; i < kTurned.size(); ++i) {
    if ((at[i] ^ 0x55) != kTurned[i]) return false;
  }
  return true;
}

int count_in(int memory, off_t from, off_t to) {
  std::vector<unsigned char> bytes(static_cast<std::size_t>(to - from));
  const auto n = ::pread(memory, bytes.data(), bytes.size(), from);
  int found = 0;
  for (ssize_t i = 0; i + static_cast<ssize_t>(kTurned.size()) <= n; ++i) {
    found += is_pin(bytes.data() + i) ? 1 : 0;
  }
  std::fill(bytes.begin(), bytes.end(), 0);
  return found;
}

/// Copies of the PIN in the writable memory of a process; -1 when that cannot be read.
int copies_in(const std::string& process) {
  std::ifstream maps("/proc/" + process + "/maps");
  const int memory = ::open(("/proc/" + process + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) return -1;
  int found = 0;
  for (std::string line; std::getline(maps, line);) {
    const auto dash = line.find('-');
    const auto blank = line.find(' ');
    if (line.substr(blank + 1, 2) != "rw") continue;
    const auto from = std::strtoull(line.c_str(), nullptr, 16);
    const auto to = std::strtoull(line.c_str() + dash + 1, nullptr, 16);
    if (to - from > (std::uint64_t{1} << 30U)) continue;  // sanitizers' shadow
    found += count_in(memory, static_cast<off_t>(from), static_cast<off_t>(to));
  }
  ::close(memory);
  return found;
}

}  // namespace

TEST_CASE("after a login no copy of the PIN is left in memory", "[hsm][pin]") {
  const fakes::SoftHsm soft;
  make_token(soft);
  const auto source = "file:" + (soft.root() / "pin").string();
  Uri uri;
  uri.token = "scanned";
  uri.module_path = fakes::kSoftHsm;
  {
    auto pin = PinSource::open(source);
    const auto held = pin->read("PIN");
    REQUIRE(held);
    CHECK(copies_in("self") >= 1);  // the scan finds what is there
  }
  CHECK(copies_in("self") == 0);
  Keyring ring;
  auto pin = PinSource::open(source);
  const auto session = ring.session(uri, *pin);
  REQUIRE(session);
  REQUIRE(*(*session)->logged_in());
  CHECK(copies_in("self") == 0);
}

TEST_CASE("after a login no copy of the PIN is left in the broker", "[hsm][pin][broker]") {
  const fakes::SoftHsm soft;
  make_token(soft);
  Uri uri;
  uri.token = "scanned";
  uri.object = "gw3";
  auto pin = PinSource::open("file:" + (soft.root() / "pin").string());
  auto broker = Broker::start({fakes::kSoftHsm}, *std::move(pin));
  REQUIRE(broker);
  REQUIRE((*broker)->generate(uri));
  CHECK(copies_in(std::to_string((*broker)->process())) == 0);
  CHECK(copies_in("self") == 0);
}
