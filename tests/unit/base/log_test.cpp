#include "base/log.hpp"

#include <sstream>

#include <catch2/catch.hpp>

#include "base/progress.hpp"

using namespace pawl;

namespace {
class ManualClock final : public Clock {
 public:
  std::chrono::milliseconds passed{0};
  UtcTime now() override { return UtcTime(std::chrono::floor<Seconds>(passed)); }
  std::chrono::steady_clock::time_point steady() override {
    return std::chrono::steady_clock::time_point(passed);
  }
};
}  // namespace

TEST_CASE("log: one line per event, values cannot forge another", "[base][log]") {
  std::ostringstream out;
  StreamLog log(out, LogLevel::kInfo);
  log.write(LogLevel::kDebug, "hidden", {});
  log.write(LogLevel::kWarning, "refused", {{"device", "gw 7"}, {"why", "a\"b\nerror forged"}});
  CHECK(out.str() == "warning refused device=\"gw 7\" why=\"a\\\"b?error forged\"\n");
}

TEST_CASE("progress: JSON lines begin, end and are rate limited", "[base][progress]") {
  std::ostringstream out;
  ManualClock clock;
  JsonProgress progress(out, clock);
  for (int i = 0; i <= 100; ++i, clock.passed += std::chrono::milliseconds(10)) {
    progress.update("install rootfs", static_cast<std::uint64_t>(i), 100);
  }
  progress.finish();
  const auto text = out.str();
  CHECK(text.starts_with(
      R"({"done":0,"event":"progress","schema":1,"stage":"install rootfs","total":100})"));
  CHECK(text.find(R"("done":100)") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 12);  // 0 to 100 in steps of 10, and the end
}

TEST_CASE("progress: the bar shows bytes, rate and time left", "[base][progress]") {
  std::ostringstream out;
  ManualClock clock;
  TerminalProgress progress(out, clock);
  progress.update("copy", 0, 10'000'000);
  clock.passed += std::chrono::seconds(2);
  progress.update("copy", 5'000'000, 10'000'000);
  CHECK(out.str().find("5.0 MB of 10.0 MB, 2.5 MB/s, 2 s left") != std::string::npos);
  CHECK(out.str().find("[###############...............]") != std::string::npos);
  progress.finish();
  CHECK(out.str().ends_with("\n"));
  CHECK(format_size(999) == "999 B");
  CHECK(format_size(1'500) == "1.5 kB");
}
