#include <catch2/catch.hpp>

#include "fakes/fake_clock.hpp"
#include "fakes/test_pki.hpp"
#include "fakes/tls_pair.hpp"

using namespace pawl;
using namespace pawl::identity;
using namespace pawl::fakes;

namespace {

struct World {
  Issued root = issue(ca_spec("root"), nullptr);
  Issued other = issue(ca_spec("other"), nullptr);
  TrustSet trust;
  FakeClock clock{kNow};
  X509Svid server = make("spiffe://example.org/distributor");

  World() {
    REQUIRE(trust.put(bundle_of("example.org", {&root})));
    REQUIRE(trust.put(bundle_of("other.org", {&other})));
  }
  [[nodiscard]] X509Svid make(const std::string& id) const {
    return svid_of(issue(leaf_spec(id), &root));
  }
  [[nodiscard]] Result<TlsContext> listen(PeerRules rules) {
    rules.role = PeerRole::kClient;
    return TlsContext::create(&server, trust, clock, std::move(rules));
  }
  [[nodiscard]] Result<TlsContext> dial(const X509Svid* own, const std::string& id) {
    return TlsContext::create(own, trust, clock,
                              {PeerRole::kServer, {*SpiffeId::parse(id)}, Anonymous::kRefused});
  }
};

struct Outcome {
  bool joined;
  TlsPair pair;
};

std::unique_ptr<Outcome> meet(const TlsContext& client, const TlsContext& server) {
  auto out = std::make_unique<Outcome>();  // the results stay where the connections know them
  out->pair.client = client.connect(out->pair.seen_by_client);
  out->pair.server = server.connect(out->pair.seen_by_server);
  out->joined = shake(out->pair);
  return out;
}

}  // namespace

TEST_CASE("TLS: both sides know each other's SPIFFE ID after the handshake", "[identity][tls]") {
  World world;
  const auto device = world.make("spiffe://example.org/device/d1");
  const auto client = world.dial(&device, "spiffe://example.org/distributor");
  const auto server = world.listen({});
  REQUIRE(client);
  REQUIRE(server);
  const auto met = meet(*client, *server);
  REQUIRE(met->joined);
  CHECK(met->pair.seen_by_server.peer->id == device.id());
  CHECK(met->pair.seen_by_client.peer->id == world.server.id());
  CHECK(SSL_version(met->pair.server.get()) == TLS1_3_VERSION);
  CHECK(SSL_session_reused(met->pair.server.get()) == 0);
}

// FORMAT 9.6.3
TEST_CASE("TLS: a peer our rules refuse never finishes the handshake (FORMAT 9.6)",
          "[identity][tls]") {
  World world;
  auto two_names = leaf_spec("spiffe://example.org/device/d1");
  two_names.uris.emplace_back("spiffe://example.org/device/d2");
  auto expired = leaf_spec("spiffe://example.org/device/d1");
  expired.until = Seconds{-1};
  struct Row {
    const char* why;
    CertSpec spec;
    const Issued* issuer;
    const char* refusal;
  };
  const Row rows[] = {
      {"two URI names", two_names, &world.root, "2 URI names"},
      {"our CA signs a foreign ID", leaf_spec("spiffe://other.org/d"), &world.root,
       "unable to get"},
      {"a trusted other CA signs our ID", leaf_spec("spiffe://example.org/d"), &world.other,
       "unable to get"},
      {"a CA certificate", ca_spec("ca", "spiffe://example.org"), &world.root, "has no path"},
      {"expired", expired, &world.root, "expired"},
      {"unknown domain", leaf_spec("spiffe://unknown.org/d"), &world.root, "no bundle"}};
  const auto server = world.listen({});
  const auto client = world.dial(nullptr, "spiffe://example.org/distributor");
  REQUIRE(server);
  REQUIRE(client);
  for (const auto& row : rows) {
    INFO(row.why);
    const auto leaf = issue(row.spec, row.issuer);
    SSL_CTX_use_certificate(&client->get(), leaf.certificate.get());
    SSL_CTX_use_PrivateKey(&client->get(), leaf.key.get());
    const auto met = meet(*client, *server);
    CHECK_FALSE(met->joined);
    CHECK_FALSE(met->pair.seen_by_server.peer);
    INFO(met->pair.seen_by_server.refusal);
    CHECK(met->pair.seen_by_server.refusal.find(row.refusal) != std::string::npos);
  }
}

