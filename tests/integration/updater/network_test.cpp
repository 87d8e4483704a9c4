// The updater's own network code against a server over real TLS, with the device in memory: what
// goes over the wire and to the disk is counted, the uplink is cut, the server misbehaves.
#include <catch2/catch.hpp>

#include "network_world.hpp"

using namespace pawl;
using namespace pawl::fakes;
using updater::Agent;
using updater::PollResult;

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += word + " ";
  return out;
}

std::string text_of(const Result<PollResult>& result) {
  return result ? "" : result.error().what();
}

/// Windows of slot b that hold the new image.
std::size_t windows_there(World& world) {
  const auto slot = world.device.disk.content("/dev/slots/b");
  const auto& image = factory().releases.at("1.1.0").rootfs;
  std::size_t out = 0;
  for (std::size_t at = 0; at < kImage; at += kWindow) {
    const auto size = std::min(kWindow, kImage - at);
    out += std::equal(image.begin() + static_cast<std::ptrdiff_t>(at),
                      image.begin() + static_cast<std::ptrdiff_t>(at + size),
                      slot.begin() + static_cast<std::ptrdiff_t>(at))
               ? 1U
               : 0U;
  }
  return out;
}

}  // namespace

TEST_CASE("network: an offered release is installed, tried and committed, and the server is told",
          "[integration][network]") {
  World world;
  {
    Life life(world);
    const auto nothing = life.agent.poll();
    REQUIRE(nothing);
    CHECK(nothing->end == PollResult::End::kRefreshed);
    CHECK(nothing->asked == Seconds(600));
    world.api.offer_release("1.1.0");
    const auto armed = life.agent.poll();
    INFO(text_of(armed));
    REQUIRE(armed);
    CHECK(armed->end == PollResult::End::kArmed);
    CHECK(armed->version == "1.1.0");
    CHECK(joined(world.api.steps) == "offered downloading verified staged rebooting ");
    CHECK(life.link.traffic().connections == 1);
    CHECK(windows_there(world) == kWindows - 1);
  }
  world.api.offer.clear();
  REQUIRE(world.device.start() == "b");
  Life life(world);
  REQUIRE(updater::boot_up(life.device));
  REQUIRE(updater::trial(life.device));
  REQUIRE(life.agent.poll());
  CHECK(joined(world.api.steps) ==
        "offered downloading verified staged rebooting trial committed ");
  CHECK(world.device.floors().release_counter == ReleaseCounter(2));
}

TEST_CASE("network: a poll with nothing new costs 300 bytes each way and no write",
          "[integration][network]") {
  World world;
  Life life(world);
  world.device.disk.put("/dev/run/booted", "slot=a boot_id=0c5d1a30-0e2c-4b1e-9e0a-1f0d3a7c2b11\n");
  REQUIRE(life.agent.poll());
  const auto ops = world.device.disk.ops;
  for (int i = 0; i < 3; ++i) {
    const auto up = world.uplink.up();
    const auto down = world.uplink.down();
    const auto done = life.agent.poll();
    REQUIRE(done);
    CHECK(done->end == PollResult::End::kNothing);
    CHECK(done->asked == Seconds(900));
    CHECK(world.uplink.up() - up <= 300);
    CHECK(world.uplink.down() - down <= 300);
  }
  CHECK(world.device.disk.ops == ops);
  CHECK(world.uplink.connections() == 1);
}

TEST_CASE("network: metadata that did not arrive are asked for at the next poll",
          "[integration][network]") {
  World world;
  Life life(world);
  world.api.before = [&](const std::string& line) {
    if (line.starts_with("GET /v1/metadata/")) world.uplink.cut_after(0);
  };
  CHECK(code_of(life.agent.poll()) == Errc::kTransport);
  world.api.before = nullptr;
  world.uplink.restore();
  const auto again = life.agent.poll();
  INFO(text_of(again));
  REQUIRE(again);
  CHECK(again->end == PollResult::End::kRefreshed);
}

TEST_CASE("network: a frame behind the end of its blob is never asked for",
          "[integration][network]") {
  World world;
  Life life(world);
  updater::NetBlob blob(life.link, {Sha256Digest{}, 100});
  Bytes out(10);
  for (const std::uint64_t offset : {std::uint64_t{91}, std::uint64_t{101}, ~std::uint64_t{0}}) {
    const auto refused = blob.fetch(out, offset);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kMalformed);
  }
  CHECK(world.uplink.connections() == 0);
}

