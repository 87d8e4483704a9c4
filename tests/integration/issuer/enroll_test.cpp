#include "updater/enroll.hpp"

#include <sstream>

#include <catch2/catch.hpp>

#include "fakes/fake_clock.hpp"
#include "fakes/fake_disk.hpp"
#include "fakes/soft_keys.hpp"
#include "identity/jwks.hpp"
#include "identity/pem.hpp"
#include "identity/svid_rules.hpp"

using namespace pawl;
using namespace pawl::updater;

namespace {

constexpr UtcTime kNow{Seconds{1795176000}};  // 2026-11-20T12:00:00Z

struct World {
  fakes::FakeDisk disk;  // of the device
  fakes::FakeDisk server_disk;
  fakes::FakeClock clock{kNow};
  SystemRandom random;
  std::ostringstream lines;
  StreamLog log{lines, LogLevel::kInfo};
  identity::TrustDomain domain = *identity::TrustDomain::parse("example.org");
  issuer::EkStore store{server_disk, "/eks"};
  issuer::Authority authority = make();
  issuer::Enrolment enrolment{{authority, store, clock, random}, {}, {}};
  issuer::EnrolmentService service{enrolment, authority, log};
  std::function<void(std::string&)> bend = [](std::string&) {};
  unsigned opened = 0;  // TPM connections

  World() { PAWL_ASSERT(static_cast<bool>(store.add(fakes::some_tpm().fingerprint(), ""))); }
  issuer::Authority make() {
    const issuer::NewAuthority plan{domain, Seconds{86400 * 365}};
    PAWL_ASSERT(
        static_cast<bool>(issuer::Authority::create(server_disk, "/ca", plan, kNow, random)));
    return *issuer::Authority::load(server_disk, "/ca", domain, kNow);
  }
  Enroller enroller(std::string_view of = "example.org") {
    return Enroller({disk, clock, log,
                     [this]() -> Result<std::unique_ptr<EnrolmentKeys>> {
                       ++opened;
                       return std::unique_ptr<EnrolmentKeys>(
                           std::make_unique<fakes::SoftKeys>(fakes::some_tpm()));
                     },
                     [this]() -> Result<std::unique_ptr<EnrolmentServer>> {
                       return std::unique_ptr<EnrolmentServer>(
                           std::make_unique<fakes::InProcessIssuer>(service, bend));
                     }},
                    "/svid", *identity::TrustDomain::parse(of));
  }
  Result<identity::Identity> load() {
    return identity::load_identity(disk, identity::svid_files_in("/svid"));
  }
};

}  // namespace

// FORMAT 13.7.3
TEST_CASE("enroll: an SVID with its key and bundle; again it changes nothing until half life",
          "[integration][issuer]") {
  World world;
  auto device = world.enroller();
  const auto first = device.enrol();
  REQUIRE(first);
  CHECK(first->changed);
  CHECK(first->id.uri() ==
        "spiffe://example.org/device/" + to_hex(fakes::some_tpm().fingerprint()).substr(0, 32));
  REQUIRE(world.load());
  CHECK_FALSE(world.disk.has("/svid/key.next"));

  world.clock.time = first->renew_at - Seconds{1};
  const auto before = world.disk.text("/svid/svid.pem");
  const auto again = device.enrol();
  REQUIRE(again);
  CHECK_FALSE(again->changed);
  CHECK(again->renew_at == first->renew_at);
  CHECK(world.disk.text("/svid/svid.pem") == before);
  CHECK(world.opened == 1);  // the TPM was left alone

  const auto old_key = world.disk.text("/svid/key.pem");
  world.clock.time = first->renew_at;
  const auto renewed = device.enrol();
  REQUIRE(renewed);
  CHECK(renewed->changed);
  CHECK(renewed->id == first->id);
  CHECK(world.disk.text("/svid/key.pem") != old_key);
  REQUIRE(world.load());
}

// FORMAT 13.7.4
TEST_CASE("enroll: cut before any durable operation, it ends with a whole SVID",
          "[integration][issuer][powercut]") {
  for (const auto fate : {fakes::Fate::kLost, fakes::Fate::kKept}) {
    for (unsigned cut = 0;; ++cut) {
      World world;
      auto device = world.enroller();
      REQUIRE(device.enrol());
      world.clock.time += Seconds{2000};  // a renewal is due; the old SVID is still good
      world.disk.policy.entries = fate;
      world.disk.policy.data = fate;
      world.disk.ops_left = cut;
      const bool done = static_cast<bool>(device.enrol());
      world.disk.ops_left = fakes::FakeDisk::kNoCut;
      if (world.disk.is_off()) world.disk.power_on();
      INFO("power cut before durable operation " << cut);
      REQUIRE(world.store.ban(fakes::some_tpm().fingerprint()));  // nobody gives it another one
      (void)static_cast<bool>(world.enroller().enrol());
      REQUIRE(world.load());  // the old SVID or the new one, with its key
      REQUIRE(world.store.add(fakes::some_tpm().fingerprint(), ""));
      const auto after = world.enroller().enrol();
      REQUIRE(after);
      REQUIRE(world.load());
      CHECK(world.load()->svid.not_after() > kNow + Seconds{3600});
      CHECK_FALSE(world.disk.has("/svid/key.next"));
      if (done) {
        CHECK(cut > 12);
        break;
      }
    }
  }
}

