#include "http/client.hpp"

#include <catch2/catch.hpp>
#include <openssl/err.h>

#include "fakes/connect_proxy.hpp"
#include "fakes/memory_file.hpp"
#include "fakes/script_server.hpp"

using namespace pawl;
using namespace pawl::fakes;
using http::Client;
using http::ClientMethod;
using http::ClientRequest;

namespace {

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Certificates of one trust domain, a server and a client of it.
struct World {
  Issued root = issue(ca_spec("root"), nullptr);
  Issued server = issue(leaf_spec("spiffe://example.org/distributor"), &root);
  Issued device = issue(leaf_spec("spiffe://example.org/device/d1"), &root);
  FakeClock clock{kNow};

  Client::Credentials credentials(const Issued& leaf, const Issued& anchor) const {
    Client::Credentials out;
    out.svid.emplace(svid_of(leaf));
    out.bundles.push_back(bundle_of("example.org", {&anchor}));
    return out;
  }
  Client client(const std::string& origin, http::ClientLimits limits = {}) {
    return client(origin, credentials(device, root), limits);
  }
  Client client(const std::string& origin, Client::Credentials own,
                http::ClientLimits limits = {}) {
    auto made =
        Client::create({*http::Origin::parse(origin),
                        *identity::SpiffeId::parse("spiffe://example.org/distributor"), limits},
                       std::move(own), clock);
    REQUIRE(made);
    return *std::move(made);
  }
};

ClientRequest get(std::string path) {
  ClientRequest request;
  request.path = std::move(path);
  return request;
}

http::ClientLimits impatient() {
  http::ClientLimits limits;
  limits.connect = Seconds(1);
  limits.stall = Seconds(1);
  limits.total = Seconds(5);
  return limits;
}

/// Answers every request of a connection with the same bytes.
ScriptServer::Handler always(std::string_view answer) {
  return [answer = std::string(answer)](Script& script) {
    while (!script.request().empty()) script.send(answer);
  };
}

Errc code_of(const Result<http::ClientResponse>& result) {
  return result ? Errc{} : result.error().code();
}

}  // namespace

TEST_CASE("requests to one server share a connection and carry no needless field",
          "[integration][http]") {
  World world;
  std::vector<std::string> seen;
  ScriptServer server(world.root, world.server, [&](Script& script) {
    for (auto text = script.request(); !text.empty(); text = script.request()) {
      seen.push_back(text);
      script.send(kOk);
    }
  });
  {
    auto client = world.client(server.origin());
    REQUIRE(client.send(get("/v1/metadata/1.root.json")));
    ClientRequest post = get("/v1/check");
    post.method = ClientMethod::kPost;
    post.body = "{}";
    const auto answer = client.send(post);
    REQUIRE(answer);
    CHECK(answer->body == "ok");
    CHECK(client.traffic().connections == 1);
    CHECK(client.traffic().requests == 2);
  }
  const auto host = server.origin().substr(8);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0] == "GET /v1/metadata/1.root.json HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  CHECK(seen[1] == "POST /v1/check HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 2\r\n\r\n{}");
}

TEST_CASE("a range is asked for and its bytes arrive in order", "[integration][http]") {
  World world;
  std::string seen;
  ScriptServer server(world.root, world.server, [&](Script& script) {
    seen = script.request();
    script.send("HTTP/1.1 206 P\r\nContent-Length: 6\r\nContent-Range: bytes 7-12/99\r\n\r\nabc");
    script.send("def");
  });
  struct Sink final : http::BodySink {
    std::string text;
    Status take(ByteView bytes) override {
      text += as_text(bytes);
      return Ok{};
    }
  } sink;
  auto client = world.client(server.origin());
  auto request = get("/v1/blob/x");
  request.range = http::ClientRange{7, 6, 99};
  REQUIRE(client.send(request, sink));
  CHECK(sink.text == "abcdef");
  CHECK(seen.find("Range: bytes=7-12\r\n") != std::string::npos);
}

