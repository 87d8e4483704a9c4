#include <set>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fakes/http_device.hpp"
#include "fakes/http_site.hpp"
#include "fakes/memory_file.hpp"
#include "fakes/temporary_folder.hpp"

using namespace pawl;
using namespace pawl::fakes;
using namespace std::chrono_literals;
using http::Limits;
using identity::SpiffeId;

namespace {

constexpr auto kCertificate = identity::Anonymous::kRefused;
constexpr std::size_t kLargeSize = std::size_t{24} * 1024 * 1024;

Bytes large() {
  return Bytes(kLargeSize, 0x5a);
}

/// Serves two small texts, one large file, and answers that wait until the test lets them go.
class TestService final : public http::Service {
 public:
  explicit TestService(HttpWorld& world) : world_(world) {}
  Status allow(const http::Peer& peer) override {
    if (!peer) return banned.empty() ? Status(Ok{}) : Status(fail(Errc::kPeer, "no certificate"));
    PAWL_CHECK(identity::recheck(*peer, world_.trust, world_.clock.now()));
    if (banned.contains(peer->id)) return fail(Errc::kRefusedByServer, "banned");
    return Ok{};
  }
  void answer(const http::Request& request, const http::Peer& peer, http::Reply reply) override {
    if (request.target == "/later") return waiting.push_back(std::move(reply));
    if (request.target == "/dropped") return;
    reply.send(answer_now(request, peer));
  }
  std::set<SpiffeId> banned;
  std::vector<http::Reply> waiting;

 private:
  static http::Response answer_now(const http::Request& request, const http::Peer& peer) {
    if (request.target == "/one") return http::json_answer("{\"one\":1}");
    if (request.target == "/two") return http::json_answer("{\"two\":2}");
    if (request.target == "/who") return http::json_answer(peer ? peer->id.uri() : "nobody");
    if (request.target == "/echo") return http::json_answer(request.body);
    if (request.target == "/nothing") return http::Response{204, {}, {}, {}, {}};
    if (request.target != "/large") return http::refusal(404, fail(Errc::kUsage, "no such thing"));
    http::Response out;
    out.file = std::make_unique<MemoryFile>(large());
    out.part = {0, kLargeSize};
    return out;
  }
  HttpWorld& world_;
};

/// A server, its service, and the authority of its devices.
struct Site : HttpWorld {
  explicit Site(http::Limits limits = {}, identity::Anonymous anonymous = kCertificate)
      : server(*this, service, limits, anonymous) {}
  TestService service{*this};
  HttpSite server;
};

const std::string kBannedId = "spiffe://example.org/device/d1";

const std::string kLarge = "GET /large HTTP/1.1\r\nHost: d\r\n\r\n";

}  // namespace

