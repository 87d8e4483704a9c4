// pawl-distributor when something around it goes wrong: peers, limits, the agent it has its SVID
// from.
#include <fstream>

#include <catch2/catch.hpp>

#include "fakes/distributor_program.hpp"
#include "fakes/grpc_server.hpp"
#include "fakes/workload_messages.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {
const std::string kD1 = "spiffe://example.org/device/d1";
}  // namespace

TEST_CASE(
    "pawl-distributor: SVIDs of the Workload API: rotated, refused, the agent killed and back",
    "[integration][distributor][workload]") {
  DistributorHome home;
  const auto socket = home.folder.file("agent.sock");
  const auto config = read_file(home.disk, home.config(), 65536);
  REQUIRE(config);
  std::string text(as_text(*config));
  const auto files = "source = \"files\"\nfolder = \"" + home.folder.file("own") + "\"";
  text.replace(text.find(files), files.size(),
               "source = \"workload-api\"\nendpoint = \"unix://" + socket + "\"");
  REQUIRE(replace_file(home.disk, home.config(), as_bytes(text)));

  WorkloadParts parts;
  parts.root = issue_today(ca_spec("root"), nullptr);
  const auto own = svid_of(issue_today(leaf_spec(kD1), &parts.root));
  const auto rotate = [&](GrpcServer& agent) {
    const std::string id = "spiffe://example.org/distributor";
    parts.leaf = issue_today(leaf_spec(id), &parts.root);
    agent.say("message " + to_hex(proto_field(1, parts.svid(id))));
  };
  const auto serves_newest = [&](const ServeProcess& program) {
    Device device(program.port(), parts.root, &own, real_now());
    REQUIRE(device.shake());
    CHECK(post(device, "/v1/check", check_body(1, "")).status == 204);
    return device.server_certificate() == identity::certificate_digest(*parts.leaf.certificate);
  };
  GrpcServer agent(socket);
  rotate(agent);
  ServeProcess program(home.config());
  CHECK(serves_newest(program));
  rotate(agent);
  CHECK_FALSE(program.wait_for("identity-reloaded").empty());
  CHECK(serves_newest(program));

  agent.say("forget");
  agent.say("end 7");  // PermissionDenied
  CHECK_FALSE(program.wait_for("identity-reload-failed").empty());
  CHECK(serves_newest(program));  // with what it has
  agent.say("forget");
  rotate(agent);
  CHECK_FALSE(program.wait_for("identity-reloaded").empty());
  CHECK(serves_newest(program));

  agent.kill();
  CHECK_FALSE(program.wait_for("identity-reload-failed").empty());
  CHECK(serves_newest(program));
  GrpcServer back(socket);
  rotate(back);
  CHECK_FALSE(program.wait_for("identity-reloaded").empty());
  CHECK(serves_newest(program));
  program.signal(SIGTERM);
  CHECK(program.finish() == 0);
}

TEST_CASE("pawl-distributor: hostile peers cost bounded memory and nobody else's answer",
          "[integration][distributor]") {
  DistributorHome home;
  Bytes large(std::size_t{32} * 1024 * 1024, 0x5a);
  const auto blob = "/v1/blob/" + to_hex(sha256(large));
  home.add_blob(std::move(large));
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  ServeProcess program(home.config());
  const auto own = home.device("d1");
  const auto resident_kib = [&] {
    std::ifstream statm("/proc/" + std::to_string(program.pid()) + "/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    statm >> total >> resident;
    REQUIRE(resident > 0);
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
  };
  const std::string head = "GET /v1/metadata/1.root.json HTTP/1.1\r\nHost: d\r\n";
  std::string pipelined;
  for (int i = 0; i < 200; ++i) pipelined += head + "\r\n";
  Device good(program.port(), home.root, &own, real_now());
  REQUIRE(good.shake());
  REQUIRE(post(good, "/v1/check", check_body(1, "")).status == 200);
  const auto before = resident_kib();
  constexpr unsigned kPeers = 60;
  std::vector<std::unique_ptr<Device>> hostile;
  for (unsigned i = 0; i < kPeers; ++i) {
    hostile.push_back(std::make_unique<Device>(program.port(), home.root, &own, real_now()));
    REQUIRE(hostile.back()->shake());
    switch (i % 4) {
      case 0:  // a header without end
        hostile.back()->send(head + "a: " + std::string(8000, 'b'));
        break;
      case 1:  // a body without end
        hostile.back()->send(
            "POST /v1/status HTTP/1.1\r\nHost: d\r\nContent-Length: 65536\r\n\r\n" +
            std::string(65535, 'x'));
        break;
      case 2:  // a large answer that is never read
        hostile.back()->send("GET " + blob + " HTTP/1.1\r\nHost: d\r\n\r\n");
        break;
      default:  // many answers that are never read
        hostile.back()->send(pipelined);
    }
  }
  CHECK(post(good, "/v1/check", check_body(1, "")).status == 200);
  // TLS state, one header or body or 64 KiB of a file, and the parser: far below 512 KiB a peer.
  CHECK(resident_kib() < before + std::uint64_t{kPeers} * 512);
  hostile.clear();
  CHECK(post(good, "/v1/check", check_body(1, "")).status == 200);
  program.signal(SIGTERM);
  CHECK(program.finish() == 0);
}

TEST_CASE("pawl-distributor: connections leave room for files under a low limit (FORMAT 12.8.1)",
          "[integration][distributor]") {
  DistributorHome home;
  Bytes large(std::size_t{8} * 1024 * 1024, 0x5a);
  const auto blob = "GET /v1/blob/" + to_hex(sha256(large)) + " HTTP/1.1\r\nHost: d\r\n\r\n";
  home.add_blob(large);
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  constexpr std::size_t kRoom = 20;
  ServeProcess program(home.config(), 64 + 2 * kRoom);
  CHECK(program.wait_for("connections-limited").find("open-files-allow=20") != std::string::npos);
  const auto own = home.device("d1");
  std::vector<std::unique_ptr<Device>> loading;
  for (std::size_t i = 0; i < kRoom; ++i) {
    loading.push_back(std::make_unique<Device>(program.port(), home.root, &own, real_now()));
    REQUIRE(loading.back()->shake());
    loading.back()->send(blob);
    REQUIRE(loading.back()->more());
  }
  Device beyond(program.port(), home.root, &own, real_now());
  CHECK_FALSE(beyond.shake());
  CHECK(home.verb({"status"}).status == 0);
  for (const auto& device : loading) CHECK(device->receive().body.size() == large.size());
  loading.pop_back();
  while (true) {  // until the one that left is noticed
    Device next(program.port(), home.root, &own, real_now());
    if (!next.shake()) continue;
    CHECK(post(next, "/v1/check", check_body(1, "")).status == 200);
    break;
  }
}
