#include <catch2/catch.hpp>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "fakes/test_pki.hpp"
#include "identity/jwks.hpp"
#include "identity/trust_set.hpp"

using namespace pawl;
using namespace pawl::identity;
using namespace pawl::fakes;

namespace {

std::string der64(const Issued& issued) {
  return to_base64(certificate_der(*issued.certificate), Base64::kStandard);
}

std::string entry(const std::string& x5c, const std::string& use = "x509-svid",
                  const std::string& type = "EC") {
  return R"({"kty":")" + type + R"(","use":")" + use + R"(","x5c":)" + x5c + "}";
}

std::string bundle_text(const std::string& keys, const std::string& more = "") {
  return R"({"keys":[)" + keys + "]" + more + "}";
}

}  // namespace

TEST_CASE("bundle: what is written can be read, for EC and RSA (FORMAT 9.3.1)",
          "[identity][bundle]") {
  auto rsa_spec = ca_spec("rsa");
  rsa_spec.rsa_bits = 2048;
  const auto ec = issue(ca_spec("ec"), nullptr);
  const auto rsa = issue(rsa_spec, nullptr);
  const auto bundle = bundle_of("example.org", {&ec, &rsa}, {7, Seconds{300}});
  const auto text = write_bundle(bundle);
  REQUIRE(text);
  const auto again = parse_bundle(domain("example.org"), *text);
  REQUIRE(again);
  CHECK(again->same_authorities(bundle));
  CHECK(again->info().sequence == 7U);
  CHECK(again->info().refresh_hint == Seconds{300});
  const auto parsed = json::parse(*text, {});
  const auto& keys = *parsed->object()->find("keys")->array();
  REQUIRE(keys.size() == 2);
  CHECK(*keys[0].object()->find("crv")->string() == "P-256");
  CHECK(keys[0].object()->find("x")->string()->size() == 43);
  CHECK(keys[0].object()->find("y")->string()->size() == 43);
  CHECK(*keys[1].object()->find("kty")->string() == "RSA");
  CHECK(*keys[1].object()->find("e")->string() == "AQAB");
  CHECK(keys[0].object()->find("kid") == nullptr);
}

TEST_CASE("bundle: entries of other kinds are ignored (FORMAT 9.3.3)", "[identity][bundle]") {
  const auto ca = issue(ca_spec("ca"), nullptr);
  const auto second = issue(ca_spec("second"), nullptr);
  const auto good = entry("[\"" + der64(ca) + "\"]");
  const auto size_of = [](const std::string& text) {
    const auto bundle = parse_bundle(domain("example.org"), text);
    INFO((bundle ? "" : bundle.error().what()));
    REQUIRE(bundle);
    return bundle->authorities().size();
  };
  CHECK(size_of(bundle_text("")) == 0);
  CHECK(size_of(bundle_text(good)) == 1);
  CHECK(size_of(bundle_text(good + "," + entry("[\"x\"]", "jwt-svid"))) == 1);
  CHECK(size_of(bundle_text(good + "," + entry("[\"x\"]", "X509-SVID"))) == 1);
  CHECK(size_of(bundle_text(good + "," + entry("[\"x\"]", "x509-svid", "oct"))) == 1);
  CHECK(size_of(bundle_text(good + R"(,{"use":"x509-svid","kty":"EC"})")) == 1);
  CHECK(size_of(bundle_text(good + R"(,{"use":"x509-svid","x5c":["x"]})")) == 1);
  CHECK(size_of(bundle_text(good + "," + entry("[]"))) == 1);
  CHECK(size_of(bundle_text(good, R"(,"other":{"a":1})")) == 1);
  // Of several certificates in one entry only the first counts.
  const auto two = bundle_text(entry("[\"" + der64(ca) + "\",\"" + der64(second) + "\"]"));
  const auto bundle = parse_bundle(domain("example.org"), two);
  REQUIRE(bundle);
  CHECK(bundle->has_authority(certificate_digest(*ca.certificate)));
  CHECK_FALSE(bundle->has_authority(certificate_digest(*second.certificate)));
}