TEST_CASE("HTTP: what is not our HTTP is refused and the server lives (FORMAT 12.1.1, 12.1.4)",
          "[integration][http]") {
  Site site;
  const std::string get = "GET /one HTTP/1.1\r\nHost: d\r\n";
  std::string thousand = get;
  for (int i = 0; i < 1000; ++i) thousand += "a" + std::to_string(i) + ": b\r\n";
  struct Row {
    const char* why;
    std::string text;
    int status;
  };
  const Row rows[] = {
      {"length and chunked",
       get + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked", get + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"another coding", get + "Transfer-Encoding: gzip\r\n\r\n", 400},
      {"two lengths", get + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"a negative length", get + "Content-Length: -1\r\n\r\n", 400},
      {"a length over 64 bits", get + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"a body over 64 KiB", get + "Content-Length: 65537\r\n\r\n", 413},
      {"a header over 8 KiB", get + "a: " + std::string(8192, 'b') + "\r\n\r\n", 431},
      {"1000 fields", thousand + "\r\n", 431},
      {"a NUL in a field", get + std::string("a: b\0c\r\n\r\n", 10), 400},
      {"a bare line feed", "GET / HTTP/1.1\nHost: d\n\n", 400},
      {"no host", "GET /one HTTP/1.1\r\n\r\n", 400},
      {"two hosts", get + "Host: e\r\n\r\n", 400},
      {"HTTP/1.0", "GET /one HTTP/1.0\r\nHost: d\r\n\r\n", 505},
      {"an upgrade", get + "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", 400},
      {"an expectation", get + "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n", 400},
      {"two ranges fields", get + "Range: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n", 400},
      {"not HTTP at all", "\x16\x03\x01 hello\r\n\r\n", 400},
      {"a space before the colon", get + "a : b\r\n\r\n", 400}};
  for (const auto& row : rows) {
    INFO(row.why);
    Device hostile(site.server.port(), site.root);
    REQUIRE(hostile.shake());
    hostile.send(row.text);
    const auto refused = hostile.receive();
    CHECK(refused.status == row.status);
    CHECK(refused.body == R"({"code":10,"reason":"not a request of ours"})");
    CHECK(hostile.ends());
  }
  CHECK(site.server.stats().malformed == std::size(rows));
  Device device(site.server.port(), site.root);
  REQUIRE(device.shake());
  CHECK(device.get("/one").status == 200);
}

TEST_CASE("HTTP: request line and fields up to 8192 bytes, not one more (FORMAT 12.1.1)",
          "[integration][http]") {
  Site site;
  const std::string start = "GET /one HTTP/1.1\r\nHost: d\r\na: ";
  const std::string end = "\r\n\r\n";
  const auto ask = [&](std::size_t bytes) {
    Device device(site.server.port(), site.root);
    REQUIRE(device.shake());
    device.send(start + std::string(bytes - start.size() - end.size(), 'b') + end);
    return device.receive().status;
  };
  CHECK(ask(8192) == 200);
  CHECK(ask(8193) == 431);
}

TEST_CASE("HTTP: a peer that has said all still gets its answers", "[integration][http]") {
  Site site;
  Device device(site.server.port(), site.root);
  REQUIRE(device.shake());
  device.send("GET /one HTTP/1.1\r\nHost: d\r\n\r\nGET /two HTTP/1.1\r\nHost: d\r\n\r\n");
  device.half_close();
  CHECK(device.receive().body == "{\"one\":1}");
  CHECK(device.receive().body == "{\"two\":2}");
  CHECK(device.ends());
}

TEST_CASE("HTTP: pipelined requests are answered in order (FORMAT 12.1.2)", "[integration][http]") {
  Site site;
  Device device(site.server.port(), site.root);
  REQUIRE(device.shake());
  constexpr int kCount = 10000;
  std::string text;
  for (int i = 0; i < kCount; ++i) {
    text += std::string("GET ") + (i % 2 == 0 ? "/one" : "/two") + " HTTP/1.1\r\nHost: d\r\n\r\n";
  }
  device.pipeline(text);
  for (int i = 0; i < kCount; ++i) {
    REQUIRE(device.receive().body == (i % 2 == 0 ? "{\"one\":1}" : "{\"two\":2}"));
  }
}

TEST_CASE("HTTP: who is slow loses the connection, others are served (FORMAT 12.1.5)",
          "[integration][http]") {
  Limits limits;
  limits.handshake = 300ms;
  limits.request = 300ms;
  limits.idle = 600ms;
  limits.write = 300ms;
  Site site(limits);
  Device silent(site.server.port(), site.root);  // never says hello
  Device reader(site.server.port(), site.root);  // asks for much and takes nothing
  Device drip(site.server.port(), site.root);
  REQUIRE(reader.shake());
  REQUIRE(drip.shake());
  reader.send(kLarge);
  drip.send("GET /on");
  Device body(site.server.port(), site.root);
  REQUIRE(body.shake());
  body.send("POST /one HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\nab");
  Device good(site.server.port(), site.root);
  REQUIRE(good.shake());
  CHECK(good.get("/one").status == 200);
  CHECK(drip.ends());
  CHECK(body.ends());
  CHECK(good.ends());  // idle for too long
  CHECK_FALSE(silent.shake());
  std::size_t taken = 0;
  while (reader.more()) taken = reader.buffered();
  CHECK(taken < kLargeSize);
  CHECK(site.server.stop().timeouts == 5);
}

TEST_CASE(
    "HTTP: who is slow within a request has its time, not that between requests (FORMAT 12.1.5)",
    "[integration][http]") {
  Limits limits;
  limits.request = 300ms;
  limits.idle = 1h;
  Site site(limits);
  Device drip(site.server.port(), site.root);
  REQUIRE(drip.shake());
  CHECK(drip.get("/one").status == 200);
  drip.send("GET /on");
  CHECK(drip.ends());
  CHECK(site.server.stop().timeouts == 1);
}

TEST_CASE("HTTP: expiry and bans count at the next request of a kept connection (FORMAT 9.2.9)",
          "[integration][http]") {
  Site site;
  Device one(site.server.port(), site.root);
  Device two(site.server.port(), site.root);
  REQUIRE(one.shake());
  REQUIRE(two.shake());
  CHECK(one.get("/one").status == 200);
  CHECK(two.get("/one").status == 200);
  site.server.on_server([&] { site.service.banned = {*SpiffeId::parse(kBannedId)}; });
  const auto banned = one.get("/one");
  CHECK(banned.status == 403);
  CHECK(banned.body.find("\"code\":23") != std::string::npos);
  CHECK(one.ends());
  site.server.on_server([&] {
    site.service.banned = {};
    site.clock.time = kNow + Seconds{3600};
  });
  const auto expired = two.get("/one");
  CHECK(expired.status == 403);
  CHECK(expired.body.find("\"code\":20") != std::string::npos);
  CHECK(two.ends());
}

TEST_CASE("HTTP: a ban ends a running transfer", "[integration][http]") {
  Site site;
  Device device(site.server.port(), site.root);
  REQUIRE(device.shake());
  device.send(kLarge);
  REQUIRE(device.more());
  site.server.on_server([&] { site.service.banned = {*SpiffeId::parse(kBannedId)}; });
  const auto sent = site.server.stats().bytes_sent;
  while (device.more()) {
  }
  CHECK(device.buffered() < kLargeSize);
  const auto end = site.server.stop();
  CHECK(end.cut_short == 1);
  CHECK(end.bytes_sent <= sent + 65536);  // what was under way, and not one piece more
}

TEST_CASE("HTTP: a ban ends a transfer that stands still (FORMAT 12.1.3)", "[integration][http]") {
  Site site;
  Device device(site.server.port(), site.root);
  REQUIRE(device.shake());
  device.send(kLarge);
  REQUIRE(device.more());  // and takes nothing more
  site.server.on_server([&] { site.service.banned = {*SpiffeId::parse(kBannedId)}; });
  while (site.server.stats().connections > 0) {
  }
  CHECK(site.server.stop().cut_short == 1);
}

TEST_CASE("HTTP: strangers end in the handshake", "[integration][http]") {
  Site site;
  const auto other = issue(ca_spec("other"), nullptr);
  const auto foreign = svid_of(issue(leaf_spec("spiffe://other.org/d"), &other));
  const auto borrowed = svid_of(issue(leaf_spec("spiffe://other.org/d"), &site.root));
  auto old_spec = leaf_spec("spiffe://example.org/d");
  old_spec.until = Seconds{-1};
  const auto old = svid_of(issue(old_spec, &site.root));
  for (const auto* svid : {&foreign, &borrowed, &old}) {
    Device device(site.server.port(), site.root, svid);
    device.shake();  // a TLS 1.3 client has finished before it is judged
    device.send("GET /one HTTP/1.1\r\nHost: d\r\n\r\n");
    CHECK(device.receive().status == 0);
  }
  CHECK(site.server.stop().refused == 3);
}

TEST_CASE("HTTP: no reset overtakes an alert or a refusal (FORMAT 9.6.5, 12.1.6)",
          "[integration][http]") {
  Site site;
  const std::string requests(200000, 'x');  // more than the server reads before it refuses
  const auto other = issue(ca_spec("other"), nullptr);
  const auto foreign = svid_of(issue(leaf_spec("spiffe://example.org/d"), &other));
  for (int i = 0; i < 20; ++i) {
    Device stranger(site.server.port(), site.root, &foreign);
    stranger.shake();
    stranger.send(requests);
    CHECK(stranger.ends());
    CHECK(stranger.alert() == "unknown CA");
    CHECK(stranger.tcp_end() == Device::End::kOrderly);
    Device rude(site.server.port(), site.root);
    REQUIRE(rude.shake());
    rude.send(requests);
    CHECK(rude.receive().status == 431);
    CHECK(rude.ends());
    CHECK(rude.tcp_end() == Device::End::kOrderly);
  }
}

TEST_CASE("HTTP: who does not leave after the last word is not waited for (FORMAT 12.1.6)",
          "[integration][http]") {
  const auto refused_by = [](const Site& site) {
    auto out = std::make_unique<Device>(site.server.port(), site.root);
    REQUIRE(out->shake());
    out->send("not HTTP\r\n\r\n");
    CHECK(out->receive().status == 400);
    return out;
  };
  Limits limits;
  limits.linger = 300ms;
  Site hasty(limits);
  const auto silent = refused_by(hasty);
  while (hasty.server.stats().connections > 0) {
  }
  CHECK(hasty.server.stop().timeouts == 0);
  limits.linger = 60s;
  Site patient(limits);
  CHECK_FALSE(refused_by(patient)->flood(std::size_t{64} << 20));
}

TEST_CASE("HTTP: a reset in the middle of an answer hurts nobody", "[integration][http]") {
  Site site;
  Device good(site.server.port(), site.root);
  REQUIRE(good.shake());
  for (int i = 0; i < 20; ++i) {
    Device rude(site.server.port(), site.root);
    REQUIRE(rude.shake());
    rude.send(kLarge);
    REQUIRE(rude.more());
    rude.reset();
  }
  CHECK(good.get("/one").status == 200);
}

TEST_CASE("HTTP: connections over the limit are closed at once", "[integration][http]") {
  Limits limits;
  limits.connections = 2;
  Site site(limits);
  Device one(site.server.port(), site.root);
  Device two(site.server.port(), site.root);
  REQUIRE(one.shake());
  REQUIRE(two.shake());
  Device three(site.server.port(), site.root);
  CHECK_FALSE(three.shake());
  CHECK(one.get("/one").status == 200);
  CHECK(site.server.stats().dropped == 1);
}

TEST_CASE("HTTP: without a file descriptor new peers wait, and the others are served",
          "[integration][http]") {
  Site site;
  Device good(site.server.port(), site.root);
  REQUIRE(good.shake());
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int next = ::open("/dev/null", O_RDONLY);  // the lowest that is free
  REQUIRE(next >= 0);
  ::close(next);
  const rlimit one_more{static_cast<rlim_t>(next) + 1, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &one_more) == 0);
  Device waiting(site.server.port(), site.root);  // which takes the last
  while (site.server.stats().starved == 0) {
  }
  CHECK(good.get("/one").status == 200);
  CHECK(site.server.stats().accepted == 1);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(waiting.shake());
  CHECK(waiting.get("/two").status == 200);
}

