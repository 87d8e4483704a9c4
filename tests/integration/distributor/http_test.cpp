#include <csignal>
#include <future>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "distributor/device_service.hpp"
#include "distributor/server.hpp"
#include "fakes/http_device.hpp"
#include "fakes/temporary_folder.hpp"
#include "fakes/test_pki.hpp"

using namespace pawl;
using namespace pawl::distributor;
using namespace pawl::fakes;
using namespace std::chrono_literals;
using identity::SpiffeId;
using identity::TlsContext;

namespace {

constexpr std::size_t kBlobSize = std::size_t{24} * 1024 * 1024;
const std::string kDigest(64, 'a');
const std::string kManifest = "releases/lamp/1.2.0/" + std::string(64, 'b') + ".manifest.json";

Bytes blob() {
  Bytes out(kBlobSize);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return out;
}

/// A distributor on a loopback port, its repository, and the authority of its devices.
class Site {
 public:
  explicit Site(Limits limits = {}) {
    REQUIRE(trust_.put(bundle_of("example.org", {&root})));
    for (const auto* folder : {"metadata", "targets/releases/lamp/1.2.0", "blobs"}) {
      REQUIRE(make_directories(disk_, folder_.file(folder)));
    }
    put("metadata/timestamp.json", as_bytes("{\"t\":1}"));
    put("metadata/7.root.json", as_bytes("{\"r\":7}"));
    put("targets/" + kManifest, as_bytes("{\"m\":1}"));
    put("blobs/" + kDigest, blob());
    put("secret.json", as_bytes("outside"));
    auto tls = TlsContext::create(&own, trust_, clock, {identity::PeerRole::kClient, {}, {}});
    REQUIRE(tls);
    tls_.emplace(*std::move(tls));
    auto server = Server::listen("127.0.0.1", 0, {*tls_, service, log_, limits});
    REQUIRE(server);
    server_.emplace(*std::move(server));
    thread_ = std::thread([this] { server_->run(); });
  }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;
  Site(Site&&) = delete;
  Site& operator=(Site&&) = delete;
  ~Site() { stop(); }

  void put(const std::string& name, ByteView bytes) {
    REQUIRE(replace_file(disk_, folder_.file(name), bytes));
  }
  /// Runs on the reactor's thread and waits for it.
  void on_server(const std::function<void()>& task) {
    std::promise<void> done;
    server_->post([&] {
      task();
      done.set_value();
    });
    done.get_future().get();
  }
  [[nodiscard]] ServerStats stats() {
    ServerStats out;
    on_server([&] { out = server_->stats(); });
    return out;
  }
  ServerStats stop() {
    if (!thread_.joinable()) return {};
    server_->stop();
    thread_.join();
    return server_->stats();
  }
  void begin_stop() { server_->stop(); }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  Issued root = issue(ca_spec("root"), nullptr);
  identity::X509Svid own = svid_of(issue(leaf_spec("spiffe://example.org/distributor"), &root));
  FakeClock clock{kNow};

 private:
  TemporaryFolder folder_;
  PosixDisk disk_;
  identity::TrustSet trust_;
  std::ostringstream text_;
  StreamLog log_{text_, LogLevel::kInfo};

 public:
  DeviceService service{Repository(disk_, folder_.path()), trust_, clock};

 private:
  std::optional<TlsContext> tls_;
  std::optional<Server> server_;
  std::thread thread_;
};

bool has(const Answer& answer, const std::string& line) {
  return answer.head.find("\r\n" + line + "\r\n") != std::string::npos;
}

struct IgnorePipe {
  IgnorePipe() { std::signal(SIGPIPE, SIG_IGN); }  // the clients of this program
} const kIgnorePipe;

}  // namespace

TEST_CASE("HTTP: repository files by name, with tags and ranges (FORMAT 12.2, 11.3)",
          "[integration][distributor]") {
  Site site;
  Device device(site.port(), site.root);
  REQUIRE(device.shake());
  CHECK(device.get("/v1/metadata/7.root.json").body == "{\"r\":7}");
  CHECK(device.get("/v1/targets/" + kManifest).body == "{\"m\":1}");
  const auto content = blob();
  const std::string text(as_text(content));
  const auto whole = device.get("/v1/blob/" + kDigest);
  CHECK(whole.status == 200);
  CHECK((whole.body == text));
  CHECK(has(whole, "ETag: \"" + kDigest + "\""));
  CHECK(has(whole, "Cache-Control: max-age=31536000, immutable"));
  const auto part = device.get("/v1/blob/" + kDigest, "Range: bytes=70000-139999\r\n");
  CHECK(part.status == 206);
  CHECK((part.body == text.substr(70000, 70000)));
  CHECK(has(part, "Content-Range: bytes 70000-139999/" + std::to_string(kBlobSize)));
  const auto tagged = "If-Range: \"" + kDigest + "\"\r\nRange: bytes=-5\r\n";
  CHECK((device.get("/v1/blob/" + kDigest, tagged).body == text.substr(kBlobSize - 5)));
  const auto stale = device.get("/v1/blob/" + kDigest, "If-Range: \"x\"\r\nRange: bytes=0-1\r\n");
  CHECK(stale.status == 200);
  const auto beyond = device.get("/v1/blob/" + kDigest, "Range: bytes=99999999-\r\n");
  CHECK(beyond.status == 416);
  CHECK(has(beyond, "Content-Range: bytes */" + std::to_string(kBlobSize)));
  CHECK(device.get("/v1/blob/" + kDigest, "", "HEAD").status == 200);
  const auto same = device.get("/v1/blob/" + kDigest, "If-None-Match: \"" + kDigest + "\"\r\n");
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(device.get("/v1/metadata/8.root.json").status == 404);
  CHECK(device.get("/v1/metadata/7.root.json", "", "DELETE").status == 405);
}

