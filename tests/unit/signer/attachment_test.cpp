#include "signer/attachment.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"

using namespace pawl;
using namespace pawl::signer;

namespace {

std::vector<manifest::Component> images() {
  std::vector<manifest::Component> out(2);
  out[0].name = "rootfs";
  out[0].sha256 = sha256(as_bytes("rootfs"));
  out[1].name = "uki";
  out[1].sha256 = sha256(as_bytes("uki"));
  return out;
}

std::string subject(const std::string& name, const std::string& content) {
  return R"({"digest":{"sha256":")" + to_hex(sha256(as_bytes(content))) + R"("},"name":")" + name +
         R"("})";
}

Status check(const std::string& subjects) {
  const auto text = R"({"_type":"https://in-toto.io/Statement/v1","subject":[)" + subjects +
                    R"(],"predicateType":"https://slsa.dev/provenance/v1"})";
  return check_attachment("slsa-provenance", as_bytes(text), images());
}

}  // namespace

TEST_CASE("attachment: provenance of one of the images is taken", "[signer]") {
  CHECK(check(subject("rootfs", "rootfs")));
  CHECK(check(subject("build/uki.efi", "uki")));  // by its digest
  CHECK(check(subject("tools", "other") + "," + subject("rootfs", "rootfs")));
}

TEST_CASE("attachment: provenance of another build is refused", "[signer]") {
  CHECK(check(subject("rootfs", "other")).error().code() == Errc::kHashMismatch);
  CHECK(check(subject("rootfs.img", "other")).error().code() == Errc::kHashMismatch);
  // one image is right, the other is not: the name decides
  CHECK(check(subject("rootfs", "rootfs") + "," + subject("uki", "other")).error().code() ==
        Errc::kHashMismatch);
  CHECK(check(subject("uki", "rootfs")).error().code() == Errc::kHashMismatch);
  for (const auto* odd : {"7", R"({"name":"x"})", R"({"digest":"x"})", R"({"digest":{}})"}) {
    INFO(odd);
    CHECK(check(odd).error().code() == Errc::kHashMismatch);
  }
  CHECK(check("").error().code() == Errc::kMalformed);
}

TEST_CASE("attachment: notes are any text, but not nothing", "[signer]") {
  CHECK(check_attachment("notes", as_bytes("# 1.0"), {}));
  CHECK(check_attachment("notes", {}, {}).error().code() == Errc::kMalformed);
}
