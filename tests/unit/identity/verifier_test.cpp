#include "identity/verifier.hpp"

#include <catch2/catch.hpp>

#include "fakes/test_pki.hpp"

using namespace pawl;
using namespace pawl::identity;
using namespace pawl::fakes;

namespace {

/// root -> intermediate -> leaf in example.org, and a second domain with its own root; a test
/// changes the plan, then everything is made.
struct Plan {
  CertSpec root = ca_spec("root", "spiffe://example.org");
  CertSpec between = ca_spec("between", "spiffe://example.org");
  CertSpec leaf = leaf_spec("spiffe://example.org/device/d1");
  CertSpec other_root = ca_spec("other root", "spiffe://other.org");
  enum class Signer { kBetween, kRoot, kOtherRoot, kStranger } signer = Signer::kBetween;
  bool trust_other = true;  // both domains are known; never one for the other
  bool send_between = true;
  bool anchor_between = false;  // the intermediate is in the bundle, the root is not
  PeerRole role = PeerRole::kClient;
  Seconds now{0};
  int padding = 0;  // more certificates in the message
};

const Issued& pick(const Plan& plan, const Issued& root, const Issued& between, const Issued& other,
                   const Issued& stranger) {
  switch (plan.signer) {
    case Plan::Signer::kBetween:
      return between;
    case Plan::Signer::kRoot:
      return root;
    case Plan::Signer::kOtherRoot:
      return other;
    case Plan::Signer::kStranger:
      return stranger;
  }
  return stranger;
}

Result<VerifiedPeer> run(const Plan& plan) {
  const auto root = issue(plan.root, nullptr);
  const auto between = issue(plan.between, &root);
  const auto other = issue(plan.other_root, nullptr);
  const auto stranger = issue(plan.root, nullptr);  // the same names, another key
  const auto leaf = issue(plan.leaf, &pick(plan, root, between, other, stranger));
  TrustSet trust;
  REQUIRE(trust.put(bundle_of("example.org", {plan.anchor_between ? &between : &root})));
  if (plan.trust_other) REQUIRE(trust.put(bundle_of("other.org", {&other})));
  const X509StackPtr sent(sk_X509_new_null());
  if (plan.send_between) sk_X509_push(sent.get(), between.shared().release());
  for (int i = 0; i < plan.padding; ++i) sk_X509_push(sent.get(), other.shared().release());
  return verify_svid(*leaf.certificate, sent.get(), trust, kNow + plan.now, plan.role);
}

struct Row {
  const char* why;
  void (*change)(Plan&);
  const char* refusal;  // part of the message; empty: accepted
};

// Every rule of X509-SVID sections 2 to 5, FORMAT 9.2. Each row changes one thing of a good chain.
const Row kRows[] = {
    {"a good SVID", [](Plan&) {}, ""},
    {"as a server", [](Plan& p) { p.role = PeerRole::kServer; }, ""},
    {"signed by the root itself", [](Plan& p) { p.signer = Plan::Signer::kRoot; }, ""},
    {"other kinds of names beside the URI", [](Plan& p) { p.leaf.dns = {"d1.example.org"}; }, ""},
    {"a subject, and the name not critical",
     [](Plan& p) {
       p.leaf.subject = "d1";
       p.leaf.san_critical = false;
     },
     ""},
    {"no extended key usage", [](Plan& p) { p.leaf.extended = ""; }, ""},
    {"a third extended usage", [](Plan& p) { p.leaf.extended += ",codeSigning"; }, ""},
    {"explicit CA:FALSE", [](Plan& p) { p.leaf.basic = "critical,CA:FALSE"; }, ""},
    {"keyEncipherment beside digitalSignature",
     [](Plan& p) { p.leaf.usage = "critical,digitalSignature,keyEncipherment"; }, ""},
    {"an authority that others signed", [](Plan& p) { p.anchor_between = true; }, ""},
    {"an intermediate without an ID", [](Plan& p) { p.between.uris = {}; }, ""},
    {"an intermediate of another domain's name",
     [](Plan& p) { p.between.uris = {"spiffe://elsewhere.org"}; }, ""},
    {"RSA-2048", [](Plan& p) { p.leaf.rsa_bits = 2048; }, ""},
    {"a permitted name constraint",
     [](Plan& p) { p.between.constraints = "critical,permitted;URI:example.org"; }, ""},
    {"path length 0 over a leaf", [](Plan& p) { p.between.basic = "critical,CA:TRUE,pathlen:0"; },
     ""},
    {"a 2048-byte ID",
     [](Plan& p) { p.leaf.uris = {"spiffe://example.org/" + std::string(2027, 'a')}; }, ""},
    {"the last valid second", [](Plan& p) { p.now = Seconds{3599}; }, ""},
    {"seven useless certificates", [](Plan& p) { p.padding = 7; }, ""},

    {"no URI name", [](Plan& p) { p.leaf.uris = {}; }, "0 URI names"},
    {"only a DNS name",
     [](Plan& p) {
       p.leaf.uris = {};
       p.leaf.dns = {"d1.example.org"};
     },
     "0 URI names"},
    {"two URI names, both good",
     [](Plan& p) { p.leaf.uris.emplace_back("spiffe://example.org/device/d2"); }, "2 URI names"},
    {"a second URI of another scheme",
     [](Plan& p) { p.leaf.uris.emplace_back("https://example.org/"); }, "2 URI names"},
    {"the extension twice", [](Plan& p) { p.leaf.repeat = "spiffe://example.org/device/d2"; },
     "occurs twice"},
    {"no subject and a name that is not critical", [](Plan& p) { p.leaf.san_critical = false; },
     "not critical"},
    {"another scheme", [](Plan& p) { p.leaf.uris = {"https://example.org/device/d1"}; },
     "not a spiffe:// URI"},
    {"upper-case scheme", [](Plan& p) { p.leaf.uris = {"SPIFFE://example.org/device/d1"}; },
     "not a spiffe:// URI"},
    {"upper-case domain", [](Plan& p) { p.leaf.uris = {"spiffe://Example.org/device/d1"}; },
     "not allowed in a trust domain"},
    {"percent encoding", [](Plan& p) { p.leaf.uris = {"spiffe://example.org/device%2fd1"}; },
     "not allowed in a SPIFFE ID path"},
    {"user information", [](Plan& p) { p.leaf.uris = {"spiffe://a@example.org/device/d1"}; },
     "not allowed in a trust domain"},
    {"a port", [](Plan& p) { p.leaf.uris = {"spiffe://example.org:443/device/d1"}; },
     "not allowed in a trust domain"},
    {"a query", [](Plan& p) { p.leaf.uris = {"spiffe://example.org/device?d1"}; },
     "not allowed in a SPIFFE ID path"},
    {"a fragment", [](Plan& p) { p.leaf.uris = {"spiffe://example.org/device#d1"}; },
     "not allowed in a SPIFFE ID path"},
    {"a trailing slash", [](Plan& p) { p.leaf.uris = {"spiffe://example.org/device/"}; },
     "empty path segment"},
    {"an empty segment", [](Plan& p) { p.leaf.uris = {"spiffe://example.org//d1"}; },
     "empty path segment"},
    {"a dot segment", [](Plan& p) { p.leaf.uris = {"spiffe://example.org/a/../d1"}; },
     "relative path segment"},
    {"an embedded NUL",
     [](Plan& p) { p.leaf.uris = {std::string("spiffe://example.org/d1\0.x", 26)}; },
     "not allowed in a SPIFFE ID path"},
    {"a 2049-byte ID",
     [](Plan& p) { p.leaf.uris = {"spiffe://example.org/" + std::string(2028, 'a')}; },
     "over 2048 bytes"},
    {"the ID of the domain itself", [](Plan& p) { p.leaf.uris = {"spiffe://example.org"}; },
     "has no path"},
    {"a CA as leaf", [](Plan& p) { p.leaf.basic = "critical,CA:TRUE"; }, "cannot authenticate"},
    {"keyCertSign on the leaf",
     [](Plan& p) { p.leaf.usage = "critical,digitalSignature,keyCertSign"; }, "with keyCertSign"},
    {"cRLSign on the leaf", [](Plan& p) { p.leaf.usage = "critical,digitalSignature,cRLSign"; },
     "with cRLSign"},
    {"no key usage", [](Plan& p) { p.leaf.usage = ""; }, "no key usage"},
    {"key usage not critical", [](Plan& p) { p.leaf.usage = "digitalSignature"; },
     "key usage is not critical"},
    {"no digitalSignature", [](Plan& p) { p.leaf.usage = "critical,keyAgreement"; },
     "without digitalSignature"},
    {"serverAuth only", [](Plan& p) { p.leaf.extended = "serverAuth"; }, "without clientAuth"},
    {"clientAuth only", [](Plan& p) { p.leaf.extended = "clientAuth"; }, "without serverAuth"},
    {"any extended usage instead of the two",
     [](Plan& p) { p.leaf.extended = "anyExtendedKeyUsage"; }, "without serverAuth"},
    {"our ID signed by the other domain's CA", [](Plan& p) { p.signer = Plan::Signer::kOtherRoot; },
     "unable to get"},
    {"the other domain's ID signed by our CA",
     [](Plan& p) { p.leaf.uris = {"spiffe://other.org/device/d1"}; }, "unable to get"},
    {"an unknown domain", [](Plan& p) { p.leaf.uris = {"spiffe://unknown.org/device/d1"}; },
     "no bundle for trust domain 'unknown.org'"},
    {"a domain that ours is a prefix of",
     [](Plan& p) { p.leaf.uris = {"spiffe://example.org.evil/device/d1"}; },
     "no bundle for trust domain"},
    {"a CA of the same name and another key", [](Plan& p) { p.signer = Plan::Signer::kStranger; },
     "signature failure"},
    {"the intermediate is missing", [](Plan& p) { p.send_between = false; }, "unable to get"},
    {"expired this second", [](Plan& p) { p.now = Seconds{3600}; }, "expired"},
    {"not yet valid", [](Plan& p) { p.now = Seconds{-3601}; }, "not yet valid"},
    {"the intermediate has expired", [](Plan& p) { p.between.until = Seconds{-1}; }, "expired"},
    {"the root has expired", [](Plan& p) { p.root.until = Seconds{-1}; }, "expired"},
    {"the intermediate is no CA", [](Plan& p) { p.between.basic = "critical,CA:FALSE"; },
     "invalid CA"},
    {"the intermediate may not sign certificates",
     [](Plan& p) { p.between.usage = "critical,cRLSign"; }, "invalid CA"},
    {"the intermediate has no key usage", [](Plan& p) { p.between.usage = ""; }, "no key usage"},
    {"the intermediate's key usage is not critical",
     [](Plan& p) { p.between.usage = "keyCertSign"; }, "key usage is not critical"},
    {"the intermediate's ID has a path",
     [](Plan& p) { p.between.uris = {"spiffe://example.org/ca"}; },
     "signing certificate has a path"},
    {"the intermediate has two URI names",
     [](Plan& p) { p.between.uris.emplace_back("spiffe://other.org"); }, "more than one URI name"},
    {"the root's path length is exceeded",
     [](Plan& p) { p.root.basic = "critical,CA:TRUE,pathlen:0"; }, "path length"},
    {"a name constraint forbids the domain",
     [](Plan& p) { p.between.constraints = "critical,permitted;URI:other.org"; },
     "permitted subtree"},
    {"a name constraint excludes the domain",
     [](Plan& p) { p.between.constraints = "critical,excluded;URI:example.org"; },
     "excluded subtree"},
    {"RSA-1024 leaf", [](Plan& p) { p.leaf.rsa_bits = 1024; }, "key too weak"},
    {"RSA-1024 intermediate", [](Plan& p) { p.between.rsa_bits = 1024; }, "key too weak"},
    {"SHA-1 signature", [](Plan& p) { p.leaf.digest = EVP_sha1(); }, "digest algorithm too weak"},
    {"nine certificates sent", [](Plan& p) { p.padding = 8; }, "more than 8"},
};

}  // namespace