TEST_CASE("HTTP: the mutable file has a tag of its content (FORMAT 12.3.3)",
          "[integration][distributor]") {
  Site site;
  Device device(site.port(), site.root);
  REQUIRE(device.shake());
  const auto first = device.get("/v1/metadata/timestamp.json");
  CHECK(first.body == "{\"t\":1}");
  CHECK(first.head.find("immutable") == std::string::npos);
  const auto tag = "\"" + to_hex(sha256(as_bytes("{\"t\":1}"))) + "\"";
  CHECK(has(first, "ETag: " + tag));
  const auto kept = device.get("/v1/metadata/timestamp.json", "If-None-Match: " + tag + "\r\n");
  CHECK(kept.status == 304);
  CHECK(kept.head.size() <= 300);
  site.put("metadata/timestamp.json", as_bytes("{\"t\":2}"));
  CHECK(device.get("/v1/metadata/timestamp.json", "If-None-Match: " + tag + "\r\n").body ==
        "{\"t\":2}");
}

TEST_CASE("HTTP: what is not our HTTP is refused and the server lives (FORMAT 12.1)",
          "[integration][distributor]") {
  Site site;
  const std::string get = "GET /v1/metadata/7.root.json HTTP/1.1\r\nHost: d\r\n";
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
      {"no host", "GET /v1/metadata/7.root.json HTTP/1.1\r\n\r\n", 400},
      {"two hosts", get + "Host: e\r\n\r\n", 400},
      {"HTTP/1.0", "GET /v1/metadata/7.root.json HTTP/1.0\r\nHost: d\r\n\r\n", 505},
      {"an upgrade", get + "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", 400},
      {"an expectation", get + "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n", 400},
      {"two ranges fields", get + "Range: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n", 400},
      {"not HTTP at all", "\x16\x03\x01 hello\r\n\r\n", 400},
      {"a space before the colon", get + "a : b\r\n\r\n", 400}};
  for (const auto& row : rows) {
    INFO(row.why);
    Device hostile(site.port(), site.root);
    REQUIRE(hostile.shake());
    hostile.send(row.text);
    CHECK(hostile.receive().status == row.status);
    CHECK(hostile.ends());
  }
  CHECK(site.stats().malformed == std::size(rows));
  Device device(site.port(), site.root);
  REQUIRE(device.shake());
  for (const auto* target :
       {"/v1/metadata/../secret.json", "/v1/metadata/%2e%2e%2fsecret.json",
        "/v1/metadata/..%2fsecret.json", "/v1/metadata//7.root.json", "/v1/metadata/7.root.json?x",
        "https://d/v1/metadata/7.root.json", "/", "*", "/v1/blob/../secret.json",
        "/v1/targets/releases/../../secret.json", "/v1/metadata/.hidden.json", "/v1/unknown"}) {
    INFO(target);
    CHECK(device.get(target).status == 404);
  }
  CHECK(device.get("/v1/metadata/7.root.json").status == 200);
}

TEST_CASE("HTTP: pipelined requests are answered in order", "[integration][distributor]") {
  Site site;
  Device device(site.port(), site.root);
  REQUIRE(device.shake());
  constexpr int kCount = 2000;
  std::thread sender([&] {
    std::string text;
    for (int i = 0; i < kCount; ++i) {
      text += std::string("GET /v1/metadata/") + (i % 2 == 0 ? "7.root" : "timestamp") +
              ".json HTTP/1.1\r\nHost: d\r\n\r\n";
    }
    device.send(text);
  });
  sender.join();
  for (int i = 0; i < kCount; ++i) {
    REQUIRE(device.receive().body == (i % 2 == 0 ? "{\"r\":7}" : "{\"t\":1}"));
  }
}

TEST_CASE("HTTP: who is slow loses the connection, others are served",
          "[integration][distributor]") {
  Limits limits;
  limits.handshake = 300ms;
  limits.request = 300ms;
  limits.idle = 600ms;
  limits.write = 300ms;
  Site site(limits);
  Device silent(site.port(), site.root);  // never says hello
  Device reader(site.port(), site.root);  // asks for much and takes nothing
  Device drip(site.port(), site.root);
  REQUIRE(reader.shake());
  REQUIRE(drip.shake());
  reader.send("GET /v1/blob/" + kDigest + " HTTP/1.1\r\nHost: d\r\n\r\n");
  drip.send("GET /v1/metadata/7.ro");
  Device body(site.port(), site.root);
  REQUIRE(body.shake());
  body.send("POST /v1/metadata/7.root.json HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\nab");
  Device good(site.port(), site.root);
  REQUIRE(good.shake());
  CHECK(good.get("/v1/metadata/7.root.json").status == 200);
  CHECK(drip.ends());
  CHECK(body.ends());
  CHECK(good.ends());  // idle for too long
  CHECK_FALSE(silent.shake());
  std::size_t taken = 0;
  while (reader.more()) taken = reader.buffered();
  CHECK(taken < kBlobSize);
  CHECK(site.stop().timeouts == 5);
}

