#include <catch2/catch.hpp>

#include "tests/fakes/tpm_device.hpp"
#include "tpm/fault.hpp"
#include "tpm/policy_cell.hpp"

using namespace pawl;
using fakes::TpmDevice;
using fakes::Wire;
using tpm::Fault;

namespace {

struct Provisioned : TpmDevice {
  Provisioned() {
    boot("a");
    const auto done = provision("a");
    if (!done) FAIL(done.error().what());
  }
};

template <class T>
Fault fault(const T& result) {
  return result ? Fault::kNone : tpm::fault_of(result.error());
}

}  // namespace

TEST_CASE("The TPM computes the policies that the software predicts", "[tpm][swtpm]") {
  Provisioned d;
  auto cell = d.cell();
  REQUIRE(cell);
  CHECK(*cell->cell() == *tpm::content_of(d.text({"a"}, "a")));
  CHECK(*cell->counter() - d.disk->base == 5);  // floor = security version provisioned with
  CHECK(d.open(d.text({"a"}, "a")).empty());
  CHECK(*cell->anchor() == tpm::Anchor{});
}

TEST_CASE("An update moves the sealed state from one release to the next", "[tpm][swtpm]") {
  Provisioned d;
  const auto a = d.text({"a"}, "a");
  REQUIRE(d.cell()->write_cell(a, d.text({"a", "b"}, "a")));

  SECTION("trial, commit: the old release and its old text are locked out") {
    d.boot("b");
    const auto on_trial = d.text({"a", "b"}, "b");
    CHECK(d.open(on_trial).empty());
    REQUIRE(d.cell()->write_cell(on_trial, d.text({"b"}, "b")));
    CHECK(d.open(d.text({"b"}, "b")).empty());
    REQUIRE(d.cell()->raise_counter(d.text({"b"}, "b"), d.disk->base + 7));
    CHECK(d.open(d.text({"b"}, "b")).empty());
    d.boot("a");
    for (const auto& text : {d.text({"a"}, "a"), d.text({"a", "b"}, "a")}) {
      CHECK(d.open(text) == "policy_refused");
    }
  }
  SECTION("the fallback still opens while the new release is on trial") {
    d.boot("b");
    CHECK(d.open(d.text({"a", "b"}, "b")).empty());
    d.boot("a");
    CHECK(d.open(d.text({"a", "b"}, "a")).empty());
    REQUIRE(d.cell()->write_cell(d.text({"a", "b"}, "a"), a));
    CHECK(d.open(a).empty());
    d.boot("b");
    CHECK(d.open(d.text({"a", "b"}, "b")) == "policy_refused");
  }
  SECTION("a second update replaces the first before it was tried") {
    REQUIRE(d.cell()->write_cell(d.text({"a", "b"}, "a"), d.text({"a", "c"}, "a")));
    d.boot("c");
    CHECK(d.open(d.text({"a", "c"}, "c")).empty());
    d.boot("b");
    CHECK(d.open(d.text({"a", "b"}, "b")) == "policy_refused");
  }
  SECTION("a release that nobody staged opens nothing with any text") {
    d.boot("evil");
    for (const auto& names :
         std::vector<std::vector<std::string>>{{"evil"}, {"a", "evil"}, {"a", "b", "evil"}}) {
      CHECK(d.open(d.text(names, "evil")) == "policy_refused");
    }
    CHECK(d.open(d.text({"a", "b"}, "a")) == "policy_refused");
  }
  SECTION("every bound PCR counts") {
    for (const auto pcr : {2U, 4U, 9U, 11U, 12U, 13U}) {
      d.boot("a");
      REQUIRE(d.open(d.text({"a", "b"}, "a")).empty());
      fakes::extend(*d.context, pcr, sha256(as_bytes("one more event")));
      INFO("PCR " << pcr);
      CHECK(d.open(d.text({"a", "b"}, "a")) == "policy_refused");
    }
  }
}

TEST_CASE("The counter alone locks out an old release whose cell text returned", "[tpm][swtpm]") {
  Provisioned d;
  const auto both = d.text({"a", "b"}, "a");
  REQUIRE(d.cell()->write_cell(d.text({"a"}, "a"), both));
  d.boot("b");
  const auto trial = d.text({"a", "b"}, "b");
  REQUIRE(d.cell()->raise_counter(trial, d.disk->base + 7));
  CHECK(d.open(trial).empty());
  d.boot("a");
  CHECK(d.open(both) == "policy_refused");  // counter 7 above the limit of a; the cell allows it
}

TEST_CASE("Raising the counter is idempotent and capped (FORMAT 6.6.4)", "[tpm][swtpm]") {
  Provisioned d;
  auto text = d.text({"a"}, "a");
  text.branches[0].limit += 59;  // room to raise without locking out
  REQUIRE(d.cell()->write_cell(d.text({"a"}, "a"), text));
  auto cell = d.cell();
  const auto start = *cell->counter();
  REQUIRE(cell->raise_counter(text, start + 2));
  CHECK(*cell->counter() == start + 2);
  REQUIRE(cell->raise_counter(text, start + 2));
  REQUIRE(cell->raise_counter(text, start));
  CHECK(*cell->counter() == start + 2);
  CHECK(fault(cell->raise_counter(text, start + 2 + 65)) == Fault::kCounter);
  CHECK(*cell->counter() == start + 2);

  SECTION("an answer lost after the increment does not increment twice") {
    Wire::watch(*d.context, {&d.machine, Wire::Cut::kAfter, 1, 0, 0, TPM2_CC_NV_Increment, 0});
    CHECK(fault(cell->raise_counter(text, start + 3)) == Fault::kNoTpm);
    d.boot("a");
    CHECK(*d.cell()->counter() == start + 3);
    REQUIRE(d.cell()->raise_counter(text, start + 3));
    CHECK(*d.cell()->counter() == start + 3);
  }
  SECTION("a power cut before the increment is made up for") {
    Wire::watch(*d.context, {&d.machine, Wire::Cut::kBefore, 1, 0, 0, TPM2_CC_NV_Increment, 0});
    CHECK(fault(cell->raise_counter(text, start + 3)) == Fault::kNoTpm);
    d.boot("a");
    CHECK(*d.cell()->counter() == start + 2);
    REQUIRE(d.cell()->raise_counter(text, start + 3));
    CHECK(*d.cell()->counter() == start + 3);
  }
}