// FORMAT 9.2.1 to 9.2.5; FORMAT 9.2.7
TEST_CASE("X.509-SVID: every rule of the standard, one change at a time (FORMAT 9.2)",
          "[identity][verifier]") {
  for (const auto& row : kRows) {
    Plan plan;
    row.change(plan);
    INFO(row.why);
    const auto peer = run(plan);
    if (*row.refusal == '\0') {
      INFO((peer ? "" : peer.error().what()));
      CHECK(peer);
      continue;
    }
    REQUIRE_FALSE(peer);
    INFO(peer.error().what());
    CHECK(peer.error().code() == Errc::kPeer);
    CHECK(peer.error().what().find(row.refusal) != std::string::npos);
  }
}

TEST_CASE("X.509-SVID: five intermediates are too many, four are not (FORMAT 9.2.6)",
          "[identity][verifier]") {
  for (const int count : {4, 5}) {
    std::vector<Issued> chain;
    chain.push_back(issue(ca_spec("root"), nullptr));
    for (int i = 0; i < count; ++i) {
      chain.push_back(issue(ca_spec("ca" + std::to_string(i)), &chain.back()));
    }
    const auto leaf = issue(leaf_spec("spiffe://example.org/d"), &chain.back());
    TrustSet trust;
    REQUIRE(trust.put(bundle_of("example.org", {&chain.front()})));
    const X509StackPtr sent(sk_X509_new_null());
    for (std::size_t i = 1; i < chain.size(); ++i) {
      sk_X509_push(sent.get(), chain[i].shared().release());
    }
    const auto peer = verify_svid(*leaf.certificate, sent.get(), trust, kNow, PeerRole::kClient);
    CHECK(static_cast<bool>(peer) == (count == 4));
    if (!peer) CHECK(peer.error().code() == Errc::kPeer);
  }
}

