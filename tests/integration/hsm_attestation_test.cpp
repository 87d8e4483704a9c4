#include <fstream>

#include <catch2/catch.hpp>

#include "hsm/attestation.hpp"
#include "tests/fakes/softhsm.hpp"

using namespace pawl;
using namespace pawl::hsm;

namespace {

const std::string kOid = "1.3.6.1.4.1.41482.4.";
const std::string kSerial = kOid + "2 = DER:02020042\n";
const std::string kGenerated = kOid + "3 = DER:03020001\n";
const std::string kCapabilities = kOid + "5 = DER:0309000000000000000100\n";

/// A vendor's certificates, made with the openssl program.
struct Vendor {
  Vendor() {
    make("root", "", "");
    make("device", "root", "");
    make("leaf", "device", kSerial + kGenerated + kCapabilities);
    const auto der = path("leaf.der");
    fakes::SoftHsm::run(
        {"openssl", "pkey", "-in", path("leaf.key"), "-pubout", "-outform", "DER", "-out", der});
    const auto info = text("leaf.der");
    std::copy(info.begin() + 12, info.end(), key.bytes.begin());
    facts.is_private = facts.sensitive = facts.local = true;
    facts.always_sensitive = facts.never_extractable = true;
    facts.extractable = false;
    facts.token_serial = "00000066";
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (soft.root() / name).string();
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// NAME.key (kept when it exists) and NAME.pem, signed by `issuer` or itself.
  void make(const std::string& name, const std::string& issuer,
            const std::string& extensions) const {
    using fakes::SoftHsm;
    if (!std::filesystem::exists(path(name + ".key"))) {
      SoftHsm::run({"openssl", "genpkey", "-algorithm", "ed25519", "-out", path(name + ".key")});
    }
    SoftHsm::run({"openssl", "req", "-new", "-key", path(name + ".key"), "-subj", "/CN=" + name,
                  "-out", path("csr")});
    std::vector<std::string> sign{"openssl",
                                  "x509",
                                  "-req",
                                  "-in",
                                  path("csr"),
                                  "-out",
                                  path(name + ".pem"),
                                  "-extfile",
                                  soft.file("ext", extensions)};
    if (issuer.empty()) {
      sign.insert(sign.end(), {"-key", path(name + ".key")});
    } else {
      sign.insert(sign.end(), {"-CA", path(issuer + ".pem"), "-CAkey", path(issuer + ".key"),
                               "-set_serial", "7"});
    }
    SoftHsm::run(sign);
  }
  [[nodiscard]] Result<KeyFacts> check(const std::string& chain) const {
    return check_attestation(facts, key, as_bytes(chain), as_bytes(text("root.pem")));
  }
  [[nodiscard]] std::string chain() const { return text("leaf.pem") + text("device.pem"); }
  fakes::SoftHsm soft;
  Ed25519PublicKey key;
  KeyFacts facts;
};

}  // namespace

TEST_CASE("a vendor's chain lifts a key to attested", "[hsm][attestation]") {  // FORMAT 10.9.1
  const Vendor vendor;
  const auto facts = vendor.check(vendor.chain());
  if (!facts) FAIL(facts.error().what());
  CHECK(custody_of(*facts) == Custody::kAttested);
}

TEST_CASE("attestations of something else are refused", "[hsm][attestation]") {  // FORMAT 10.9.2
  struct Row {
    std::string extensions;
    Errc code;
    std::string_view says;
  };
  const auto row = GENERATE(values<Row>({
      {kSerial + kOid + "3 = DER:03020002\n" + kCapabilities, Errc::kHsm, "not generated"},
      {kSerial + kOid + "3 = DER:03020011\n" + kCapabilities, Errc::kHsm, "not generated"},
      {kSerial + kGenerated + kOid + "5 = DER:0309000000000000010100\n", Errc::kHsm, "under wrap"},
      {kOid + "2 = DER:02020043\n" + kGenerated + kCapabilities, Errc::kHsm, "of device 67"},
      {kSerial + kCapabilities, Errc::kHsm, "no extension"},
      {kSerial + kGenerated, Errc::kHsm, "no extension"},
      {kGenerated + kCapabilities, Errc::kHsm, "no extension"},
      {kSerial + kOid + "3 = DER:04020001\n" + kCapabilities, Errc::kMalformed, "malformed"},
      {kSerial + kOid + "3 = DER:0302000100\n" + kCapabilities, Errc::kMalformed, "malformed"},
      {kSerial + kOid + "3 = DER:03020701\n" + kCapabilities, Errc::kMalformed, "unused bits"},
  }));
  INFO(row.extensions);
  const Vendor vendor;
  vendor.make("leaf", "device", row.extensions);
  const auto facts = vendor.check(vendor.chain());
  REQUIRE_FALSE(facts);
  CHECK(facts.error().code() == row.code);
  CHECK_THAT(facts.error().what(), Catch::Contains(std::string(row.says)));
}

TEST_CASE("a chain that does not lead to a root is refused", "[hsm][attestation]") {
  Vendor vendor;
  CHECK(vendor.check(vendor.text("leaf.pem")).error().code() == Errc::kBadSignature);
  CHECK(vendor.check(vendor.text("device.pem") + vendor.text("leaf.pem")).error().code() ==
        Errc::kBadSignature);
  CHECK(vendor.check("").error().code() == Errc::kMalformed);
  CHECK(vendor.check(vendor.chain().substr(0, vendor.chain().size() - 60)).error().code() ==
        Errc::kMalformed);
  CHECK(vendor.check(std::string(65537, ' ')).error().code() == Errc::kTooLarge);
  vendor.make("other", "", "");
  vendor.make("leaf", "other", kSerial + kGenerated + kCapabilities);
  CHECK(vendor.check(vendor.text("leaf.pem") + vendor.text("other.pem")).error().code() ==
        Errc::kBadSignature);
  CHECK(vendor.check(vendor.chain()).error().code() == Errc::kBadSignature);
}

TEST_CASE("an attested key vouches for no other", "[hsm][attestation]") {  // FORMAT 10.9.3
  Vendor vendor;
  vendor.make("user", "device", kSerial + kGenerated + kCapabilities);
  vendor.make("leaf", "user", kSerial + kGenerated + kCapabilities);
  const auto facts =
      vendor.check(vendor.text("leaf.pem") + vendor.text("user.pem") + vendor.text("device.pem"));
  REQUIRE_FALSE(facts);
  CHECK_THAT(facts.error().what(), Catch::Contains("an attested key signed"));
}

TEST_CASE("an attestation of another key is refused", "[hsm][attestation]") {
  Vendor vendor;
  vendor.key.bytes[0] ^= 1;
  CHECK_THAT(vendor.check(vendor.chain()).error().what(), Catch::Contains("another key"));
}