TEST_CASE("enroll: a cut after the new certificate finishes without asking the issuer",
          "[integration][issuer][powercut]") {
  World world;
  REQUIRE(world.enroller().enrol());
  const auto good_key = world.disk.content("/svid/key.pem");
  world.disk.put("/svid/key.next", good_key);  // svid.pem is new, key.pem still the old one
  world.disk.put("/svid/key.pem", "old");
  REQUIRE_FALSE(world.load());
  const auto settled = world.enroller().enrol();
  REQUIRE(settled);
  CHECK_FALSE(settled->changed);
  CHECK(world.opened == 1);
  CHECK(world.load());
  world.disk.put("/svid/key.next", "-----BEGIN");  // a key of no certificate goes away
  CHECK_FALSE(world.enroller().enrol()->changed);
  CHECK_FALSE(world.disk.has("/svid/key.next"));
}

TEST_CASE("enroll: what the issuer answers is checked before it is kept", "[integration][issuer]") {
  struct Row {
    const char* why;
    std::function<void(World&, json::Object&)> change;
    Errc code;
  };
  const Row rows[] = {
      {"no certificate", [](World&, json::Object& o) { o.set("svid_chain_pem", "hello"); },
       Errc::kMalformed},
      {"the certificate of another key",
       [](World& w, json::Object& o) {
         const auto other = issuer::issue_with_new_key(
             w.authority, *identity::SpiffeId::parse("spiffe://example.org/device/x"), kNow,
             Seconds{3600}, w.random);
         REQUIRE(other);
         o.set("svid_chain_pem", identity::certificate_pem(other->leaf()));
       },
       Errc::kMalformed},
      {"no bundle", [](World&, json::Object& o) { o.set("bundle", "x"); }, Errc::kMalformed},
      {"a bundle that trusts nobody",
       [](World&, json::Object& o) {
         o.set("bundle", *json::parse(R"({"keys":[],"spiffe_sequence":9})", {}));
       },
       Errc::kPeer},
      {"a bundle of another authority",
       [](World& w, json::Object& o) {
         REQUIRE(issuer::Authority::create(w.server_disk, "/other", {w.domain, Seconds{9999}}, kNow,
                                           w.random));
         const auto other = issuer::Authority::load(w.server_disk, "/other", w.domain, kNow);
         o.set("bundle", other->bundle());
       },
       Errc::kPeer},
  };
  for (const auto& row : rows) {
    World world;
    world.bend = [&](std::string& body) {
      auto value = *json::parse(body, {});
      row.change(world, *value.object());
      body = json::write(value);
    };
    INFO(row.why);
    const auto refused = world.enroller().enrol();
    REQUIRE_FALSE(refused);
    INFO(refused.error().what());
    CHECK(refused.error().code() == row.code);
    CHECK_FALSE(world.disk.has("/svid/svid.pem"));
    CHECK_FALSE(world.disk.has("/svid/key.next"));
  }
}

// FORMAT 13.7.2
TEST_CASE("enroll: an older bundle and another domain are refused", "[integration][issuer]") {
  World world;
  REQUIRE(world.enroller().enrol());
  auto newer = *json::parse(world.disk.text("/svid/bundle.json"), {});
  newer.object()->set("spiffe_sequence", 2);
  world.disk.put("/svid/bundle.json", json::write(newer));
  world.clock.time += Seconds{2000};
  const auto refused = world.enroller().enrol();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kRollback);
  CHECK(world.load());  // the old one stays

  const auto foreign = world.enroller("other.org").enrol();
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().code() == Errc::kPeer);
  CHECK(foreign.error().what().find("another trust domain") != std::string::npos);
}

TEST_CASE("enroll: a program that runs on tries again after a minute, not at every request",
          "[integration][issuer]") {
  World world;
  auto device = world.enroller();
  REQUIRE(device.refresh());
  REQUIRE(world.store.ban(fakes::some_tpm().fingerprint()));
  world.clock.time += Seconds{2000};
  CHECK(device.refresh().error().code() == Errc::kRefusedByServer);
  const auto asked = world.opened;
  world.clock.steady_time += std::chrono::seconds(59);
  CHECK(device.refresh());
  CHECK(world.opened == asked);
  CHECK(world.load());  // still good
  REQUIRE(world.store.add(fakes::some_tpm().fingerprint(), ""));
  world.clock.steady_time += std::chrono::seconds(1);
  CHECK(device.refresh());
  CHECK(world.opened == asked + 1);
  CHECK(world.lines.str().find("svid.not-renewed code=refused_by_server") != std::string::npos);
}

TEST_CASE("enroll: two at once do not mix their files", "[integration][issuer]") {
  World world;
  const auto held = world.disk.lock("/svid/lock");
  REQUIRE(held);
  CHECK(world.enroller().enrol().error().code() == Errc::kBusy);
}