TEST_CASE("X.509-SVID: authorities that signed each other end, and a loop proves nothing",
          "[identity][verifier]") {
  const auto one = issue(ca_spec("one"), nullptr);
  const auto two = issue(ca_spec("two"), nullptr);
  const auto one_by_two = issue_for(one.shared_key(), ca_spec("one"), &two);
  const auto two_by_one = issue_for(two.shared_key(), ca_spec("two"), &one);
  const auto leaf = issue(leaf_spec("spiffe://example.org/d"), &one);
  const auto root = issue(ca_spec("root"), nullptr);
  const X509StackPtr sent(sk_X509_new_null());
  sk_X509_push(sent.get(), one_by_two.shared().release());
  sk_X509_push(sent.get(), two_by_one.shared().release());
  TrustSet trust;
  REQUIRE(trust.put(bundle_of("example.org", {&root})));
  CHECK_FALSE(verify_svid(*leaf.certificate, sent.get(), trust, kNow, PeerRole::kClient));
  REQUIRE(trust.put(bundle_of("example.org", {&two})));
  CHECK(verify_svid(*leaf.certificate, sent.get(), trust, kNow, PeerRole::kClient));
}

TEST_CASE("X.509-SVID: an emptied bundle refuses everybody of its domain (FORMAT 9.3.4)",
          "[identity][verifier]") {
  const auto root = issue(ca_spec("root"), nullptr);
  const auto leaf = issue(leaf_spec("spiffe://example.org/d"), &root);
  TrustSet trust;
  REQUIRE(trust.put(bundle_of("example.org", {})));
  const auto peer = verify_svid(*leaf.certificate, nullptr, trust, kNow, PeerRole::kClient);
  CHECK(peer.error().code() == Errc::kPeer);
}