TEST_CASE("A cell write is the old text or the new one, whole, at every power cut",
          "[tpm][swtpm]") {
  Provisioned d;
  const auto a = d.text({"a"}, "a");
  const auto both = d.text({"a", "b"}, "a");
  for (const auto mode : {Wire::Cut::kBefore, Wire::Cut::kDuring, Wire::Cut::kAfter}) {
    for (unsigned at = 1;; ++at) {
      d.boot("a");
      const bool is_both = *d.cell()->cell() == *tpm::content_of(both);
      const auto& now = is_both ? both : a;
      const auto& next = is_both ? a : both;
      Wire::watch(*d.context, {&d.machine, mode, at, 0, 0, 0, 0});
      if (auto cell = d.cell(); cell) (void)static_cast<bool>(cell->write_cell(now, next));
      const bool finished = Wire::plan().seen < at;
      d.boot("a");
      INFO("cut at command " << at);
      const auto held = *d.cell()->cell();
      const bool moved = held == *tpm::content_of(next);
      REQUIRE((moved || held == *tpm::content_of(now)));
      REQUIRE(d.open(moved ? next : now).empty());
      if (finished) {
        CHECK(moved);
        CHECK(at > 12);  // attach, read, session, policy, write: none went uncut
        break;
      }
    }
  }
}

TEST_CASE("A PCR moving between policy and use makes the policy be satisfied anew",
          "[tpm][swtpm]") {
  Provisioned d;
  const auto a = d.text({"a"}, "a");
  Wire::watch(*d.context, {&d.machine, Wire::Cut::kNever, 0, TPM2_CC_Unseal, 3, 0, 0});
  CHECK(d.open(a).empty());
  CHECK(Wire::plan().extend_times == 0);
  Wire::plan() = {&d.machine, Wire::Cut::kNever, 0, TPM2_CC_NV_Write, 1, 0, 0};
  CHECK(d.cell()->write_anchor(a, {1, {}, {}}));
  Wire::plan() = {&d.machine, Wire::Cut::kNever, 0, TPM2_CC_Unseal, 1000, 0, 0};
  CHECK(d.open(a) == "pcr_changed");
  CHECK(Wire::plan().extend_times == 1000 - 16);
}

TEST_CASE("The anchor is written by an allowed state only and read back whole", "[tpm][swtpm]") {
  Provisioned d;
  const auto a = d.text({"a"}, "a");
  const tpm::Anchor anchor{0x0102030405060708, sha256(as_bytes("index")), sha256(as_bytes("key"))};
  REQUIRE(d.cell()->write_anchor(a, anchor));
  CHECK(*d.cell()->anchor() == anchor);
  d.boot("evil");
  CHECK(fault(d.cell()->write_anchor(a, {})) == Fault::kPolicyRefused);
  CHECK(*d.cell()->anchor() == anchor);
}

TEST_CASE("Sealed blobs of another TPM or another parent are refused by name", "[tpm][swtpm]") {
  Provisioned d;
  Provisioned other;
  const auto mine = d.disk->sealed;
  d.disk->sealed = other.disk->sealed;
  CHECK(d.open(d.text({"a"}, "a")) == "foreign");
  d.disk->sealed = mine;
  d.disk->sealed.private_area[40] ^= 1U;
  CHECK(d.open(d.text({"a"}, "a")) == "foreign");
  d.disk->sealed.private_area.resize(tpm::kMaxBlob + 1);
  CHECK(d.cell()->unseal(d.disk->sealed, d.text({"a"}, "a")).error().code() == Errc::kTooLarge);
  d.disk->sealed = mine;
  d.disk->sealed.public_area.pop_back();
  CHECK(d.cell()->unseal(d.disk->sealed, d.text({"a"}, "a")).error().code() == Errc::kMalformed);
}

TEST_CASE("Twenty unclean restarts do not bring the TPM nearer to lockout", "[tpm][swtpm]") {
  Provisioned d;
  for (int i = 0; i < 20; ++i) {
    d.boot("a");
    REQUIRE(d.open(d.text({"a"}, "a")).empty());
    REQUIRE(*d.context->lockout_counter() == 0);
  }
}

TEST_CASE("No secret crosses the bus in the clear", "[tpm][swtpm]") {
  Provisioned d;
  REQUIRE(d.open(d.text({"a"}, "a")).empty());
  const auto on_bus = [&](ByteView secret) {
    auto log = d.machine.file("log");
    std::string bytes;
    for (const char c : log) {
      if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f')) {
        bytes += static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
      }
    }
    return bytes.find(to_hex(secret)) != std::string::npos;
  };
  CHECK_FALSE(on_bus(as_bytes(fakes::kEpochKey)));
  CHECK_FALSE(on_bus(d.wraps.back().first));
  CHECK_FALSE(on_bus(*d.wraps.back().second));
  // Control: the log does show what is sent in the clear.
  const tpm::Anchor anchor{1, sha256(as_bytes("index")), {}};
  REQUIRE(d.cell()->write_anchor(d.text({"a"}, "a"), anchor));
  CHECK(on_bus(anchor.index_hash.span()));
}
