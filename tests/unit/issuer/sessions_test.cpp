#include "issuer/sessions.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "fakes/soft_tpm.hpp"

using namespace pawl;
using namespace pawl::issuer;
using std::chrono::seconds;

namespace {

tpm::EnrolmentSession id_of(std::uint8_t n) {
  tpm::EnrolmentSession out;
  out.bytes.fill(n);
  return out;
}
Session session(std::string_view ek, Sessions::TimePoint opened) {
  static const fakes::SoftAttester attester;
  return {sha256(as_bytes(ek)),
          Origin::kListed,
          *tpm::AttestationKey::parse(attester.public_area()),
          {},
          *SecretBytes::allocate(32),
          opened};
}

}  // namespace

TEST_CASE("Sessions: good once, until the time limit (FORMAT 13.3.4)", "[issuer][sessions]") {
  Sessions sessions(8, seconds(10));
  const Sessions::TimePoint start{};
  REQUIRE(sessions.put(id_of(1), session("a", start), start));
  REQUIRE(sessions.put(id_of(2), session("a", start), start));
  CHECK(sessions.take(id_of(3), start).error().code() == Errc::kPeer);
  CHECK(sessions.take(id_of(1), start + seconds(9)));
  CHECK(sessions.take(id_of(1), start + seconds(9)).error().code() == Errc::kPeer);
  CHECK(sessions.take(id_of(2), start + seconds(10)).error().code() == Errc::kTimeout);
  CHECK(sessions.take(id_of(2), start + seconds(10)).error().code() == Errc::kPeer);
  CHECK(sessions.size() == 0);
}

TEST_CASE("Sessions: a full table refuses until some have expired (FORMAT 13.3.5)",
          "[issuer][sessions]") {
  Sessions sessions(3, seconds(10));
  const Sessions::TimePoint start{};
  REQUIRE(sessions.put(id_of(1), session("a", start), start));
  REQUIRE(sessions.put(id_of(2), session("b", start), start));
  const auto later = start + seconds(5);
  REQUIRE(sessions.put(id_of(3), session("c", later), later));
  CHECK(sessions.put(id_of(4), session("d", later), later).error().code() == Errc::kBusy);
  const auto end = start + seconds(10);
  REQUIRE(sessions.put(id_of(4), session("d", end), end));
  CHECK(sessions.size() == 2);
  CHECK(sessions.take(id_of(3), end));
}

TEST_CASE("Sessions: one TPM takes four places at most, the newest stay (FORMAT 13.3.5)",
          "[issuer][sessions]") {
  Sessions sessions(100, seconds(1000));
  const Sessions::TimePoint start{};
  REQUIRE(sessions.put(id_of(200), session("other", start), start));
  for (std::uint8_t n = 0; n < 20; ++n) {
    const auto now = start + seconds(n);
    REQUIRE(sessions.put(id_of(n), session("a", now), now));
    CHECK(sessions.size() <= 5);
  }
  const auto now = start + seconds(20);
  CHECK(sessions.take(id_of(15), now).error().code() == Errc::kPeer);
  for (const int n : {16, 17, 18, 19, 200}) {
    CHECK(sessions.take(id_of(static_cast<std::uint8_t>(n)), now));
  }
}