TEST_CASE("HTTP: stopping finishes the running answer and closes the rest", "[integration][http]") {
  Site site;
  Device idle(site.server.port(), site.root);
  Device busy(site.server.port(), site.root);
  REQUIRE(idle.shake());
  REQUIRE(busy.shake());
  CHECK(idle.get("/one").status == 200);
  busy.send(kLarge);
  REQUIRE(busy.more());
  site.server.begin_stop();
  CHECK(idle.ends());
  CHECK(busy.receive().body.size() == kLargeSize);
  CHECK(busy.ends());
  CHECK(site.server.stop().timeouts == 0);
}

TEST_CASE("HTTP: an answer may come later and from another thread", "[integration][http]") {
  Site site;
  Device patient(site.server.port(), site.root);
  Device other(site.server.port(), site.root);
  REQUIRE(patient.shake());
  REQUIRE(other.shake());
  patient.send("GET /later HTTP/1.1\r\nHost: d\r\n\r\nGET /two HTTP/1.1\r\nHost: d\r\n\r\n");
  std::vector<http::Reply> taken;
  while (taken.empty()) {
    CHECK(other.get("/one").status == 200);  // others are served meanwhile
    site.server.on_server([&] { taken = std::move(site.service.waiting); });
  }
  std::thread([&] { taken.front().send(http::json_answer("{\"late\":1}")); }).join();
  CHECK(patient.receive().body == "{\"late\":1}");
  CHECK(patient.receive().body == "{\"two\":2}");
}

