#include "identity/spiffe_id.hpp"

#include <catch2/catch.hpp>

using namespace pawl;
using namespace pawl::identity;

TEST_CASE("SPIFFE ID: what the standard allows is accepted (FORMAT 9.1.1)", "[identity][id]") {
  const auto id = SpiffeId::parse("spiffe://Example.org/device/d1");
  CHECK(id.error().code() == Errc::kMalformed);  // a trust domain has no capitals
  const auto good = SpiffeId::parse("spiffe://example.org/Device/d_1.x-Y");
  REQUIRE(good);
  CHECK(good->trust_domain().name() == "example.org");
  CHECK(good->path() == "/Device/d_1.x-Y");
  CHECK(good->uri() == "spiffe://example.org/Device/d_1.x-Y");
  CHECK(SpiffeId::parse("spiffe://example.org")->path().empty());
  CHECK(SpiffeId::parse("spiffe://1.2.3.4/..."));  // only "." and ".." are relative
  CHECK(*SpiffeId::parse("spiffe://a_b-c/x") != *SpiffeId::parse("spiffe://a_b-c/X"));
}

TEST_CASE("SPIFFE ID: everything else is refused (FORMAT 9.1.1, 9.1.2)", "[identity][id]") {
  for (const auto* text : {"",
                           "spiffe",
                           "spiffe:",
                           "spiffe:/",
                           "spiffe://",
                           "spiffe:///x",
                           "http://example.org/x",
                           "SPIFFE://example.org/x",
                           "spiffe://example.org/",
                           "spiffe://example.org//x",
                           "spiffe://example.org/x/",
                           "spiffe://example.org/./x",
                           "spiffe://example.org/x/..",
                           "spiffe://example.org/%78",
                           "spiffe://ex%61mple.org/x",
                           "spiffe://user@example.org/x",
                           "spiffe://example.org:80/x",
                           "spiffe://example.org/x?y",
                           "spiffe://example.org/x#y",
                           "spiffe://example.org?x",
                           "spiffe://example.org/x y",
                           "spiffe://example.org/x:y",
                           "spiffe://ex\xc3\xa4mple.org/x",
                           "spiffe://example.org/\xc3\xa4",
                           " spiffe://example.org/x",
                           "spiffe://example.org/x\n",
                           "spiffe://[::1]/x",
                           "spiffe://example.org/*"}) {
    INFO(text);
    CHECK(SpiffeId::parse(text).error().code() == Errc::kMalformed);
  }
  const std::string nul("spiffe://example.org/x\0y", 24);
  CHECK(SpiffeId::parse(nul).error().code() == Errc::kMalformed);
}

TEST_CASE("SPIFFE ID: the limits are 2048 and 255 bytes (FORMAT 9.1.1, 9.1.2)", "[identity][id]") {
  const std::string base = "spiffe://example.org/";
  CHECK(SpiffeId::parse(base + std::string(2048 - base.size(), 'a')));
  CHECK(SpiffeId::parse(base + std::string(2049 - base.size(), 'a')).error().code() ==
        Errc::kTooLarge);
  CHECK(TrustDomain::parse(std::string(255, 'a')));
  CHECK(TrustDomain::parse(std::string(256, 'a')).error().code() == Errc::kMalformed);
  CHECK(SpiffeId::parse("spiffe://" + std::string(256, 'a') + "/x").error().code() ==
        Errc::kMalformed);
  CHECK(TrustDomain::parse("").error().code() == Errc::kMalformed);
  CHECK(TrustDomain::parse("spiffe://example.org").error().code() == Errc::kMalformed);
}