TEST_CASE("network: a name that is no path of a repository is never asked for",
          "[integration][network]") {
  World world;
  Life life(world);
  for (const auto* name : {"../1.root.json", "/etc/passwd", "a//b"}) {
    INFO(name);
    CHECK(code_of(life.fetcher.target(name, 10)) == Errc::kMalformed);
  }
  CHECK(code_of(life.fetcher.metadata("1 .root.json", 10)) == Errc::kMalformed);
  CHECK(code_of(life.fetcher.metadata("1.root.json HTTP/1.1\r\nx: y", 10)) == Errc::kMalformed);
  CHECK(world.uplink.connections() == 0);
}

TEST_CASE("network: frames come in few ranges", "[integration][network]") {
  World world;
  world.api.offer_release("1.1.0");
  Life life(world);
  REQUIRE(life.agent.poll());
  const auto& release = factory().releases.at("1.1.0").release;
  const auto container =
      "GET /v1/blob/" + to_hex(release.components[0].payloads[0].container.sha256);
  // 64 + 128 + 256 KiB, then 512 KiB each, for 33 frames
  CHECK(world.api.count(container) <= 7);
}

TEST_CASE("network: cut off anywhere in the download, it resumes at the first unverified window",
          "[integration][network]") {
  const auto after = GENERATE(std::uint64_t{5000}, std::uint64_t{60000}, std::uint64_t{300000},
                              std::uint64_t{1'000'000}, std::uint64_t{2'000'000});
  INFO("uplink cut after " << after << " bytes");
  World world;
  world.api.offer_release("1.1.0");
  world.uplink.cut_after(after);
  {
    Life life(world);
    const auto cut = life.agent.poll();
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code() == Errc::kTransport);
    const auto still = life.agent.poll();
    CHECK(code_of(still) == Errc::kTransport);
  }
  CHECK_THAT(world.device.disk.text("/dev/boot/state"),
             Catch::StartsWith("primary=a trial=- tries=0"));
  const auto there = windows_there(world);
  if (after >= 1'000'000) CHECK(there > 0);
  REQUIRE(world.device.start() == "a");  // the power went too
  world.uplink.restore();
  const auto down = world.uplink.down();
  Life life(world);
  const auto armed = life.agent.poll();
  INFO(text_of(armed));
  REQUIRE(armed);
  CHECK(armed->end == PollResult::End::kArmed);
  CHECK(world.uplink.down() - down < kImage - there * kWindow + 100'000);
  CHECK(joined(world.api.steps) == "offered downloading verified staged rebooting ");
}

TEST_CASE("network: a damaged blob is never armed, and the server learns why",
          "[integration][network]") {
  World world;
  world.api.offer_release("1.1.0");
  const auto& payload = factory().releases.at("1.1.0").release.components[0].payloads[0];
  world.api.broken_blob = to_hex(GENERATE_COPY(payload.container.sha256, payload.index.sha256));
  Life life(world);
  const auto refused = life.agent.poll();
  REQUIRE(code_of(refused) == Errc::kHashMismatch);
  CHECK(world.device.record().state != updater::State::kArmed);
  CHECK(world.device.start() == "a");
  world.api.broken_blob.clear();
  const auto armed = life.agent.poll();
  INFO(text_of(armed));
  REQUIRE(armed);
  CHECK(armed->end == PollResult::End::kArmed);
  const auto failed = std::find(world.api.steps.begin(), world.api.steps.end(), "failed");
  REQUIRE(failed != world.api.steps.end());
  CHECK(world.api.codes[static_cast<std::size_t>(failed - world.api.steps.begin())] == 15);
}

TEST_CASE("network: a server that offers another manifest than the repository lists is refused",
          "[integration][network]") {
  World world;
  world.api.offer_release("1.1.0");
  world.api.manifest.bytes[3] ^= 1U;
  Life life(world);
  CHECK(code_of(life.agent.poll()) == Errc::kHashMismatch);
  CHECK(windows_there(world) == 0);
  REQUIRE_FALSE(life.agent.poll());
  CHECK(joined(world.api.steps) == "failed ");
}

TEST_CASE("network: a new SVID is used in the middle of a download", "[integration][network]") {
  World world;
  world.api.offer_release("1.1.0");
  const auto fresh = issue(leaf_spec("spiffe://example.org/device/d1"), &world.root);
  int blobs = 0;
  world.api.before = [&](const std::string& line) {
    if (!line.starts_with("GET /v1/blob/") || ++blobs != 5) return;
    world.put_identity(fresh);  // the device waits for this answer
    world.tls_clock.steady_time += Seconds(61);
  };
  Life life(world);
  const auto armed = life.agent.poll();
  INFO(text_of(armed));
  REQUIRE(armed);
  CHECK(armed->end == PollResult::End::kArmed);
  CHECK(life.link.traffic().connections == 2);
  CHECK(blobs > 5);
}

