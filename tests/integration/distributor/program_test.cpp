#include <atomic>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>

#include "fakes/distributor_program.hpp"

using namespace pawl;
using namespace pawl::fakes;

namespace {

json::Object object_of(const std::string& text) {
  const auto value = json::parse(text, {});
  INFO(text);
  REQUIRE(value);
  REQUIRE(value->object() != nullptr);
  return *value->object();
}

std::string text_at(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  return value == nullptr || value->string() == nullptr ? "" : *value->string();
}

std::int64_t number_at(const json::Object& object, std::string_view name) {
  const auto* value = object.find(name);
  return value == nullptr || value->integer() == nullptr ? -1 : *value->integer();
}

// For threads, where the macros of the tests have no place: -1 for an answer that is none.
std::int64_t acknowledged_by(const std::string& answer) {
  const auto value = json::parse(answer, {});
  const auto* object = value ? value->object() : nullptr;
  return object == nullptr ? -1 : number_at(*object, "acknowledged");
}

const std::string kD1 = "spiffe://example.org/device/d1";

}  // namespace

TEST_CASE("pawl-distributor: serves, takes a new SVID on SIGHUP, ends on SIGTERM",
          "[integration][distributor]") {
  DistributorHome home;
  const auto second = issue_today(leaf_spec("spiffe://example.org/distributor"), &home.root);
  const auto own = home.device("d1");
  home.write_repository();
  REQUIRE(home.verb({"publish", home.folder.file("signed")}).status == 0);
  ServeProcess program(home.config());
  Device before(program.port(), home.root, &own, real_now());
  REQUIRE(before.shake());
  CHECK(before.get("/v1/metadata/timestamp.json").status == 200);
  CHECK(before.server_certificate() == identity::certificate_digest(*home.server.certificate));

  // Half of a rotation: the key is still the old one.
  REQUIRE(replace_file(home.disk, home.folder.file("own/svid.pem"), as_bytes(pem_of(second))));
  program.signal(SIGHUP);
  CHECK(program.wait_for("identity-reload-failed").find("private key") != std::string::npos);
  write_identity(home.disk, home.folder.file("own"), second, home.root);
  program.signal(SIGHUP);
  CHECK_FALSE(program.wait_for("identity-reloaded").empty());
  Device after(program.port(), home.root, &own, real_now());
  REQUIRE(after.shake());
  CHECK(after.server_certificate() == identity::certificate_digest(*second.certificate));
  CHECK(before.get("/v1/metadata/timestamp.json").status == 200);  // still the old connection
  program.signal(SIGTERM);
  CHECK(program.finish() == 0);
}

TEST_CASE("pawl-distributor: a poll finds the release, then nothing new (FORMAT 12.4.2)",
          "[integration][distributor]") {
  DistributorHome home;
  home.release(2, "1.1.0");
  home.release(3, "1.2.0");
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  ServeProcess program(home.config());
  const auto own = home.device("d1");
  Device device(program.port(), home.root, &own, real_now());
  REQUIRE(device.shake());
  const auto first = post(device, "/v1/check", check_body(1, ""));
  REQUIRE(first.status == 200);
  const auto answer = object_of(first.body);
  const auto meta = text_at(answer, "meta");
  CHECK(meta == to_hex(sha256(home.repository.metadata_files["timestamp.json"])));
  CHECK(number_at(answer, "poll_after_s") == 60);
  const auto* offer = answer.find("offer");
  REQUIRE(offer != nullptr);
  CHECK(text_at(*offer->object(), "version") == "1.2.0");
  CHECK(text_at(*offer->object(), "product") == "gw3");
  CHECK(text_at(*offer->object(), "manifest_sha256") ==
        to_hex(sha256(as_bytes(sample_release(3, "1.2.0").serialise()))));

  CHECK(post(device, "/v1/check", check_body(2, meta)).status == 200);  // it still lacks 1.2.0
  const auto nothing = post(device, "/v1/check", check_body(3, meta));
  CHECK(nothing.status == 204);
  CHECK(nothing.head.find("\r\nRetry-After: 60\r\n") != std::string::npos);
  CHECK(object_of(post(device, "/v1/check", check_body(3, "")).body).find("offer") == nullptr);
  CHECK(post(device, "/v1/check", "{}").status == 400);
  CHECK(device.get("/v1/check").status == 405);

  REQUIRE(home.verb({"release", "withdraw", "gw3", "1.2.0"}).status == 0);
  const auto older = object_of(post(device, "/v1/check", check_body(1, meta)).body);
  CHECK(text_at(*older.find("offer")->object(), "version") == "1.1.0");
  CHECK(home.verb({"release", "withdraw", "gw3", "9.9.9"}).status == 23);
  REQUIRE(home.verb({"release", "restore", "gw3", "1.2.0"}).status == 0);
  const auto again = object_of(post(device, "/v1/check", check_body(1, meta)).body);
  CHECK(text_at(*again.find("offer")->object(), "version") == "1.2.0");
}