TEST_CASE("HTTP: expiry and bans count at the next request of a kept connection (FORMAT 9.2.9)",
          "[integration][distributor]") {
  Site site;
  Device one(site.port(), site.root);
  Device two(site.port(), site.root);
  REQUIRE(one.shake());
  REQUIRE(two.shake());
  CHECK(one.get("/v1/metadata/7.root.json").status == 200);
  CHECK(two.get("/v1/metadata/7.root.json").status == 200);
  site.on_server([&] { site.service.ban({*SpiffeId::parse("spiffe://example.org/device/d1")}); });
  const auto banned = one.get("/v1/metadata/7.root.json");
  CHECK(banned.status == 403);
  CHECK(banned.body.find("\"code\":23") != std::string::npos);
  CHECK(one.ends());
  site.on_server([&] {
    site.service.ban({});
    site.clock.time = kNow + Seconds{3600};
  });
  const auto expired = two.get("/v1/metadata/7.root.json");
  CHECK(expired.status == 403);
  CHECK(expired.body.find("\"code\":20") != std::string::npos);
  CHECK(two.ends());
}

TEST_CASE("HTTP: a ban ends a running transfer", "[integration][distributor]") {
  Site site;
  Device device(site.port(), site.root);
  REQUIRE(device.shake());
  device.send("GET /v1/blob/" + kDigest + " HTTP/1.1\r\nHost: d\r\n\r\n");
  REQUIRE(device.more());
  site.on_server([&] { site.service.ban({*SpiffeId::parse("spiffe://example.org/device/d1")}); });
  while (device.more()) {
  }
  CHECK(device.buffered() < kBlobSize);
  CHECK(site.stop().cut_short == 1);
}

TEST_CASE("HTTP: strangers end in the handshake", "[integration][distributor]") {
  Site site;
  const auto other = issue(ca_spec("other"), nullptr);
  const auto foreign = svid_of(issue(leaf_spec("spiffe://other.org/d"), &other));
  const auto borrowed = svid_of(issue(leaf_spec("spiffe://other.org/d"), &site.root));
  auto old_spec = leaf_spec("spiffe://example.org/d");
  old_spec.until = Seconds{-1};
  const auto old = svid_of(issue(old_spec, &site.root));
  for (const auto* svid : {&foreign, &borrowed, &old}) {
    Device device(site.port(), site.root, svid);
    device.shake();  // a TLS 1.3 client has finished before it is judged
    device.send("GET /v1/metadata/7.root.json HTTP/1.1\r\nHost: d\r\n\r\n");
    CHECK(device.receive().status == 0);
  }
  CHECK(site.stop().refused == 3);
}

TEST_CASE("HTTP: a reset in the middle of an answer hurts nobody", "[integration][distributor]") {
  Site site;
  Device good(site.port(), site.root);
  REQUIRE(good.shake());
  for (int i = 0; i < 20; ++i) {
    Device rude(site.port(), site.root);
    REQUIRE(rude.shake());
    rude.send("GET /v1/blob/" + kDigest + " HTTP/1.1\r\nHost: d\r\n\r\n");
    REQUIRE(rude.more());
    rude.reset();
  }
  CHECK(good.get("/v1/metadata/7.root.json").status == 200);
}

TEST_CASE("HTTP: connections over the limit are closed at once", "[integration][distributor]") {
  Limits limits;
  limits.connections = 2;
  Site site(limits);
  Device one(site.port(), site.root);
  Device two(site.port(), site.root);
  REQUIRE(one.shake());
  REQUIRE(two.shake());
  Device three(site.port(), site.root);
  CHECK_FALSE(three.shake());
  CHECK(one.get("/v1/metadata/7.root.json").status == 200);
  CHECK(site.stats().dropped == 1);
}

TEST_CASE("HTTP: stopping finishes the running answer and closes the rest",
          "[integration][distributor]") {
  Site site;
  Device idle(site.port(), site.root);
  Device busy(site.port(), site.root);
  REQUIRE(idle.shake());
  REQUIRE(busy.shake());
  CHECK(idle.get("/v1/metadata/7.root.json").status == 200);
  busy.send("GET /v1/blob/" + kDigest + " HTTP/1.1\r\nHost: d\r\n\r\n");
  REQUIRE(busy.more());
  site.begin_stop();
  CHECK(idle.ends());
  CHECK(busy.receive().body.size() == kBlobSize);
  CHECK(busy.ends());
  CHECK(site.stop().timeouts == 0);
}
