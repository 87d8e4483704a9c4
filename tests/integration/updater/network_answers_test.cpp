// What the updater does with each answer of a server that has no file, refuses or is in trouble.
#include "network_world.hpp"

using namespace pawl;
using namespace pawl::fakes;

TEST_CASE("network: a file that the server refuses is no file", "[integration][network]") {
  struct Row {
    std::string answer;
    Errc code;
  };
  const auto row = GENERATE(
      Row{DeviceApi::whole("403 No", R"({"code":23,"reason":"banned"})"), Errc::kRefusedByServer},
      Row{DeviceApi::whole("503 Busy", "{}"), Errc::kTransport},
      Row{DeviceApi::whole("503 Busy", ""), Errc::kTransport});
  INFO(row.answer);
  World world;
  world.api.refuse_file = row.answer;
  Life life(world);
  CHECK(code_of(life.fetcher.metadata("timestamp.json", 1000)) == row.code);
  CHECK(code_of(life.fetcher.target("releases/gw3/1.1.0/x", 1000)) == row.code);
  updater::NetBlob blob(life.link, {Sha256Digest{}, 100});
  Bytes out(10);
  CHECK(code_of(blob.fetch(out, 0)) == row.code);
  CHECK(code_of(life.agent.poll()) == row.code);
}

TEST_CASE("network: a server that has no file says so, and a blob has to be there",
          "[integration][network]") {
  World world;
  world.api.refuse_file = DeviceApi::whole("404 No", "");
  Life life(world);
  const auto none = life.fetcher.metadata("9.root.json", 1000);
  REQUIRE(none);
  CHECK_FALSE(*none);
  updater::NetBlob blob(life.link, {Sha256Digest{}, 100});
  Bytes out(10);
  CHECK(code_of(blob.fetch(out, 0)) == Errc::kTransport);
}

TEST_CASE("network: a server that cannot take status records is not polled, one that will not is",
          "[integration][network]") {
  struct Row {
    std::string answer;
    Errc poll;
    std::string why;
  };
  const auto row = GENERATE(
      Row{DeviceApi::whole("503 Busy", R"({"acknowledged":9})"), Errc::kTransport, ""},
      Row{DeviceApi::whole("403 No", R"({"acknowledged":9})"), Errc{}, "HTTP status 403"},
      Row{DeviceApi::whole("200 OK", R"({"acknowledged":0})"), Errc{}, "acknowledged none"},
      Row{DeviceApi::whole("200 OK", R"({"acknowledged":"9"})"), Errc{}, "acknowledged"});
  INFO(row.answer);
  World world;
  world.api.offer_release("1.1.0");
  world.api.refuse_status = row.answer;
  Life life(world);
  REQUIRE(life.agent.poll());  // the records wait
  const auto spool = world.device.disk.content("/var/spool/status.json");
  REQUIRE_FALSE(spool.empty());
  world.api.offer.clear();
  world.api.requests.clear();
  world.device.log.lines.clear();
  CHECK(code_of(life.agent.poll()) == row.poll);
  const bool asked = row.poll == Errc{};
  CHECK(world.api.count("POST /v1/check") == (asked ? 1 : 0));
  CHECK(world.api.count("POST /v1/status") == 1);
  CHECK(world.device.disk.content("/var/spool/status.json") == spool);
  if (asked) {
    REQUIRE_FALSE(world.device.log.lines.empty());
    CHECK_THAT(world.device.log.lines.front(),
               Catch::StartsWith("status.kept") && Catch::Contains(row.why));
  }
}