TEST_CASE("X.509-SVID: the peer is described by what was verified (FORMAT 9.2.8)",
          "[identity][verifier]") {
  const auto root = issue(ca_spec("root"), nullptr);
  auto spec = ca_spec("between");
  spec.until = Seconds{1800};  // ends before the leaf does
  const auto between = issue(spec, &root);
  const auto leaf = issue(leaf_spec("spiffe://example.org/d"), &between);
  TrustSet trust;
  REQUIRE(trust.put(bundle_of("example.org", {&root})));
  const X509StackPtr sent(sk_X509_new_null());
  sk_X509_push(sent.get(), between.shared().release());
  const auto peer = verify_svid(*leaf.certificate, sent.get(), trust, kNow, PeerRole::kClient);
  REQUIRE(peer);
  CHECK(peer->id.uri() == "spiffe://example.org/d");
  CHECK(peer->not_after == kNow + Seconds{1800});
  CHECK(peer->authority == certificate_digest(*root.certificate));
  CHECK(peer->certificate == certificate_digest(*leaf.certificate));
  CHECK(peer->public_key == public_key_digest(*leaf.certificate));
  CHECK(peer->public_key != public_key_digest(*between.certificate));
}

TEST_CASE("X.509-SVID: a later request is refused after expiry or a changed bundle (FORMAT 9.2.9)",
          "[identity][verifier]") {
  const auto root = issue(ca_spec("root"), nullptr);
  const auto next = issue(ca_spec("root"), nullptr);
  const auto leaf = issue(leaf_spec("spiffe://example.org/d"), &root);
  TrustSet trust;
  REQUIRE(trust.put(bundle_of("example.org", {&root})));
  const auto peer = verify_svid(*leaf.certificate, nullptr, trust, kNow, PeerRole::kClient);
  REQUIRE(peer);
  CHECK(recheck(*peer, trust, kNow + Seconds{3599}));
  CHECK(recheck(*peer, trust, kNow + Seconds{3600}).error().code() == Errc::kPeer);
  REQUIRE(trust.put(bundle_of("example.org", {&next, &root})));
  CHECK(recheck(*peer, trust, kNow));
  REQUIRE(trust.put(bundle_of("example.org", {&next})));
  CHECK(recheck(*peer, trust, kNow).error().code() == Errc::kPeer);
  REQUIRE(trust.assign({}));
  CHECK(recheck(*peer, trust, kNow).error().code() == Errc::kPeer);
}