TEST_CASE("pawl-distributor: metadata that have expired are told, not offered (FORMAT 12.4.2)",
          "[integration][distributor]") {
  DistributorHome home;
  const auto ask = [&](const ServeProcess& program, const std::string& etag) {
    const auto own = home.device("d1");
    Device device(program.port(), home.root, &own, real_now());
    REQUIRE(device.shake());
    return post(device, "/v1/check", check_body(1, etag));
  };
  {
    ServeProcess empty(home.config());
    CHECK(ask(empty, "").status == 204);
    CHECK(ask(empty, std::string(64, 'a')).status == 204);  // a device that has seen more
  }
  home.repository.now = real_now() - Seconds(20 * 24 * 3600);
  home.release(2, "1.1.0");
  const auto signed_files = home.write_repository();
  CHECK(home.verb({"publish", signed_files}).status == 13);
  std::filesystem::copy(
      signed_files, home.folder.file("repository"),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  ServeProcess program(home.config());
  const auto answer = ask(program, "");
  REQUIRE(answer.status == 200);
  const auto object = object_of(answer.body);
  const auto meta = to_hex(sha256(home.repository.metadata_files["timestamp.json"]));
  CHECK(text_at(object, "meta") == meta);
  CHECK(object.find("offer") == nullptr);
  CHECK(ask(program, meta).status == 204);
}

TEST_CASE("pawl-distributor: a device without rule waits until it is admitted (FORMAT 12.5.3)",
          "[integration][distributor]") {
  DistributorHome home;
  home.release(2, "1.1.0");
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  ServeProcess program(home.config());
  const std::string id = "spiffe://example.org/sensor/s1";
  const auto own = svid_of(issue_today(leaf_spec(id), &home.root));
  const auto ask = [&](const std::string& target) {
    Device device(program.port(), home.root, &own, real_now());
    REQUIRE(device.shake());
    return target == "/v1/check" ? post(device, target, check_body(1, "")) : device.get(target);
  };
  for (const auto* target :
       {"/v1/check", "/v1/metadata/timestamp.json", "/v1/metadata/1.root.json", "/v1/unknown"}) {
    const auto waiting = ask(target);
    CHECK(waiting.status == 403);
    CHECK(waiting.body.find("\"code\":23") != std::string::npos);
    CHECK(waiting.head.find("\r\nRetry-After: 60\r\n") != std::string::npos);
  }
  CHECK(home.verb({"device", "admit", id}).status == 23);  // as what?
  REQUIRE(home.verb({"device", "admit", id, "--product", "gw3", "--tag", "canary"}).status == 0);
  CHECK(ask("/v1/check").status == 200);
  const auto shown = object_of(home.verb({"device", "show", id}).out);
  const auto& device = *shown.find("device")->object();
  CHECK(text_at(device, "state") == "admitted");
  CHECK(text_at(device, "slot") == "a");
  REQUIRE(home.verb({"device", "retire", id, "--reason", "sold"}).status == 0);
  CHECK(ask("/v1/check").status == 403);
  const auto audit = home.verb({"audit"}).out;
  CHECK(audit.find("\"device-retire\"") != std::string::npos);
  CHECK(audit.find("\"sold\"") != std::string::npos);
  CHECK(audit.find("uid:" + std::to_string(::getuid())) != std::string::npos);
}

TEST_CASE("pawl-distributor: a ban counts at the next request and ends a transfer (FORMAT 12.5.1)",
          "[integration][distributor]") {
  DistributorHome home;
  Bytes large(std::size_t{64} * 1024 * 1024, 0x5a);
  const auto blob = "/v1/blob/" + to_hex(sha256(large));
  home.add_blob(large);
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  ServeProcess program(home.config());
  const auto own = home.device("d1");
  const auto other = home.device("d2");
  Device asking(program.port(), home.root, &own, real_now());
  Device loading(program.port(), home.root, &own, real_now());
  Device stalled(program.port(), home.root, &own, real_now());
  Device bystander(program.port(), home.root, &other, real_now());
  for (auto* device : {&asking, &loading, &stalled, &bystander}) REQUIRE(device->shake());
  CHECK(post(asking, "/v1/check", check_body(1, "")).status == 200);
  for (auto* device : {&loading, &stalled}) {
    device->send("GET " + blob + " HTTP/1.1\r\nHost: d\r\n\r\n");
    REQUIRE(device->more());
  }
  REQUIRE(home.verb({"device", "ban", kD1, "--reason", "stolen"}).status == 0);
  while (loading.more()) {
  }
  CHECK(loading.buffered() < large.size());
  const auto banned = post(asking, "/v1/check", check_body(1, ""));
  CHECK(banned.status == 403);
  CHECK(banned.body.find("banned") != std::string::npos);
  CHECK(asking.ends());
  // The sweep has ended the one that takes nothing: what arrives is what was under way.
  const auto figures = [&] {
    return object_of(home.verb({"status"}).out);  // any call after the sweep
  };
  CHECK(number_at(*figures().find("devices")->object(), "banned") == 1);
  while (stalled.more()) {
  }
  CHECK(stalled.buffered() < large.size());
  CHECK(post(bystander, "/v1/check", check_body(1, "")).status == 200);
  Device again(program.port(), home.root, &own, real_now());
  REQUIRE(again.shake());
  CHECK(post(again, "/v1/check", check_body(1, "")).status == 403);

  program.signal(SIGTERM);
  CHECK(program.finish() == 0);
  ServeProcess restarted(home.config());  // the ban is on disk
  Device later(restarted.port(), home.root, &own, real_now());
  REQUIRE(later.shake());
  CHECK(post(later, "/v1/check", check_body(1, "")).status == 403);
}

TEST_CASE("pawl-distributor: an SVID that expires on a kept connection is refused (FORMAT 12.1.3)",
          "[integration][distributor]") {
  DistributorHome home;
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  ServeProcess program(home.config());
  auto spec = leaf_spec(kD1);
  spec.until = Seconds{3};
  const auto own = svid_of(issue(spec, &home.root, real_now()));
  Device device(program.port(), home.root, &own, real_now());
  REQUIRE(device.shake());
  auto answer = post(device, "/v1/check", check_body(1, ""));
  CHECK(answer.status == 200);
  while (answer.status == 200) answer = post(device, "/v1/check", check_body(1, ""));
  CHECK(answer.status == 403);
  CHECK(answer.body.find("\"code\":20") != std::string::npos);
  CHECK(device.ends());
}

TEST_CASE("pawl-distributor: kill -9 under load loses no acknowledged status (FORMAT 12.4.4)",
          "[integration][distributor]") {
  DistributorHome home;
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  constexpr unsigned kDevices = 4;
  constexpr std::int64_t kEnough = 300;
  std::vector<identity::X509Svid> svids;
  for (unsigned i = 0; i < kDevices; ++i) svids.push_back(home.device("s" + std::to_string(i)));
  std::atomic<std::int64_t> acknowledged[kDevices] = {};
  {
    ServeProcess program(home.config());
    const auto port = program.port();
    std::vector<std::thread> senders;
    for (unsigned i = 0; i < kDevices; ++i) {
      senders.emplace_back([&, i] {
        Device device(port, home.root, &svids[i], real_now());
        if (!device.shake()) return;
        for (std::uint64_t seq = 1;; ++seq) {
          const auto answer = post(device, "/v1/status", status_body(seq));
          if (answer.status != 200) return;
          acknowledged[i] = acknowledged_by(answer.body);
        }
      });
    }
    std::int64_t sum = 0;
    while (sum < kEnough) {
      sum = 0;
      for (const auto& one : acknowledged) sum += one;
      std::this_thread::yield();
    }
    program.signal(SIGKILL);
    for (auto& sender : senders) sender.join();
    program.finish();
  }
  ServeProcess restarted(home.config());
  std::int64_t kept = 0;
  std::int64_t promised = 0;
  for (unsigned i = 0; i < kDevices; ++i) {
    const auto id = "spiffe://example.org/device/s" + std::to_string(i);
    const auto shown = object_of(home.verb({"device", "show", id}).out);
    const auto* status = shown.find("device")->object()->find("status");
    REQUIRE(status != nullptr);
    const auto highest = number_at(*status->object(), "seq");
    INFO(id << ": " << acknowledged[i] << " acknowledged, " << highest << " kept");
    CHECK(highest >= acknowledged[i]);
    const auto& history = *shown.find("history")->array();
    for (std::size_t at = 0; at < history.size(); ++at) {  // no gap below the highest
      REQUIRE(number_at(*history[at].object(), "seq") == highest - static_cast<std::int64_t>(at));
    }
    kept += highest;
    promised += acknowledged[i];
  }
  CHECK(kept >= promised);
  CHECK(promised >= kEnough);
}

TEST_CASE("pawl-distributor: admins and devices are different people (FORMAT 12.6.1)",
          "[integration][distributor]") {
  DistributorHome home;
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  ServeProcess program(home.config());
  const auto admin_port = program.port("admin_port");
  CHECK(home.remote({"status"}, admin_port).status == 0);
  CHECK(home.remote({"device", "ban", kD1}, admin_port).status == 0);
  CHECK(home.verb({"audit"}).out.find("spiffe://example.org/admin/ann") != std::string::npos);
  write_identity(home.disk, home.folder.file("d2"),
                 issue_today(leaf_spec("spiffe://example.org/device/d2"), &home.root), home.root);
  // A device on the admin port: refused in the handshake, which a client may see as a reset.
  const auto device = home.remote({"status"}, admin_port, "d2").status;
  CHECK((device == 23 || device == 21));
  CHECK(program.wait_for("peer-refused").find("not the expected peer") != std::string::npos);
  const auto admin = svid_of(home.admin);
  Device as_device(program.port(), home.root, &admin, real_now());
  REQUIRE(as_device.shake());
  const auto refused = post(as_device, "/v1/check", check_body(1, ""));
  CHECK(refused.status == 403);
  CHECK(refused.body.find("\"code\":20") != std::string::npos);
  CHECK(
      home.verb({"device", "admit", "spiffe://example.org/admin/ann", "--product", "gw3"}).status ==
      23);
  const auto unit = home.verb({"device", "list", "--state", "banned"});
  CHECK(unit.out.find(kD1) != std::string::npos);
}

TEST_CASE("pawl-distributor: publishes to a running distributor, here and over the network",
          "[integration][distributor]") {
  DistributorHome home;
  Bytes blob(std::size_t{3} * 1024 * 1024 + 17, 0x11);
  home.add_blob(blob);
  home.release(2, "1.1.0");
  ServeProcess program(home.config());  // with an empty repository
  const auto own = home.device("d1");
  Device device(program.port(), home.root, &own, real_now());
  REQUIRE(device.shake());
  CHECK(post(device, "/v1/check", check_body(1, "")).status == 204);
  const auto admin_port = program.port("admin_port");
  const auto done = home.remote({"publish", home.write_repository()}, admin_port);
  INFO(done.out);
  REQUIRE(done.status == 0);
  CHECK(object_of(done.out).find("changed")->boolean() != nullptr);
  const auto found = object_of(post(device, "/v1/check", check_body(1, "")).body);
  CHECK(text_at(*found.find("offer")->object(), "version") == "1.1.0");
  CHECK((device.get("/v1/blob/" + to_hex(sha256(blob))).body == std::string(as_text(blob))));
  const auto again = object_of(home.remote({"publish", home.write_repository()}, admin_port).out);
  CHECK(number_at(again, "files") == 0);

  home.release(3, "1.2.0");  // by copying on this machine: noticed without a word
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  CHECK_FALSE(program.wait_for("by=local").empty());
  const auto newer = object_of(post(device, "/v1/check", check_body(2, "")).body);
  CHECK(text_at(*newer.find("offer")->object(), "version") == "1.2.0");
  const auto audit = home.verb({"audit"}).out;
  CHECK(audit.find("\"publish\"") != std::string::npos);
  CHECK(audit.find("\"repository-changed\"") != std::string::npos);
}

TEST_CASE("pawl-distributor: figures for Prometheus (FORMAT 12.7.1)",
          "[integration][distributor]") {
  DistributorHome home;
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  ServeProcess program(home.config());
  const auto own = home.device("d1");
  Device device(program.port(), home.root, &own, real_now());
  REQUIRE(device.shake());
  REQUIRE(post(device, "/v1/check", check_body(1, "")).status == 200);
  REQUIRE(post(device, "/v1/status", status_body(1)).status == 200);
  const auto text = plain_get("127.0.0.1", program.port("metrics_port"), "/metrics");
  for (const auto* line :
       {"pawl_distributor_connections 1\n", "pawl_distributor_checks_total 1\n",
        "pawl_distributor_devices{state=\"admitted\"} 1\n",
        "pawl_distributor_status_records_total 1\n", "# TYPE pawl_distributor_devices gauge\n"}) {
    INFO(line);
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(plain_get("127.0.0.1", program.port("metrics_port"), "/").find(" 404 ") !=
        std::string::npos);
}

TEST_CASE("pawl-distributor: root files for strangers only where that was said (FORMAT 12.4.7)",
          "[integration][distributor]") {
  DistributorHome home;
  REQUIRE(home.verb({"publish", home.write_repository()}).status == 0);
  {
    ServeProcess closed(home.config());
    Device nobody(closed.port(), home.root, Device::Certificate::kNone, real_now());
    nobody.shake();
    CHECK(nobody.get("/v1/metadata/1.root.json").status == 0);
  }
  home.write_config("[device]\n");  // a table twice is an error of the file
  CHECK(home.verb({"check-config"}).status == 24);
  home.public_roots();
  ServeProcess open(home.config());
  const auto ask = [&](const std::string& target) {
    Device nobody(open.port(), home.root, Device::Certificate::kNone, real_now());
    REQUIRE(nobody.shake());
    return nobody.get(target).status;
  };
  CHECK(ask("/v1/metadata/1.root.json") == 200);
  CHECK(ask("/v1/metadata/2.root.json") == 404);
  for (const auto* target :
       {"/v1/metadata/timestamp.json", "/v1/metadata/1.snapshot.json", "/v1/metadata/root.json",
        "/v1/metadata/.root.json", "/v1/check", "/v1/metadata/1x.root.json"}) {
    INFO(target);
    CHECK(ask(target) == 403);
  }
}

TEST_CASE("pawl-distributor: verbs say what is wrong when nobody serves",
          "[integration][distributor]") {
  DistributorHome home;
  const auto offline = home.verb({"status"});
  CHECK(offline.status == 22);
  CHECK(offline.out.find("pawl-distributor serve") != std::string::npos);  // the hint
  CHECK(home.verb({"publish", home.folder.file("repository")}).status == 2);
  CHECK(home.verb({"status", "--to", "https://127.0.0.1:1"}).status == 2);
  CHECK(home.verb({"device", "show"}).status == 2);
}