TEST_CASE("network: half a rotation keeps the old SVID", "[integration][network]") {
  World world;
  Life life(world);
  REQUIRE(life.agent.poll());
  const auto fresh = issue(leaf_spec("spiffe://example.org/device/d1"), &world.root);
  world.device.disk.put("/var/svid/svid.pem", as_bytes(pem_of(fresh)));
  world.tls_clock.steady_time += Seconds(61);
  REQUIRE(life.agent.poll());
  CHECK(life.link.traffic().connections == 1);
  world.put_identity(fresh);
  world.tls_clock.steady_time += Seconds(61);
  REQUIRE(life.agent.poll());
  CHECK(life.link.traffic().connections == 2);
}

TEST_CASE("network: without an SVID nothing is asked", "[integration][network]") {
  World world;
  REQUIRE(world.device.disk.remove("/var/svid/svid.pem"));
  Life life(world);
  const auto refused = life.agent.poll();
  REQUIRE(code_of(refused) == Errc::kIo);
  CHECK_FALSE(refused.error().hint().empty());
  CHECK(world.uplink.connections() == 0);
}

TEST_CASE("network: status records wait on the disk until the server takes them",
          "[integration][network]") {
  World world;
  world.api.offer_release("1.1.0");
  world.api.refuse_status = GENERATE(
      DeviceApi::whole("503 Busy", ""),
      DeviceApi::whole("400 Bad", "{\"code\":10,\"reason\":\"x\"}"), DeviceApi::whole("404 No", ""),
      DeviceApi::whole("200 OK", "{\"acknowledged\":0}"), DeviceApi::whole("200 OK", "[]"));
  {
    Life life(world);
    const auto armed = life.agent.poll();
    INFO(text_of(armed));
    REQUIRE(armed);
    CHECK(armed->end == PollResult::End::kArmed);
  }
  CHECK(world.api.steps.empty());
  world.api.offer.clear();
  world.api.refuse_status.clear();
  REQUIRE(world.device.start() == "b");
  Life life(world);
  REQUIRE(updater::boot_up(life.device));
  REQUIRE(updater::trial(life.device));
  REQUIRE(life.agent.poll());
  CHECK(joined(world.api.steps) ==
        "offered downloading verified staged rebooting trial committed ");
  const auto ops = world.device.disk.ops;
  REQUIRE(life.agent.poll());
  CHECK(world.device.disk.ops == ops);
}

TEST_CASE("network: only a true 404 says that there is no newer root (FORMAT 2.5.5)",
          "[integration][network][faults]") {
  // the head of a gzip file; were it decoded, more could come out than was announced
  const std::string gzip("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x0d\x00\x00", 16);
  struct Row {
    const char* why;
    std::string answer;
    Errc code;
    const char* attack;
  };
  const auto row = GENERATE_COPY(
      Row{"404", DeviceApi::whole("404 No", ""), Errc{}, ""},
      Row{"500", DeviceApi::whole("500 Error", ""), Errc::kTransport, ""},
      Row{"503", DeviceApi::whole("503 Busy", ""), Errc::kTransport, ""},
      Row{"403", DeviceApi::whole("403 No", R"({"code":23,"reason":"banned"})"),
          Errc::kRefusedByServer, ""},
      Row{"redirect", DeviceApi::whole("302 Found\r\nLocation: http://127.0.0.1/", ""),
          Errc::kRefusedByServer, ""},
      Row{"empty", DeviceApi::whole("200 OK", ""), Errc::kMalformed, "malformed"},
      Row{"shorter than it says it is", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}}}",
          Errc::kMalformed, "malformed"},
      Row{"compressed", DeviceApi::whole("200 OK\r\nContent-Encoding: gzip", gzip),
          Errc::kMalformed, "malformed"},
      Row{"over its limit", DeviceApi::whole("200 OK", std::string(32769, ' ')), Errc::kTooLarge,
          "endless"});
  INFO(row.why);
  World world;
  world.api.instead["/v1/metadata/2.root.json"] = row.answer;
  Life life(world);
  MemoryStore store;
  manifest::UpdaterOptions options;
  options.anchor = factory().repo.metadata_files.at("1.root.json");
  manifest::Updater client(life.fetcher, store, world.device.clock, std::move(options));
  const auto report = client.refresh();
  INFO((report ? "ok" : report.error().what()));
  CHECK(code_of(report) == row.code);
  if (!report) CHECK(report.error().attack() == row.attack);
}

