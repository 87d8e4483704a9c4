#include "updater/poll.hpp"

#include <catch2/catch.hpp>

#include "base/bytes.hpp"

using namespace pawl;
using namespace pawl::updater;

namespace {

const std::string kDigest(64, 'a');

std::string answer(const std::string& more) {
  return R"({"meta":")" + kDigest + R"(","poll_after_s":600)" + more + "}";
}

}  // namespace

TEST_CASE("poll: the request says where the device stands, in few bytes", "[updater][run]") {
  PollRequest request;
  request.slot = boot::Slot::kB;
  request.release_counter = ReleaseCounter(7);
  request.security_version = SecurityVersion(3);
  request.boot_id = "c1e2";
  request.root = MetadataVersion(2);
  request.etag = "";
  CHECK(request.format() == R"({"boot_id":"c1e2","etag":"","release_counter":7,"root":2,)"
                            R"("security_version":3,"slot":"b"})");
}

TEST_CASE("poll: an answer names the metadata, a wait and perhaps a release", "[updater][run]") {
  const auto plain = PollAnswer::parse(answer(R"(,"nonce":"x","later":{"a":[1]})"));
  REQUIRE(plain);
  CHECK(plain->meta == kDigest);
  CHECK(plain->poll_after == Seconds(600));
  CHECK_FALSE(plain->offer);
  const auto nothing = PollAnswer::parse(R"({"meta":"","poll_after_s":60})");
  REQUIRE(nothing);
  CHECK(nothing->meta.empty());
  const auto offered = PollAnswer::parse(answer(
      R"(,"offer":{"product":"gw3","version":"1.1.0","manifest_sha256":")" + kDigest + R"("})"));
  REQUIRE(offered);
  REQUIRE(offered->offer);
  CHECK(offered->offer->product == "gw3");
  CHECK(offered->offer->version == "1.1.0");
  CHECK(to_hex(offered->offer->manifest) == kDigest);
}

TEST_CASE("poll: every other answer is refused", "[updater][run]") {
  struct Row {
    const char* why;
    std::string text;
    Errc code;
  };
  const auto row = GENERATE(
      Row{"empty", "", Errc::kMalformed}, Row{"not an object", "[]", Errc::kMalformed},
      Row{"no meta", R"({"poll_after_s":1})", Errc::kMalformed},
      Row{"short meta", R"({"meta":"aa","poll_after_s":1})", Errc::kMalformed},
      Row{"upper-case meta", R"({"meta":")" + std::string(64, 'A') + R"(","poll_after_s":1})",
          Errc::kMalformed},
      Row{"no wait", R"({"meta":")" + kDigest + R"("})", Errc::kMalformed},
      Row{"negative wait", R"({"meta":")" + kDigest + R"(","poll_after_s":-1})", Errc::kMalformed},
      Row{"over a week", R"({"meta":")" + kDigest + R"(","poll_after_s":604801})",
          Errc::kMalformed},
      Row{"wait with a fraction", R"({"meta":")" + kDigest + R"(","poll_after_s":1.5})",
          Errc::kMalformed},
      Row{"twice", answer(R"(,"meta":")" + kDigest + R"(")"), Errc::kMalformed},
      Row{"offer is a text", answer(R"(,"offer":"1.1.0")"), Errc::kMalformed},
      Row{"offer without version",
          answer(R"(,"offer":{"product":"g","manifest_sha256":")" + kDigest + R"("})"),
          Errc::kMalformed},
      Row{"offer without manifest", answer(R"(,"offer":{"product":"g","version":"1"})"),
          Errc::kMalformed},
      Row{"long version",
          answer(R"(,"offer":{"product":"g","version":")" + std::string(65, '1') +
                 R"(","manifest_sha256":")" + kDigest + R"("})"),
          Errc::kMalformed},
      Row{"deep", answer(",\"x\":[[[[[]]]]]"), Errc::kTooLarge},
      Row{"long", answer(",\"x\":\"" + std::string(4096, 'x') + "\""), Errc::kTooLarge});
  INFO(row.why);
  const auto parsed = PollAnswer::parse(row.text);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == row.code);
}

TEST_CASE("poll: every truncation of an answer is refused", "[updater][run]") {
  const auto good = answer(R"(,"offer":{"product":"gw3","version":"1.1.0","manifest_sha256":")" +
                           kDigest + R"("})");
  REQUIRE(PollAnswer::parse(good));
  for (std::size_t n = 0; n < good.size(); ++n) {
    const auto parsed = PollAnswer::parse(std::string_view(good).substr(0, n));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kMalformed);
  }
}