TEST_CASE("HTTP: an answer that comes after the peer left, or never, hurts nobody",
          "[integration][http]") {
  Site site;
  Device rude(site.server.port(), site.root);
  Device good(site.server.port(), site.root);
  REQUIRE(rude.shake());
  REQUIRE(good.shake());
  rude.send("GET /later HTTP/1.1\r\nHost: d\r\n\r\n");
  std::vector<http::Reply> taken;
  while (taken.empty()) {
    site.server.on_server([&] { taken = std::move(site.service.waiting); });
  }
  rude.reset();
  site.server.begin_stop();  // waits for the answer, since it belongs to the service
  taken.front().send(http::json_answer("{}"));
  CHECK(site.server.stop().requests == 1);
  Site again;
  Device dropped(again.server.port(), again.root);
  REQUIRE(dropped.shake());
  CHECK(dropped.get("/dropped").status == 500);
  CHECK(dropped.get("/one").status == 200);
}

TEST_CASE("HTTP: bodies up to the limit arrive whole, and 204 has none (FORMAT 12.1.1)",
          "[integration][http]") {
  Site site;
  Device device(site.server.port(), site.root);
  REQUIRE(device.shake());
  const std::string body(65536, 'x');
  CHECK((device.get("/echo", "Content-Length: 65536\r\n", "POST", body).body == body));
  const auto nothing = device.get("/nothing");
  CHECK(nothing.status == 204);
  CHECK(nothing.head.find("Content-Length") == std::string::npos);
  CHECK(device.get("/one").status == 200);
}