TEST_CASE("network: what a wrong server says to the poll is refused", "[integration][network]") {
  struct Row {
    std::string answer;
    Errc code;
  };
  const auto row = GENERATE(
      Row{DeviceApi::whole("403 No", R"({"code":23,"reason":"banned"})"), Errc::kRefusedByServer},
      Row{DeviceApi::whole("503 Busy", ""), Errc::kTransport},
      Row{DeviceApi::whole("200 OK", "{}"), Errc::kMalformed},
      Row{DeviceApi::whole("200 OK", std::string(4097, ' ')), Errc::kTooLarge},
      Row{DeviceApi::whole("302 Found\r\nLocation: http://127.0.0.1/", ""),
          Errc::kRefusedByServer});
  INFO(row.answer.substr(0, 60));
  World world;
  world.api.refuse_check = row.answer;
  Life life(world);
  CHECK(code_of(life.agent.poll()) == row.code);
  CHECK(world.device.record() == updater::Record{});
}

namespace {

/// Notes every wait, does something before it ends, and stops the program after the last one.
class NotingWaiter final : public updater::Waiter {
 public:
  explicit NotingWaiter(std::size_t most) : most_(most) {}
  std::function<void(std::size_t)> then;
  std::vector<Seconds> waits;
  bool wait(Seconds time) override {
    waits.push_back(time);
    if (then) then(waits.size());
    return waits.size() <= most_;
  }

 private:
  std::size_t most_;
};

}  // namespace

TEST_CASE("network: run waits as the server asks, backs off, and comes back at once",
          "[integration][network]") {
  World world;
  Life life(world);
  NotingWaiter waiter(5);
  waiter.then = [&](std::size_t wait) {
    if (wait == 2) world.uplink.cut_after(0);
    if (wait == 4) world.uplink.restore();
    if (wait == 5) world.api.refuse_check = DeviceApi::whole("503 B\r\nRetry-After: 7000", "");
  };
  REQUIRE(life.agent.run(waiter));
  REQUIRE(waiter.waits.size() == 6);
  CHECK(waiter.waits[0] <= Seconds(600));                                       // after the start
  CHECK((waiter.waits[1] >= Seconds(600) && waiter.waits[1] <= Seconds(660)));  // poll_after_s
  CHECK((waiter.waits[2] >= Seconds(1) && waiter.waits[2] <= Seconds(10)));     // cut
  CHECK((waiter.waits[3] >= Seconds(1) && waiter.waits[3] <= Seconds(20)));     // still cut
  CHECK((waiter.waits[4] >= Seconds(900) && waiter.waits[4] <= Seconds(990)));  // Retry-After
  CHECK(waiter.waits[5] == Seconds(7000));                                      // of a 503
}

TEST_CASE("network: run ends with an armed trial when it may restart the device",
          "[integration][network]") {
  World world;
  world.api.offer_release("1.1.0");
  world.device.config.boot.reboot = "/sbin/reboot";
  Life life(world);
  NotingWaiter waiter(9);
  REQUIRE(life.agent.run(waiter));
  CHECK(waiter.waits.size() == 1);
  CHECK(world.device.record().state == updater::State::kArmed);
  CHECK(joined(world.api.steps) == "offered downloading verified staged rebooting ");
}

TEST_CASE("network: a pre-reboot hook puts the restart off until the next poll (FORMAT 5.15.3)",
          "[integration][network][hooks]") {
  World world;
  world.api.offer_release("1.1.0");
  world.device.config.boot.reboot = "/sbin/reboot";
  world.device.hooks.count = 1;
  world.device.hooks.refuses[updater::HookPoint::kPreReboot] = Errc::kBusy;
  Life life(world);
  NotingWaiter waiter(9);
  waiter.then = [&](std::size_t wait) {
    if (wait == 3) world.device.hooks.refuses.clear();
  };
  REQUIRE(life.agent.run(waiter));
  CHECK(waiter.waits.size() == 3);
  CHECK(world.device.hooks.ran ==
        std::vector<std::string>{"pre-install b 1.1.0", "post-install b 1.1.0",
                                 "pre-reboot b 1.1.0", "pre-reboot b 1.1.0", "pre-reboot b 1.1.0"});
  CHECK(world.device.record().state == updater::State::kArmed);
}
