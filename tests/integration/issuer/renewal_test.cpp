// A device that polls on and on over mutual TLS: its SVID is renewed through the issuer's own
// service at half its life, and the server sees the new one.
#include <future>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "fakes/fake_clock.hpp"
#include "fakes/fake_disk.hpp"
#include "fakes/soft_keys.hpp"
#include "http/server.hpp"
#include "issuer/service.hpp"
#include "updater/enroll.hpp"
#include "updater/net_link.hpp"

using namespace pawl;
using namespace pawl::updater;

namespace {

constexpr UtcTime kNow{Seconds{1795176000}};  // 2026-11-20T12:00:00Z

/// Judges every request again, answers it and remembers who asked.
class Polls final : public http::Service {
 public:
  Polls(const identity::TrustSet& trust, Clock& clock) : trust_(trust), clock_(clock) {}
  Status allow(const http::Peer& peer) override {
    return identity::recheck(*peer, trust_, clock_.now());
  }
  void answer(const http::Request& /*request*/, const http::Peer& peer,
              http::Reply reply) override {
    seen = peer;
    reply.send(http::json_answer("{}"));
  }
  http::Peer seen;

 private:
  const identity::TrustSet& trust_;
  Clock& clock_;
};

/// Issuer, distributor and device of one trust domain; only device and distributor use a network.
class World {
 public:
  World() {
    PAWL_ASSERT(static_cast<bool>(store_.add(fakes::some_tpm().fingerprint(), "")));
    PAWL_ASSERT(static_cast<bool>(server_.add({"127.0.0.1", 0, &tls_, &polls_, {}})));
    serving_ = std::thread([this] { server_.run(); });
    link.emplace(
        Config::Server{*http::Origin::parse("https://127.0.0.1:" + std::to_string(server_.port())),
                       own_.id()},
        IdentitySource({}, "/svid", disk_, clock_, &enroller_),
        NetLink::Parts{disk_, clock_, log_});
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  World(World&&) = delete;
  World& operator=(World&&) = delete;
  ~World() {
    server_.stop();
    serving_.join();
  }
  /// One request, a look at the SVID included; whom the server saw.
  Result<identity::VerifiedPeer> poll() {
    http::ClientRequest request;
    request.path = "/v1/check";
    PAWL_TRY(const auto answer, link->send(request));
    if (answer.status != 200) return http::answer_error(answer, "poll");
    identity::VerifiedPeer out = *polls_.seen;
    return out;
  }
  /// Both clocks go on; the device looks at its SVID again.
  void pass(Seconds time) {
    std::promise<void> done;
    server_.post([&] {
      clock_.time += time;
      clock_.steady_time += std::max(time, Seconds{61});
      done.set_value();
    });
    done.get_future().get();
  }
  bool issuer_answers = true;
  unsigned enrolments = 0;

 private:
  issuer::Authority make_authority() {
    const auto domain = *identity::TrustDomain::parse("example.org");
    PAWL_ASSERT(static_cast<bool>(issuer::Authority::create(
        issuer_disk_, "/ca", {domain, Seconds{86400 * 365}}, kNow, random_)));
    return *issuer::Authority::load(issuer_disk_, "/ca", domain, kNow);
  }
  Enroller::Parts parts() {
    return {disk_, clock_, log_,
            []() -> Result<std::unique_ptr<EnrolmentKeys>> {
              return std::unique_ptr<EnrolmentKeys>(
                  std::make_unique<fakes::SoftKeys>(fakes::some_tpm()));
            },
            [this]() -> Result<std::unique_ptr<EnrolmentServer>> {
              if (!issuer_answers) return fail(Errc::kTransport, "nobody answers");
              ++enrolments;
              return std::unique_ptr<EnrolmentServer>(
                  std::make_unique<fakes::InProcessIssuer>(service_, [](std::string&) {}));
            }};
  }
  fakes::FakeDisk disk_;  // of the device
  fakes::FakeDisk issuer_disk_;
  fakes::FakeClock clock_{kNow};
  SystemRandom random_;
  std::ostringstream lines_;
  StreamLog log_{lines_, LogLevel::kInfo};
  issuer::EkStore store_{issuer_disk_, "/eks"};
  issuer::Authority authority_ = make_authority();
  issuer::Enrolment enrolment_{{authority_, store_, clock_, random_}, {}, {}};
  issuer::EnrolmentService service_{enrolment_, authority_, log_};
  Enroller enroller_{parts(), "/svid", *identity::TrustDomain::parse("example.org")};
  identity::X509Svid own_ = *issuer::issue_with_new_key(
      authority_, *identity::SpiffeId::parse("spiffe://example.org/distributor"), kNow,
      Seconds{86400}, random_);
  identity::TlsContext tls_ = *identity::TlsContext::create(&own_, authority_.trust(), clock_,
                                                            {identity::PeerRole::kClient, {}, {}});
  Polls polls_{authority_.trust(), clock_};
  http::Server server_{log_};
  std::thread serving_;

 public:
  std::optional<NetLink> link;
};

}  // namespace

TEST_CASE("renewal: at half its life the SVID of a device that polls is a new one",
          "[integration][issuer]") {
  World world;
  const auto first = world.poll();
  REQUIRE(first);
  CHECK(first->not_after == kNow + Seconds{3600});
  world.pass(Seconds{1700});
  const auto same = world.poll();
  REQUIRE(same);
  CHECK(same->certificate == first->certificate);
  CHECK(world.enrolments == 1);
  CHECK(world.link->traffic().connections == 1);

  world.pass(Seconds{200});
  const auto second = world.poll();
  REQUIRE(second);
  CHECK(second->id == first->id);
  CHECK(second->public_key != first->public_key);
  CHECK(second->not_after == kNow + Seconds{1900 + 3600});
  CHECK(world.enrolments == 2);
  CHECK(world.link->traffic().connections == 2);
}

TEST_CASE("renewal: without the issuer the SVID serves to its end, and the next try succeeds",
          "[integration][issuer]") {
  World world;
  const auto first = world.poll();
  REQUIRE(first);
  world.issuer_answers = false;
  world.pass(Seconds{3000});
  const auto still = world.poll();
  REQUIRE(still);
  CHECK(still->certificate == first->certificate);
  world.pass(Seconds{700});
  const auto expired = world.poll();
  REQUIRE_FALSE(expired);
  CHECK(expired.error().code() == Errc::kRefusedByServer);
  world.issuer_answers = true;
  world.pass(Seconds{1});
  const auto second = world.poll();
  REQUIRE(second);
  CHECK(second->not_after == kNow + Seconds{3701 + 3600});
}
