#include "issuer/ek_store.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "fakes/fake_disk.hpp"

using namespace pawl;
using namespace pawl::issuer;

namespace {

Sha256Digest ek_of(std::string_view name) {
  return sha256(as_bytes(name));
}
tpm::Name ak_of(std::uint8_t fill) {
  tpm::Name out;
  out.bytes.fill(fill);
  return out;
}

}  // namespace

TEST_CASE("EK store: adding, banning and removing are idempotent and say so (FORMAT 13.5)",
          "[issuer][store]") {
  fakes::FakeDisk disk;
  EkStore store(disk, "/eks");
  const auto ek = ek_of("one");
  CHECK(store.list()->empty());
  CHECK_FALSE(*store.find(ek));
  CHECK(*store.add(ek, "bench 4") == Change::kDone);
  CHECK(*store.add(ek, "bench 4") == Change::kNone);
  CHECK(*store.add(ek, "bench 5") == Change::kDone);
  CHECK((*store.find(ek))->note == "bench 5");
  CHECK(*store.ban(ek) == Change::kDone);
  CHECK(*store.ban(ek) == Change::kNone);
  CHECK((*store.find(ek))->admission == Admission::kBanned);
  CHECK((*store.find(ek))->note == "bench 5");
  CHECK(*store.add(ek, "bench 5") == Change::kDone);  // lifts the ban
  CHECK((*store.find(ek))->admission == Admission::kAdmitted);
  CHECK(*store.remove(ek) == Change::kDone);
  CHECK(*store.remove(ek) == Change::kNone);
  CHECK_FALSE(*store.find(ek));
  CHECK(*store.ban(ek) == Change::kDone);  // also one that was never seen
  REQUIRE(store.list()->size() == 1);
  CHECK(store.list()->front().ek == ek);
}

// FORMAT 13.1.3
TEST_CASE("EK store: one attestation key for a TPM until it is removed (FORMAT 13.5.2)",
          "[issuer][store]") {
  fakes::FakeDisk disk;
  EkStore store(disk, "/eks");
  const auto ek = ek_of("one");
  CHECK(store.bind(ek, Origin::kListed, ak_of(1)).error().code() == Errc::kPeer);
  REQUIRE(store.add(ek, ""));
  REQUIRE(store.bind(ek, Origin::kListed, ak_of(1)));
  const auto before = disk.ops;
  REQUIRE(store.bind(ek, Origin::kListed, ak_of(1)));
  CHECK(disk.ops == before);  // a renewal writes nothing
  CHECK(store.bind(ek, Origin::kListed, ak_of(2)).error().code() == Errc::kPeer);
  REQUIRE(store.add(ek, "a note does not free it"));
  CHECK(store.bind(ek, Origin::kListed, ak_of(2)).error().code() == Errc::kPeer);
  REQUIRE(store.remove(ek));
  REQUIRE(store.add(ek, ""));
  CHECK(store.bind(ek, Origin::kListed, ak_of(2)));
}

TEST_CASE("EK store: a TPM of its maker is not a listed one", "[issuer][store]") {
  fakes::FakeDisk disk;
  EkStore store(disk, "/eks");
  const auto ek = ek_of("one");
  REQUIRE(store.bind(ek, Origin::kMaker, ak_of(1)));
  CHECK(store.bind(ek, Origin::kListed, ak_of(1)).error().code() == Errc::kPeer);
  CHECK(store.bind(ek, Origin::kMaker, ak_of(1)));
  REQUIRE(store.add(ek, ""));
  CHECK((*store.find(ek))->ak == ak_of(1));
  CHECK(store.bind(ek, Origin::kListed, ak_of(1)));
  CHECK(store.bind(ek, Origin::kMaker, ak_of(1)));
}

// FORMAT 13.5.1
TEST_CASE("EK store: a damaged record refuses its TPM instead of forgetting it",
          "[issuer][store]") {
  const auto good = write_ek_record({Origin::kListed, Admission::kBanned, ak_of(3), "n"});
  REQUIRE(parse_ek_record(good));
  CHECK(parse_ek_record(good)->ak == ak_of(3));
  CHECK(parse_ek_record(good)->admission == Admission::kBanned);
  for (std::size_t n = 0; n + 1 < good.size(); ++n) {
    INFO(n);
    REQUIRE(parse_ek_record(good.substr(0, n)).error().code() == Errc::kMalformed);
  }
  const char* const rows[] = {
      R"({"format":2,"note":"","origin":"listed","state":"admitted"})",
      R"({"note":"","origin":"listed","state":"admitted"})",
      R"({"format":1,"note":"","origin":"vendor","state":"admitted"})",
      R"({"format":1,"note":"","origin":"listed","state":"pending"})",
      R"({"format":1,"note":1,"origin":"listed","state":"admitted"})",
      R"({"ak":"00","format":1,"note":"","origin":"listed","state":"admitted"})",
      R"({"ak":1,"format":1,"note":"","origin":"listed","state":"admitted"})",
      R"({"format":1,"new":1,"note":"","origin":"listed","state":"admitted"})",
      R"({"format":1,"note":"","origin":"listed","state":"admitted"} )",
      "[]",
  };
  for (const auto* row : rows) {
    INFO(row);
    CHECK(parse_ek_record(row).error().code() == Errc::kMalformed);
    fakes::FakeDisk disk;
    EkStore store(disk, "/eks");
    disk.put("/eks/" + to_hex(ek_of("x")) + ".json", std::string_view(row));
    CHECK(store.find(ek_of("x")).error().code() == Errc::kMalformed);
    CHECK(store.bind(ek_of("x"), Origin::kMaker, ak_of(1)).error().code() == Errc::kMalformed);
  }
  CHECK(parse_ek_record(std::string(2000, ' ')).error().code() == Errc::kTooLarge);
}

TEST_CASE("EK store: other files in its folder are no records", "[issuer][store]") {
  fakes::FakeDisk disk;
  EkStore store(disk, "/eks");
  REQUIRE(store.add(ek_of("one"), ""));
  disk.put("/eks/README.json", "hello");
  disk.put("/eks/" + std::string(64, 'G') + ".json", "hello");
  CHECK(store.list()->size() == 1);
}

TEST_CASE("EK store: notes are short and printable", "[issuer][store]") {
  fakes::FakeDisk disk;
  EkStore store(disk, "/eks");
  CHECK(store.add(ek_of("x"), std::string(200, 'a')));
  CHECK(store.add(ek_of("x"), std::string(201, 'a')).error().code() == Errc::kUsage);
  CHECK(store.add(ek_of("x"), "two\nlines").error().code() == Errc::kUsage);
}

TEST_CASE("EK store: a power cut leaves a TPM as it was or as it is to be",
          "[issuer][store][powercut]") {
  const auto ek = ek_of("one");
  for (unsigned cut = 0;; ++cut) {
    fakes::FakeDisk disk;
    EkStore store(disk, "/eks");
    REQUIRE(store.add(ek, "old"));
    disk.ops_left = cut;
    const bool done = static_cast<bool>(store.ban(ek));
    disk.ops_left = fakes::FakeDisk::kNoCut;
    if (disk.is_off()) disk.power_on();
    INFO("power cut before durable operation " << cut);
    const auto record = store.find(ek);
    REQUIRE((record && *record));
    if (done) {
      CHECK((*record)->admission == Admission::kBanned);
      CHECK(cut > 4);
      break;
    }
  }
}