TEST_CASE("TLS: a refused peer is told the fault of its path (FORMAT 9.6.5)", "[identity][tls]") {
  World world;
  auto expired = leaf_spec("spiffe://example.org/device/d1");
  expired.until = Seconds{-1};
  auto two_names = leaf_spec("spiffe://example.org/device/d1");
  two_names.uris.emplace_back("spiffe://example.org/device/d2");
  struct Row {
    CertSpec spec;
    const Issued* issuer;
    int alert;
  };
  const Row rows[] = {{expired, &world.root, SSL_AD_CERTIFICATE_EXPIRED},
                      {leaf_spec("spiffe://example.org/d"), &world.other, SSL_AD_UNKNOWN_CA},
                      {leaf_spec("spiffe://unknown.org/d"), &world.root, SSL_AD_UNKNOWN_CA},
                      {two_names, &world.root, SSL_AD_HANDSHAKE_FAILURE}};
  const auto server = world.listen({});
  const auto client = world.dial(nullptr, "spiffe://example.org/distributor");
  REQUIRE(server);
  REQUIRE(client);
  for (const auto& row : rows) {
    HandshakeResult told;
    REQUIRE(client->apply(client->get(), nullptr, told));
    const auto leaf = issue(row.spec, row.issuer);
    SSL_CTX_use_certificate(&client->get(), leaf.certificate.get());
    SSL_CTX_use_PrivateKey(&client->get(), leaf.key.get());
    const auto met = meet(*client, *server);
    std::uint8_t byte = 0;
    SSL_read(met->pair.client.get(), &byte, 1);  // it has finished when the server refuses it
    CHECK(told.alert == SSL_alert_desc_string_long(row.alert));
  }
}

// FORMAT 9.6.1
TEST_CASE("TLS: 64 KiB of certificates are taken, more end the handshake", "[identity][tls]") {
  World world;
  const auto server = world.listen({});
  REQUIRE(server);
  auto wide = ca_spec("useless");
  wide.dns.assign(81, std::string(100, 'a') + ".example.org");
  const auto padding = issue(wide, nullptr);
  const auto meets = [&](unsigned more) {
    const auto own = world.make("spiffe://example.org/device/d1");
    const auto client = world.dial(&own, "spiffe://example.org/distributor");
    REQUIRE(client);
    for (unsigned i = 0; i < more; ++i) {
      SSL_CTX_add1_chain_cert(&client->get(), padding.certificate.get());
    }
    const auto met = meet(*client, *server);
    return met->joined && met->pair.seen_by_server.peer;
  };
  const auto size = identity::certificate_der(*padding.certificate).size();
  REQUIRE(size * 6 < 64 * 1024);
  REQUIRE(size * 7 > 64 * 1024);
  CHECK(meets(6));
  CHECK_FALSE(meets(7));
}

TEST_CASE("TLS: a client accepts the pinned server ID only (FORMAT 9.6.4)", "[identity][tls]") {
  World world;
  const auto device = world.make("spiffe://example.org/device/d1");
  const auto server = world.listen({});
  const auto client = world.dial(&device, "spiffe://example.org/gateway");
  REQUIRE(server);
  REQUIRE(client);
  const auto met = meet(*client, *server);  // a good SVID of the same domain, another ID
  CHECK_FALSE(met->joined);
  CHECK(met->pair.seen_by_client.refusal.find("not the expected peer") != std::string::npos);
  CHECK(world.dial(&device, "spiffe://example.org/distributor"));
  const auto unpinned = TlsContext::create(&device, world.trust, world.clock, {});
  CHECK(unpinned.error().code() == Errc::kConfig);
}