TEST_CASE("bundle: refusals (FORMAT 9.3.1 to 9.3.3)", "[identity][bundle]") {
  const auto ca = issue(ca_spec("ca"), nullptr);
  const auto leaf = issue(leaf_spec("spiffe://example.org/d"), nullptr);
  const auto good = entry("[\"" + der64(ca) + "\"]");
  std::string many;
  for (int i = 0; i < 257; ++i) many += std::string(i == 0 ? "" : ",") + "{}";
  std::string authorities;
  for (int i = 0; i < 65; ++i) authorities += std::string(i == 0 ? "" : ",") + good;
  struct Row {
    const char* why;
    std::string text;
    Errc code;
  };
  const Row rows[] = {
      {"no text", "", Errc::kMalformed},
      {"not an object", "[]", Errc::kMalformed},
      {"no keys", "{}", Errc::kMalformed},
      {"keys is no array", R"({"keys":{}})", Errc::kMalformed},
      {"a key is no object", bundle_text("1"), Errc::kMalformed},
      {"keys twice", R"({"keys":[],"keys":[]})", Errc::kMalformed},
      {"a member of a key twice",
       bundle_text(R"({"kty":"EC","kty":"EC","use":"x509-svid","x5c":[]})"), Errc::kMalformed},
      {"x5c is no array", bundle_text(entry("\"" + der64(ca) + "\"")), Errc::kMalformed},
      {"x5c holds a number", bundle_text(entry("[1]")), Errc::kMalformed},
      {"url base64",
       bundle_text(
           entry("[\"" + to_base64(certificate_der(*ca.certificate), Base64::kUrl) + "_-\"]")),
       Errc::kMalformed},
      {"not a certificate", bundle_text(entry("[\"AAAA\"]")), Errc::kMalformed},
      {"bytes after the certificate",
       bundle_text(entry("[\"" +
                         [&] {
                           auto der = certificate_der(*ca.certificate);
                           der.push_back(0);
                           return to_base64(der, Base64::kStandard);
                         }() +
                         "\"]")),
       Errc::kMalformed},
      {"an authority that is no CA", bundle_text(entry("[\"" + der64(leaf) + "\"]")),
       Errc::kMalformed},
      {"negative sequence", bundle_text(good, R"(,"spiffe_sequence":-1)"), Errc::kMalformed},
      {"fractional sequence", bundle_text(good, R"(,"spiffe_sequence":1.5)"), Errc::kMalformed},
      {"sequence as text", bundle_text(good, R"(,"spiffe_sequence":"1")"), Errc::kMalformed},
      {"refresh hint as text", bundle_text(good, R"(,"spiffe_refresh_hint":"1")"),
       Errc::kMalformed},
      {"257 keys", bundle_text(many), Errc::kTooLarge},
      {"65 authorities", bundle_text(authorities), Errc::kTooLarge},
      {"over 256 KiB", bundle_text("", ",\"x\":\"" + std::string(262144, 'x') + "\""),
       Errc::kTooLarge},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    const auto bundle = parse_bundle(domain("example.org"), row.text);
    REQUIRE_FALSE(bundle);
    INFO(bundle.error().what());
    CHECK(bundle.error().code() == row.code);
  }
  const auto text = bundle_text(good, R"(,"spiffe_sequence":1)");
  for (std::size_t n = 0; n < text.size(); ++n) {
    REQUIRE(parse_bundle(domain("example.org"), text.substr(0, n)).error().code() ==
            Errc::kMalformed);
  }
}

TEST_CASE("bundle map: each domain once, each with its own authorities (FORMAT 9.3.5)",
          "[identity][bundle]") {
  const auto one = issue(ca_spec("one"), nullptr);
  const auto two = issue(ca_spec("two"), nullptr);
  std::vector<TrustBundle> bundles;
  bundles.push_back(bundle_of("one.org", {&one}, {3, {}}));
  bundles.push_back(bundle_of("two.org", {&two}));
  const auto text = write_bundle_map(bundles);
  REQUIRE(text);
  const auto again = parse_bundle_map(*text);
  REQUIRE(again);
  REQUIRE(again->size() == 2);
  CHECK((*again)[0].domain().name() == "one.org");
  CHECK((*again)[0].same_authorities(bundles[0]));
  CHECK((*again)[1].same_authorities(bundles[1]));
  for (const auto* bad : {R"({"trust_domains":{"a":{"keys":[]},"a":{"keys":[]}}})",
                          R"({"trust_domains":[]})", R"({"trust_domains":{"A":{"keys":[]}}})",
                          R"({"trust_domains":{"a":[]}})", R"({"keys":[]})"}) {
    INFO(bad);
    CHECK(parse_bundle_map(bad).error().code() == Errc::kMalformed);
  }
  CHECK(parse_bundles(domain("own.org"), R"({"keys":[]})")->front().domain().name() == "own.org");
  CHECK(parse_bundles(domain("own.org"), *text)->size() == 2);
}

TEST_CASE("trust set: a bundle never goes back (FORMAT 9.3.6)", "[identity][bundle]") {
  const auto ca = issue(ca_spec("ca"), nullptr);
  const auto next = issue(ca_spec("next"), nullptr);
  TrustSet trust;
  REQUIRE(trust.put(bundle_of("example.org", {&ca})));
  REQUIRE(trust.put(bundle_of("example.org", {&ca}, {5, {}})));
  REQUIRE(trust.put(bundle_of("example.org", {&ca}, {5, {}})));
  CHECK(trust.put(bundle_of("example.org", {&next}, {5, {}})).error().code() == Errc::kRollback);
  CHECK(trust.put(bundle_of("example.org", {&next}, {4, {}})).error().code() == Errc::kRollback);
  CHECK(trust.put(bundle_of("example.org", {&next})).error().code() == Errc::kRollback);
  CHECK(trust.find(domain("example.org"))->has_authority(certificate_digest(*ca.certificate)));
  REQUIRE(trust.put(bundle_of("example.org", {&next}, {6, {}})));
  CHECK_FALSE(
      trust.find(domain("example.org"))->has_authority(certificate_digest(*ca.certificate)));
  REQUIRE(trust.put(bundle_of("other.org", {&ca}, {1, {}})));  // each domain counts for itself
}

TEST_CASE("trust set: a Workload API message replaces everything (FORMAT 9.4.3)",
          "[identity][bundle]") {
  const auto ca = issue(ca_spec("ca"), nullptr);
  const auto next = issue(ca_spec("next"), nullptr);
  TrustSet trust;
  REQUIRE(trust.put(bundle_of("gone.org", {&ca})));
  std::vector<TrustBundle> state;
  state.push_back(bundle_of("example.org", {&ca}));
  state.push_back(bundle_of("example.org", {&ca}));
  REQUIRE(trust.assign(std::move(state)));
  CHECK(trust.size() == 1);
  CHECK(trust.find(domain("gone.org")) == nullptr);
  const auto copy = trust.clone();
  CHECK(copy.find(domain("example.org"))->same_authorities(*trust.find(domain("example.org"))));
  std::vector<TrustBundle> torn;
  torn.push_back(bundle_of("example.org", {&ca}));
  torn.push_back(bundle_of("example.org", {&next}));
  CHECK(trust.assign(std::move(torn)).error().code() == Errc::kMalformed);
  CHECK(trust.find(domain("example.org"))->has_authority(certificate_digest(*ca.certificate)));
}