TEST_CASE("an answer that is not what was asked for ends the exchange with its own code",
          "[integration][http]") {
  struct Row {
    const char* why;
    std::string answer;
    Errc code;
  };
  const auto row = GENERATE(
      Row{"redirect to http",
          "HTTP/1.1 301 M\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
          Errc::kRefusedByServer},
      Row{"another range",
          "HTTP/1.1 206 P\r\nContent-Range: bytes 0-5/99\r\nContent-Length: 6\r\n\r\nabcdef",
          Errc::kMalformed},
      Row{"the whole file", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + std::string(99, 'x'),
          Errc::kMalformed},
      Row{"more than the range",
          "HTTP/1.1 206 P\r\nContent-Range: bytes 7-12/99\r\nContent-Length: 7\r\n\r\nabcdefg",
          Errc::kTooLarge},
      Row{"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", Errc::kMalformed},
      Row{"HTTP/0.9", "<html>hello</html>", Errc::kMalformed},
      Row{"chunks with a bad length",
          "HTTP/1.1 206 P\r\nContent-Range: bytes 7-12/99\r\n"
          "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
          Errc::kTransport});
  INFO(row.why);
  World world;
  ScriptServer server(world.root, world.server, [&](Script& script) {
    if (!script.request().empty()) script.send(row.answer);
  });
  auto client = world.client(server.origin());
  auto request = get("/v1/blob/x");
  request.range = http::ClientRange{7, 6, 99};
  CHECK(code_of(client.send(request)) == row.code);
}

TEST_CASE("endless data is cut off at the limit, in the header and in the body",
          "[integration][http]") {
  struct Row {
    const char* why;
    const char* start;
    const char* more;
  };
  const auto row = GENERATE(
      Row{"header fields", "HTTP/1.1 200 OK\r\n", "X-More: yyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"},
      Row{"one header field", "HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"},
      Row{"body without length", "HTTP/1.1 200 OK\r\n\r\n", "zzzzzzzzzzzzzzzzzzzzzzzzzz"},
      Row{"interim answers", "HTTP/1.1 102 P\r\n\r\n", "HTTP/1.1 102 P\r\n\r\n"},
      Row{"refusal", "HTTP/1.1 403 No\r\n\r\n", "no no no no no no no no no no no no no"});
  INFO(row.why);
  World world;
  ScriptServer server(world.root, world.server, [&](Script& script) {
    script.request();
    script.send(row.start);
    while (script.send(row.more)) {
    }
  });
  auto client = world.client(server.origin());
  CHECK(code_of(client.send(get("/"))) == Errc::kTooLarge);
}

