#include <catch2/catch.hpp>

#include "fakes/temporary_folder.hpp"
#include "fakes/test_pki.hpp"
#include "identity/jwks.hpp"
#include "identity/svid_files.hpp"

using namespace pawl;
using namespace pawl::identity;
using namespace pawl::fakes;

namespace {

std::string encrypted_key_of(const Issued& issued) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(out.get(), issued.key.get(), EVP_aes_128_cbc(), "secret", 6,
                                nullptr, nullptr);
  return text_of(*out);
}

}  // namespace

TEST_CASE("own SVID: chain, validity and renewal time", "[identity][svid]") {
  const auto root = issue(ca_spec("root"), nullptr);
  const auto between = issue(ca_spec("between"), &root);
  const auto leaf = issue(leaf_spec("spiffe://example.org/d"), &between);
  const auto svid = X509Svid::parse_pem(pem_of(leaf) + pem_of(between), key_pem_of(leaf));
  REQUIRE(svid);
  CHECK(svid->id().uri() == "spiffe://example.org/d");
  CHECK(svid->chain().size() == 2);
  CHECK(svid->not_before() == kNow - Seconds{3600});
  CHECK(svid->not_after() == kNow + Seconds{3600});
  CHECK(svid->renew_at() == kNow);
  auto chain = certificate_der(*leaf.certificate);
  const auto second = certificate_der(*between.certificate);
  chain.insert(chain.end(), second.begin(), second.end());
  const auto key = key_der_of(leaf);
  const auto same = X509Svid::parse_der(chain, key);
  REQUIRE(same);
  CHECK(same->chain().size() == 2);
  for (std::size_t n = 0; n < chain.size(); n += 7) {
    const bool whole = n == certificate_der(*leaf.certificate).size();
    REQUIRE(static_cast<bool>(X509Svid::parse_der(ByteView(chain).first(n), key)) == whole);
  }
}

TEST_CASE("own SVID: refusals", "[identity][svid]") {
  const auto root = issue(ca_spec("root"), nullptr);
  const auto leaf = issue(leaf_spec("spiffe://example.org/d"), &root);
  const auto bare = issue(leaf_spec("spiffe://example.org"), &root);
  const auto good = pem_of(leaf);
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += good;
  struct Row {
    const char* why;
    std::string chain;
    std::string key;
  };
  const Row rows[] = {
      {"no certificate", "", key_pem_of(leaf)},
      {"no key", good, ""},
      {"another key", good, key_pem_of(root)},
      {"a passphrase", good, encrypted_key_of(leaf)},
      {"nine certificates", nine, key_pem_of(leaf)},
      {"a broken second certificate",
       good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key_pem_of(leaf)},
      {"the root first", pem_of(root) + good, key_pem_of(root)},
      {"an ID without path", pem_of(bare), key_pem_of(bare)}};
  for (const auto& row : rows) {
    INFO(row.why);
    CHECK(X509Svid::parse_pem(row.chain, row.key).error().code() == Errc::kMalformed);
  }
  auto long_key = key_der_of(leaf);
  long_key.push_back(0);
  CHECK(X509Svid::parse_der(certificate_der(*leaf.certificate), long_key).error().code() ==
        Errc::kMalformed);
}

// FORMAT 9.5.1
TEST_CASE("SVID files: read together, each fault named (FORMAT 9.5)", "[identity][svid]") {
  const auto root = issue(ca_spec("root"), nullptr);
  const auto other = issue(ca_spec("other"), nullptr);
  const auto leaf = issue(leaf_spec("spiffe://example.org/d"), &root);
  const TemporaryFolder folder;
  PosixDisk disk;
  const auto files = svid_files_in(folder.path());
  const auto write = [&](const std::string& bundle) {
    REQUIRE(replace_file(disk, files.svid, as_bytes(pem_of(leaf))));
    REQUIRE(replace_file(disk, files.key, as_bytes(key_pem_of(leaf))));
    REQUIRE(replace_file(disk, files.bundle, as_bytes(bundle)));
  };
  std::vector<TrustBundle> two;
  two.push_back(bundle_of("example.org", {&root}));
  two.push_back(bundle_of("other.org", {&other}));
  std::vector<TrustBundle> foreign;
  foreign.push_back(bundle_of("other.org", {&other}));
  CHECK(load_identity(disk, files).error().code() == Errc::kIo);
  write(*write_bundle(two[0]));
  CHECK(load_identity(disk, files)->bundles.front().domain().name() == "example.org");
  write(*write_bundle_map(two));
  CHECK(load_identity(disk, files)->bundles.size() == 2);
  write(*write_bundle_map(foreign));
  const auto no_own = load_identity(disk, files);
  CHECK(no_own.error().code() == Errc::kMalformed);
  CHECK(no_own.error().what().find("example.org") != std::string::npos);
  write("{");
  CHECK(load_identity(disk, files).error().what().find("bundle.json") != std::string::npos);
  write(*write_bundle_map(two));
  REQUIRE(replace_file(disk, files.key, as_bytes("x")));
  CHECK(load_identity(disk, files).error().what().find("svid.pem") != std::string::npos);
}