TEST_CASE("TLS: a listener for named peers refuses other SVIDs of the domain (FORMAT 9.6.4)",
          "[identity][tls]") {
  World world;
  const auto device = world.make("spiffe://example.org/device/d1");
  const auto admin = world.make("spiffe://example.org/admin");
  PeerRules rules;
  rules.exact = {admin.id()};
  const auto server = world.listen(std::move(rules));
  REQUIRE(server);
  const auto by_device = world.dial(&device, "spiffe://example.org/distributor");
  const auto by_admin = world.dial(&admin, "spiffe://example.org/distributor");
  CHECK_FALSE(meet(*by_device, *server)->joined);
  CHECK(meet(*by_admin, *server)->joined);
}

TEST_CASE("TLS: no certificate is refused unless the listener gives nothing away",
          "[identity][tls]") {
  World world;
  const auto nobody = world.dial(nullptr, "spiffe://example.org/distributor");
  const auto strict = world.listen({});
  PeerRules open;
  open.anonymous = Anonymous::kAllowed;
  const auto lenient = world.listen(std::move(open));
  REQUIRE(nobody);
  CHECK_FALSE(meet(*nobody, *strict)->joined);
  const auto met = meet(*nobody, *lenient);
  CHECK(met->joined);
  CHECK_FALSE(met->pair.seen_by_server.peer);
  const auto expired = [&] {
    auto spec = leaf_spec("spiffe://example.org/d");
    spec.until = Seconds{-1};
    return svid_of(issue(spec, &world.root));
  }();
  CHECK_FALSE(meet(*world.dial(&expired, "spiffe://example.org/distributor"), *lenient)->joined);
  CHECK(TlsContext::create(nullptr, world.trust, world.clock, {PeerRole::kClient, {}, {}})
            .error()
            .code() == Errc::kConfig);
}

TEST_CASE("TLS: 1.2, tickets and early data are off (FORMAT 9.6.1, 9.6.2)", "[identity][tls]") {
  World world;
  const auto device = world.make("spiffe://example.org/device/d1");
  const auto server = world.listen({});
  const auto client = world.dial(&device, "spiffe://example.org/distributor");
  SSL_CTX_set_min_proto_version(&client->get(), TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(&client->get(), TLS1_2_VERSION);
  CHECK_FALSE(meet(*client, *server)->joined);
  SSL_CTX_set_max_proto_version(&client->get(), TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(&client->get(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_clear_options(&client->get(), SSL_OP_NO_TICKET);
  const auto met = meet(*client, *server);
  REQUIRE(met->joined);
  CHECK(SSL_SESSION_is_resumable(SSL_get0_session(met->pair.client.get())) == 0);
  CHECK(SSL_CTX_get_num_tickets(&server->get()) == 0);
  CHECK(SSL_CTX_get_max_early_data(&server->get()) == 0);
}

TEST_CASE("TLS: a rotated SVID is presented by new connections, with its chain",
          "[identity][tls]") {
  World world;
  auto server = world.listen({});
  REQUIRE(server);
  const auto device = world.make("spiffe://example.org/device/d1");
  const auto client = world.dial(&device, "spiffe://example.org/distributor");
  const auto first = meet(*client, *server);
  REQUIRE(first->joined);
  const auto between = issue(ca_spec("between"), &world.root);
  const auto leaf = issue(leaf_spec("spiffe://example.org/distributor"), &between);
  const auto next = svid_of(leaf, {&between});
  REQUIRE(server->use_svid(next));
  const auto second = meet(*client, *server);
  REQUIRE(second->joined);
  CHECK(second->pair.seen_by_client.peer->certificate == certificate_digest(next.leaf()));
  CHECK(first->pair.seen_by_client.peer->certificate !=
        second->pair.seen_by_client.peer->certificate);
  CHECK(SSL_write(first->pair.server.get(), "z", 1) == 1);  // the running one is untouched
}

TEST_CASE("TLS: a bundle that changes refuses the next handshake of the old authority",
          "[identity][tls]") {
  World world;
  const auto device = svid_of(issue(leaf_spec("spiffe://other.org/d"), &world.other));
  const auto server = world.listen({});
  const auto client = world.dial(&device, "spiffe://example.org/distributor");
  CHECK(meet(*client, *server)->joined);
  REQUIRE(world.trust.put(bundle_of("other.org", {})));
  CHECK_FALSE(meet(*client, *server)->joined);
}