TEST_CASE("HTTP: peers without certificate come in only where the listener says so",
          "[integration][http]") {
  Site strict;
  Device refused(strict.server.port(), strict.root, Device::Certificate::kNone);
  refused.shake();
  CHECK(refused.get("/who").status == 0);
  Site open({}, identity::Anonymous::kAllowed);
  Device nobody(open.server.port(), open.root, Device::Certificate::kNone);
  REQUIRE(nobody.shake());
  CHECK(nobody.get("/who").body == "nobody");
  Device named(open.server.port(), open.root);
  REQUIRE(named.shake());
  CHECK(named.get("/who").body == kBannedId);
  const auto other = issue(ca_spec("other"), nullptr);
  const auto foreign = svid_of(issue(leaf_spec("spiffe://example.org/d"), &other));
  Device liar(open.server.port(), open.root, &foreign);  // a wrong certificate is not none
  liar.shake();
  CHECK(liar.get("/who").status == 0);
}

TEST_CASE("HTTP: a listener without TLS is a unix socket of its owner or on loopback",
          "[integration][http]") {
  const TemporaryFolder folder;
  HttpWorld world;
  TestService service{world};
  std::ostringstream text;
  StreamLog log(text, LogLevel::kInfo);
  const auto path = folder.file("sock");
  http::Server server(log);
  CHECK(server.add({"0.0.0.0", 0, nullptr, &service, {}}).error().code() == Errc::kConfig);
  CHECK(server.add({"localhost", 0, nullptr, &service, {}}).error().code() == Errc::kConfig);
  CHECK(server.add({"/" + std::string(200, 'a'), 0, nullptr, &service, {}}).error().code() ==
        Errc::kConfig);
  REQUIRE(server.add({path, 0, nullptr, &service, {}}));
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777U) == 0600U);
  CHECK(server.add({path, 0, nullptr, &service, {}}).error().code() == Errc::kBusy);
  {
    http::Server gone(log);
    REQUIRE(gone.add({folder.file("old"), 0, nullptr, &service, {}}));
  }
  CHECK(server.add({folder.file("old"), 0, nullptr, &service, {}}));  // nobody listens there
  REQUIRE(server.add({"127.0.0.1", 0, nullptr, &service, {}}));
  const auto port = server.port(2);
  std::thread running([&] { server.run(); });
  CHECK(plain_get(path, 0, "/who").find("nobody") != std::string::npos);
  CHECK(plain_get("127.0.0.1", port, "/one").find("{\"one\":1}") != std::string::npos);
  server.stop();
  running.join();
}
