// The enrolment's own connection to its issuer, which answers as no issuer would.
#include <catch2/catch.hpp>

#include "fakes/fake_disk.hpp"
#include "fakes/script_server.hpp"
#include "identity/jwks.hpp"
#include "updater/enroll_link.hpp"

using namespace pawl;
using namespace pawl::fakes;

TEST_CASE("enroll: an issuer that refuses is told from one that is in trouble",
          "[integration][issuer]") {
  struct Row {
    const char* head;
    Errc code;
  };
  const auto row = GENERATE(Row{"200 OK", Errc{}}, Row{"403 No", Errc::kRefusedByServer},
                            Row{"503 Busy", Errc::kTransport}, Row{"404 No", Errc::kTransport});
  INFO(row.head);
  const auto root = issue(ca_spec("root"), nullptr);
  const auto leaf = issue(leaf_spec("spiffe://example.org/issuer"), &root);
  ScriptServer server(root, leaf, [&](Script& script) {
    while (!script.request().empty()) {
      script.send("HTTP/1.1 " + std::string(row.head) + "\r\nContent-Length: 2\r\n\r\n{}");
    }
  });
  FakeDisk disk;
  disk.put("/image/issuer.json", *identity::write_bundle(bundle_of("example.org", {&root})));
  FakeClock clock(kNow);
  const updater::Config::Issuer config{*http::Origin::parse(server.origin()),
                                       *identity::SpiffeId::parse("spiffe://example.org/issuer"),
                                       "/image/issuer.json", ""};
  auto link = updater::IssuerLink::open(config, "/var/issuer.json", disk, clock);
  REQUIRE(link);
  const auto answer = (*link)->post("/v1/enroll/start", "{}");
  CHECK((answer ? Errc{} : answer.error().code()) == row.code);
  if (answer) CHECK(*answer == "{}");
}
