#include "issuer/ek_argument.hpp"

#include <catch2/catch.hpp>
#include <openssl/pem.h>

#include "base/reader.hpp"
#include "fakes/fake_disk.hpp"
#include "fakes/soft_tpm.hpp"
#include "fakes/test_pki.hpp"

using namespace pawl;
using namespace pawl::issuer;

namespace {

Bytes sized(const Bytes& area) {
  Writer w;
  w.u16_be(static_cast<std::uint16_t>(area.size()));
  w.bytes(area);
  return std::move(w).take();
}
std::string pem_key(EVP_PKEY* key) {
  const identity::BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(out.get(), key);
  return fakes::text_of(*out);
}
std::string pem_certificate(const Bytes& der) {
  const auto* at = der.data();
  const identity::X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  const identity::BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), certificate.get());
  return fakes::text_of(*out);
}

}  // namespace

TEST_CASE("EK argument: every form of one key has one fingerprint", "[issuer][ek]") {
  auto& tpm = fakes::some_tpm();
  const auto certificate = fakes::maker_certificate(tpm);
  auto padded = certificate;
  padded.resize(padded.size() + 20, 0xff);
  fakes::FakeDisk disk;
  disk.put("/ek.der", certificate);
  disk.put("/ek.nv", padded);
  disk.put("/ek.pem", pem_certificate(certificate));
  disk.put("/ek.tss", sized(tpm.ek_public()));
  disk.put("/ek.pub", pem_key(tpm.ek()));
  for (const auto* path : {"/ek.der", "/ek.nv", "/ek.pem", "/ek.tss", "/ek.pub"}) {
    INFO(path);
    const auto ek = resolve_ek(disk, path);
    REQUIRE(ek);
    CHECK(*ek == tpm.fingerprint());
  }
  CHECK(*resolve_ek(disk, to_hex(tpm.fingerprint())) == tpm.fingerprint());
}

TEST_CASE("EK argument: what is no endorsement key is refused", "[issuer][ek]") {
  fakes::FakeDisk disk;
  const auto p256 = fakes::make_key(0);
  const auto small = fakes::make_key(1024);
  disk.put("/p256.pub", pem_key(p256.get()));
  disk.put("/small.pub", pem_key(small.get()));
  disk.put("/text", "hello");
  disk.put("/empty", "");
  disk.put("/pem", "-----BEGIN NOTHING-----\n");
  disk.put("/ak.tss", sized(fakes::some_tpm().ak_public()));
  disk.put("/plain.tss", sized(fakes::some_tpm().ek_public(0x00060072)));
  CHECK(resolve_ek(disk, "/p256.pub").error().code() == Errc::kPeer);
  CHECK(resolve_ek(disk, "/small.pub").error().code() == Errc::kPeer);
  CHECK(resolve_ek(disk, "/ak.tss").error().code() == Errc::kPeer);
  CHECK(resolve_ek(disk, "/plain.tss").error().code() == Errc::kPeer);
  CHECK(resolve_ek(disk, "/text").error().code() == Errc::kMalformed);
  CHECK(resolve_ek(disk, "/empty").error().code() == Errc::kMalformed);
  CHECK(resolve_ek(disk, "/pem").error().code() == Errc::kMalformed);
  CHECK(resolve_ek(disk, std::string(63, 'a')).error().code() == Errc::kIo);
}

TEST_CASE("EK makers: every certificate of the folder, and nothing else", "[issuer][ek]") {
  fakes::FakeDisk disk;
  const auto root = fakes::maker_root();
  const auto pem = pem_certificate(root);
  disk.make_durable("/none");
  CHECK(load_makers(disk, "/none").error().code() == Errc::kConfig);
  disk.put("/makers/one.der", root);
  disk.put("/makers/two.pem", pem + pem);
  disk.put("/makers/README", "not read");
  REQUIRE(load_makers(disk, "/makers"));
  CHECK(load_makers(disk, "/makers")->size() == 3);
  CHECK(load_makers(disk, "/makers")->front() == root);
  disk.put("/makers/bad.pem",
           pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  CHECK(load_makers(disk, "/makers").error().code() == Errc::kConfig);
  disk.put("/other/bad.der", "hello");
  CHECK(load_makers(disk, "/other").error().code() == Errc::kConfig);
}
