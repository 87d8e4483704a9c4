#include <fstream>

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "base/disk.hpp"
#include "hsm/command_signer.hpp"
#include "hsm/soft_signer.hpp"
#include "tests/fakes/softhsm.hpp"

using namespace pawl;
using namespace pawl::hsm;

namespace {

/// A shell script that signs as an outside program would, with OpenSSL and a key of its own.
struct Outside {
  Outside() {
    const auto pem = (soft.root() / "key.pem").string();
    const auto der = (soft.root() / "key.der").string();
    fakes::SoftHsm::run({"openssl", "genpkey", "-algorithm", "ed25519", "-out", pem});
    fakes::SoftHsm::run({"openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER", "-out", der});
    std::ifstream in(der, std::ios::binary);
    const std::string info(std::istreambuf_iterator<char>(in), {});
    REQUIRE(info.size() == 44);
    std::copy(info.begin() + 12, info.end(), key.bytes.begin());
    sign = "t=$(mktemp -d) && cat > $t/m && openssl pkeyutl -sign -rawin -inkey " + pem +
           " -in $t/m && rm -r $t\n";
  }
  Result<std::unique_ptr<Signer>> signer(
      const std::string& body,
      std::chrono::milliseconds limit = std::chrono::milliseconds(60'000)) const {
    const auto path = soft.file("sign.sh", "#!/bin/sh\n" + body);
    std::filesystem::permissions(path, std::filesystem::perms(0700));
    return CommandSigner::open({"kms", path, {"release", "a b"}, 4096, limit}, key);
  }
  fakes::SoftHsm soft;
  Ed25519PublicKey key;
  std::string sign;
};

}  // namespace

TEST_CASE("an outside program signs and is verified", "[hsm][command]") {  // FORMAT 10.8.1
  const Outside outside;
  const auto signer =
      outside.signer("[ \"$1\" = release ] && [ \"$2\" = 'a b' ] || exit 9\n" + outside.sign);
  REQUIRE(signer);
  const Bytes message(4096, 0x31);
  const auto signature = (*signer)->sign(message);
  if (!signature) FAIL(signature.error().what());
  CHECK(ed25519_verify(*signature, message, outside.key));
  CHECK(custody_of((*signer)->facts()) == Custody::kNone);
  CHECK_THAT(describe((*signer)->facts()), Catch::Contains("external key"));
  CHECK((*signer)->sign(Bytes(4097)).error().code() == Errc::kTooLarge);
}

TEST_CASE("an outside program that misbehaves is refused", "[hsm][command]") {  // FORMAT 10.8.2
  struct Row {
    std::string_view why;
    std::string body;
    Errc code;
  };
  const auto row = GENERATE(values<Row>({
      {"fails", "exit 3", Errc::kHsm},
      {"signs, then fails", "head -c 64 /dev/zero; exit 3", Errc::kHsm},
      {"says nothing", "cat >/dev/null", Errc::kHsm},
      {"63 bytes", "head -c 63 /dev/zero", Errc::kHsm},
      {"65 bytes", "head -c 65 /dev/zero", Errc::kHsm},
      {"endless", "cat /dev/zero", Errc::kHsm},
      {"wrong signature", "head -c 64 /dev/zero", Errc::kBadSignature},
  }));
  INFO(row.why);
  const Outside outside;
  const auto signature = (*outside.signer(row.body))->sign(Bytes(4000, 1));
  REQUIRE_FALSE(signature);
  CHECK(signature.error().code() == row.code);
}

TEST_CASE("an outside program that hangs is killed with its children", "[hsm][command]") {
  const Outside outside;
  const auto body = GENERATE(as<std::string>{}, "sleep 1000", "cat >/dev/null; sleep 1000 & wait",
                             "exec >&-; sleep 1000");
  INFO(body);
  const auto signer = outside.signer(body, std::chrono::milliseconds(300));
  const auto signature = (*signer)->sign(as_bytes("x"));
  REQUIRE_FALSE(signature);
  CHECK(signature.error().code() == Errc::kTimeout);
}

TEST_CASE("only a private program with an absolute path is run", "[hsm][command]") {
  const Outside outside;
  CHECK(CommandSigner::open({"kms", "sign.sh", {}}, outside.key).error().code() == Errc::kUsage);
  CHECK(CommandSigner::open({"kms", "/nonexistent", {}}, outside.key).error().code() == Errc::kIo);
  CHECK(
      CommandSigner::open({"kms", outside.soft.root().string(), {}}, outside.key).error().code() ==
      Errc::kConfig);
  const auto path = outside.soft.file("open.sh", "#!/bin/sh\n");
  CHECK(CommandSigner::open({"kms", path, {}}, outside.key).error().code() == Errc::kConfig);
  std::filesystem::permissions(path, std::filesystem::perms(0722));
  CHECK(CommandSigner::open({"kms", path, {}}, outside.key).error().code() == Errc::kConfig);
  std::filesystem::permissions(path, std::filesystem::perms(0700));
  CHECK(CommandSigner::open({"kms", path, {}}, outside.key));
}
