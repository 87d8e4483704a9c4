#include "issuer/service.hpp"

#include <sstream>

#include <catch2/catch.hpp>

#include "fakes/fake_clock.hpp"
#include "fakes/fake_disk.hpp"
#include "identity/jwks.hpp"

using namespace pawl;
using namespace pawl::issuer;
using http::Method;

namespace {

constexpr UtcTime kNow{Seconds{1795176000}};

struct World {
  fakes::FakeDisk disk;
  fakes::FakeClock clock{kNow};
  SystemRandom random;
  identity::TrustDomain domain = *identity::TrustDomain::parse("example.org");
  EkStore store{disk, "/eks"};
  std::ostringstream lines;
  StreamLog log{lines, LogLevel::kInfo};
  Authority authority = make();
  Enrolment enrolment{{authority, store, clock, random}, {}, {}};
  EnrolmentService service{enrolment, authority, log};

  Authority make() {
    const auto made = Authority::create(disk, "/ca", {domain, Seconds{86400}}, kNow, random);
    PAWL_ASSERT(static_cast<bool>(made));
    return *Authority::load(disk, "/ca", domain, kNow);
  }
  http::Response ask(Method method, const char* target, const std::string& body = "") {
    http::Request request;
    request.method = method;
    request.target = target;
    request.body = body;
    return service.respond(request);
  }
};

}  // namespace

TEST_CASE("Issuer over HTTP: the bundle is for everybody, with sequence and hint (FORMAT 13.2.6)",
          "[issuer][service]") {
  World world;
  CHECK(world.service.allow(std::nullopt));
  const auto answer = world.ask(Method::kGet, "/bundle");
  CHECK(answer.status == 200);
  const auto bundle = identity::parse_bundle(world.domain, answer.body);
  REQUIRE(bundle);
  CHECK(bundle->info().sequence == 1);
  CHECK(bundle->info().refresh_hint == Seconds{300});
  CHECK(world.ask(Method::kHead, "/bundle").status == 200);
}

// FORMAT 13.2.1
TEST_CASE("Issuer over HTTP: wrong names, methods and bodies (FORMAT 13.2.6, 13.2.7)",
          "[issuer][service]") {
  struct Row {
    Method method;
    const char* target;
    const char* body;
    unsigned status;
    int code;
  };
  const Row rows[] = {
      {Method::kPost, "/bundle", "", 405, 10},
      {Method::kGet, "/bundle?x=1", "", 404, 10},
      {Method::kGet, "/", "", 404, 10},
      {Method::kGet, "/v1/enroll/start", "", 405, 10},
      {Method::kGet, "/v1/enroll/finish", "", 405, 10},
      {Method::kPost, "/v1/enroll/", "{}", 404, 10},
      {Method::kPost, "/v1/enroll/start", "", 400, 10},
      {Method::kPost, "/v1/enroll/start", "{}", 400, 10},
      {Method::kPost, "/v1/enroll/finish", "{}", 400, 10},
      {Method::kPost, "/v1/enroll/finish",
       R"({"activated":"AA==","pcrs":{},"quote":"AA==","quote_signature":"AA==","session":)"
       R"("0000000000000000000000000000000000000000000000000000000000000000",)"
       R"("svid_signature":"AA=="})",
       403, 20},
  };
  World world;
  for (const auto& row : rows) {
    INFO(row.target << " " << row.body);
    const auto answer = world.ask(row.method, row.target, row.body);
    CHECK(answer.status == row.status);
    const auto body = json::parse(answer.body, {});
    REQUIRE(body);
    CHECK(*body->object()->find("code")->integer() == row.code);
  }
  CHECK(world.lines.str().find("enrolment-refused code=peer") != std::string::npos);
}