TEST_CASE("a server that stalls or sends a byte at a time does not hold the device",
          "[integration][http]") {
  struct Row {
    const char* why;
    std::string_view text;
  };
  const auto row =
      GENERATE(Row{"silence", ""}, Row{"slow header", "HTTP/1.1 200 OK\r\nX: yyyyyyyyyyy"},
               Row{"slow body", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nzzzzz"});
  INFO(row.why);
  World world;
  ScriptServer server(world.root, world.server, [&](Script& script) {
    script.request();
    const auto body = row.text.find("\r\n\r\n");
    const auto at_once = body == std::string_view::npos ? 0 : body + 4;
    if (at_once != 0) script.send(row.text.substr(0, at_once));
    for (std::size_t i = at_once; i < row.text.size(); ++i) {
      script.send(row.text.substr(i, 1));
      if (!script.waits(300)) return;
    }
    while (script.waits(1000)) {
    }
  });
  auto client = world.client(server.origin(), impatient());
  const auto answer = client.send(get("/"));
  CHECK(code_of(answer) == Errc::kTimeout);
}

TEST_CASE("a server that never finishes the handshake does not hold the device",
          "[integration][http]") {
  World world;
  const Listener silent;
  auto client = world.client("https://127.0.0.1:" + std::to_string(silent.port()), impatient());
  CHECK(code_of(client.send(get("/"))) == Errc::kTimeout);
}

TEST_CASE("an answer that ends early is a broken transfer", "[integration][http]") {
  const auto* answer =
      GENERATE("", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  INFO(answer);
  World world;
  ScriptServer server(world.root, world.server, [&](Script& script) {
    script.request();
    if (*answer != '\0') script.send(answer);
  });
  auto client = world.client(server.origin());
  CHECK(code_of(client.send(get("/"))) == Errc::kTransport);
}

TEST_CASE("names without an address and ports nobody listens on are told apart",
          "[integration][http]") {
  World world;
  auto nameless = world.client("https://no..such..name:8443");
  CHECK(code_of(nameless.send(get("/"))) == Errc::kOffline);
  std::uint16_t port = 0;
  { port = Listener().port(); }
  auto refused = world.client("https://127.0.0.1:" + std::to_string(port));
  CHECK(code_of(refused.send(get("/"))) == Errc::kTransport);
}

TEST_CASE("only the one SPIFFE ID named, of its own domain and in time, is the server",
          "[integration][http]") {
  World world;
  const auto foreign_root = issue(ca_spec("foreign"), nullptr);
  auto late = leaf_spec("spiffe://example.org/distributor");
  late.until = Seconds(-1);
  struct Row {
    const char* why;
    Issued leaf;
  };
  std::vector<Row> rows;
  rows.push_back({"another ID", issue(leaf_spec("spiffe://example.org/gateway"), &world.root)});
  rows.push_back(
      {"a longer ID", issue(leaf_spec("spiffe://example.org/distributor/x"), &world.root)});
  rows.push_back(
      {"another authority", issue(leaf_spec("spiffe://example.org/distributor"), &foreign_root)});
  rows.push_back({"expired", issue(late, &world.root)});
  for (const auto& row : rows) {
    INFO(row.why);
    ScriptServer server(world.root, row.leaf, always(kOk));
    auto client = world.client(server.origin());
    const auto answer = client.send(get("/"));
    CHECK(code_of(answer) == Errc::kPeer);
  }
}

TEST_CASE("a server that refuses our certificate is told apart from a broken network",
          "[integration][http]") {
  World world;
  const auto foreign_root = issue(ca_spec("foreign"), nullptr);
  auto late = leaf_spec("spiffe://example.org/device/d1");
  late.until = Seconds(-1);
  std::vector<Issued> leaves;
  leaves.push_back(issue(leaf_spec("spiffe://example.org/device/d1"), &foreign_root));
  leaves.push_back(issue(late, &world.root));
  for (const auto& leaf : leaves) {
    ScriptServer server(world.root, world.server, always(kOk));
    auto client = world.client(server.origin(), world.credentials(leaf, world.root));
    const auto answer = client.send(get("/"));
    REQUIRE(code_of(answer) == Errc::kRefusedByServer);
    CHECK(answer.error().what().find("alert") != std::string::npos);
  }
}

TEST_CASE("TLS 1.2 is refused", "[integration][http]") {
  World world;
  const Listener listener;
  int accepted = 1;
  std::thread old([&] {
    const identity::SslCtxPtr context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_use_certificate(context.get(), world.server.certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), world.server.key.get());
    const int fd = listener.accept();
    const identity::SslPtr ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), fd);
    accepted = SSL_accept(ssl.get());
    ERR_clear_error();
    ::close(fd);
  });
  auto client = world.client("https://127.0.0.1:" + std::to_string(listener.port()));
  const auto answer = client.send(get("/"));
  old.join();
  CHECK(accepted != 1);
  CHECK(code_of(answer) == Errc::kRefusedByServer);
}

TEST_CASE("a client without an SVID can talk to a server that asks for none",
          "[integration][http]") {
  World world;
  ScriptServer server(world.root, world.server, always(kOk));
  Client::Credentials nobody;
  nobody.bundles.push_back(bundle_of("example.org", {&world.root}));
  auto client = world.client(server.origin(), std::move(nobody));
  CHECK(client.send(get("/bundle")));
}

TEST_CASE("a new SVID is shown on a new connection", "[integration][http]") {
  World world;
  ScriptServer server(world.root, world.server, always(kOk));
  auto client = world.client(server.origin());
  REQUIRE(client.send(get("/")));
  const auto fresh = issue(leaf_spec("spiffe://example.org/device/d1"), &world.root);
  REQUIRE(client.use(world.credentials(fresh, world.root)));
  REQUIRE(client.send(get("/")));
  CHECK(client.traffic().connections == 2);
  CHECK(server.connections() == 2);
}

TEST_CASE("a kept connection is not used once the server's SVID has expired",
          "[integration][http]") {
  World world;
  ScriptServer server(world.root, world.server, always(kOk));
  auto client = world.client(server.origin());
  REQUIRE(client.send(get("/")));
  world.clock.time = kNow + Seconds(3601);
  CHECK(code_of(client.send(get("/"))) == Errc::kPeer);
}

TEST_CASE("a connection the server has ended meanwhile is made again", "[integration][http]") {
  World world;
  ScriptServer server(world.root, world.server, [](Script& script) {
    script.request();
    script.send(kOk);
  });
  auto client = world.client(server.origin());
  for (int i = 0; i < 3; ++i) REQUIRE(client.send(get("/")));
  CHECK(client.traffic().connections == 3);
}

TEST_CASE("a file goes out whole, and a sink that has had enough ends the exchange",
          "[integration][http]") {
  World world;
  std::string seen;
  ScriptServer server(world.root, world.server, [&](Script& script) {
    for (auto text = script.request(); !text.empty(); text = script.request()) {
      seen = text;
      script.send(kOk);
    }
  });
  MemoryFile file(Bytes(300000, 'u'));
  {
    auto client = world.client(server.origin());
    auto request = get("/blob");
    request.method = ClientMethod::kPut;
    request.file = &file;
    REQUIRE(client.send(request));
    struct Full final : http::BodySink {
      Status take(ByteView) override { return fail(Errc::kNoSpace, "full"); }
    } full;
    CHECK(code_of(client.send(get("/"), full)) == Errc::kNoSpace);
    REQUIRE(client.send(request));
  }
  CHECK(seen.substr(seen.find("\r\n\r\n") + 4) == std::string(300000, 'u'));
  CHECK(seen.starts_with("PUT /blob HTTP/1.1\r\n"));
}

TEST_CASE("through a proxy the server is still the one SPIFFE ID named", "[integration][http]") {
  constexpr auto kTunnel = "HTTP/1.1 200 Connection established\r\n\r\n";
  World world;
  ScriptServer server(world.root, world.server, always(kOk));
  const auto foreign_root = issue(ca_spec("foreign"), nullptr);
  const auto foreign = issue(leaf_spec("spiffe://example.org/distributor"), &foreign_root);
  ScriptServer interceptor(world.root, foreign, always(kOk));
  const auto send_through = [&](ConnectProxy& proxy) {
    const Environment environment("https_proxy", proxy.origin());
    Result<http::ClientResponse> out = world.client(server.origin()).send(get("/"));
    proxy.end();
    return out;
  };
  ConnectProxy honest(server.port(), kTunnel);
  const auto answer = send_through(honest);
  REQUIRE(answer);
  CHECK(answer->body == "ok");
  CHECK(honest.asked == "CONNECT " + server.origin().substr(8) + " HTTP/1.1\n");
  ConnectProxy curious(interceptor.port(), kTunnel);
  CHECK(code_of(send_through(curious)) == Errc::kPeer);
  ConnectProxy strict(0, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  CHECK(code_of(send_through(strict)) == Errc::kTransport);
  ConnectProxy gone(0, kTunnel);
  gone.end();
  CHECK(code_of(send_through(gone)) == Errc::kTransport);
  CHECK(gone.asked.empty());

  ConnectProxy unused(server.port(), kTunnel);
  const Environment exception("no_proxy", "127.0.0.1");
  CHECK(send_through(unused));
  CHECK(unused.asked.empty());
}
