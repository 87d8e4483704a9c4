#include <catch2/catch.hpp>
#include <sodium.h>

#include "base/digest.hpp"
#include "fakes/fake_disk.hpp"
#include "sealing/blob.hpp"
#include "sealing/handover.hpp"
#include "sealing/records.hpp"
#include "sealing/recovery.hpp"
#include "tpm/fault.hpp"

using namespace pawl;
using namespace pawl::sealing;
using tpm::Fault;

namespace {

template <class T>
Fault fault(const T& result) {
  return result ? Fault::kNone : tpm::fault_of(result.error());
}

Handover two_slots() {
  Handover out;
  out.srk.bytes.fill(0x11);
  out.rotation = 3;
  tpm::Branch a{tpm::PcrSet{2, 4}, {}, 12};
  a.pcrs[2].bytes.fill(0x22);
  a.pcrs[4].bytes.fill(0x44);
  tpm::Branch b{tpm::PcrSet{2, 4}, {}, 14};
  b.pcrs[4].bytes.fill(0x55);
  out.text = {{a, b}, 1};
  return out;
}

RecordKey key_of(std::uint8_t fill) {
  struct Fixed final : Random {
    std::uint8_t value;
    explicit Fixed(std::uint8_t v) : value(v) {}
    void fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), value); }
  } random(fill);
  return *RecordKey::create(random);
}

tpm::RecoverySecrets secrets(bool lockout) {
  tpm::RecoverySecrets out{*SecretBytes::copy_of(Bytes(32, 0xaa)), std::nullopt};
  if (lockout) out.lockout_auth = *SecretBytes::copy_of(Bytes(32, 0xbb));
  return out;
}

struct KeyPair {
  vault::RecoveryKey public_key;
  SecretBytes private_key = *SecretBytes::allocate(32);
  KeyPair() { crypto_box_keypair(public_key.bytes.data(), private_key.mutable_span().data()); }
};

}  // namespace

TEST_CASE("A sealed object has one spelling (FORMAT 8.1.1)", "[sealing]") {
  const tpm::KeyBlob blob{Bytes(3, 0xaa), Bytes(2, 0xbb)};
  const auto bytes = serialise(blob);
  CHECK(to_hex(bytes) ==
        "5041574c424c4231"
        "0300aaaaaa"
        "0200bbbb");
  const auto again = parse_blob(bytes);
  REQUIRE(again);
  CHECK(again->private_area == blob.private_area);
  CHECK(again->public_area == blob.public_area);

  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto cut = parse_blob(ByteView(bytes).first(n));
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code() == Errc::kMalformed);
  }
  auto longer = bytes;
  longer.push_back(0);
  CHECK(parse_blob(longer).error().code() == Errc::kMalformed);
  auto other = bytes;
  other[7] = '2';
  CHECK(parse_blob(other).error().code() == Errc::kMalformed);
  auto empty = bytes;
  empty[8] = 0;
  CHECK(parse_blob(empty).error().code() == Errc::kTooLarge);
  CHECK(parse_blob(serialise({Bytes(tpm::kMaxBlob + 1), Bytes(1)})).error().code() ==
        Errc::kTooLarge);
}

TEST_CASE("A handover has one spelling (FORMAT 8.2.2)", "[sealing]") {
  const auto bytes = serialise(two_slots());
  CHECK(bytes.size() == 8 + 8 + 34 + 2 + 2 * (4 + 8 + 2 * 32));
  const auto again = parse_handover(bytes);
  REQUIRE(again);
  CHECK(again->srk == two_slots().srk);
  CHECK(again->rotation == 3);
  CHECK(again->text == two_slots().text);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto cut = parse_handover(ByteView(bytes).first(n));
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code() == Errc::kMalformed);
  }
}

TEST_CASE("A handover that breaks a rule is refused (FORMAT 8.2.3)", "[sealing]") {
  struct Row {
    const char* why;
    std::size_t at;
    std::uint8_t value;
  };
  const auto row = GENERATE(values<Row>({{"magic", 0, 'X'},
                                         {"running outside the branches", 50, 2},
                                         {"no branch", 51, 0},
                                         {"nine branches", 51, 9},
                                         {"PCR 24", 55, 1},
                                         {"no PCR", 52, 0}}));
  INFO(row.why);
  auto bytes = serialise(two_slots());
  bytes[row.at] = row.value;
  const auto refused = parse_handover(bytes);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kMalformed);
  auto longer = serialise(two_slots());
  longer.push_back(0);
  CHECK(parse_handover(longer).error().code() == Errc::kMalformed);
  CHECK(parse_handover(Bytes(kMaxHandover + 1)).error().code() == Errc::kTooLarge);
}

TEST_CASE("A missing handover says what writes it (FORMAT 8.2.1)", "[sealing]") {
  fakes::FakeDisk disk;
  const auto missing = read_handover(disk, "/run/pawl/cell");
  CHECK(fault(missing) == Fault::kNotProvisioned);
  CHECK_THAT(missing.error().hint(), Catch::Contains("pawl-updater boot"));
  REQUIRE(write_handover(disk, "/run/pawl/cell", two_slots()));
  CHECK(read_handover(disk, "/run/pawl/cell")->text == two_slots().text);
}

TEST_CASE("A record opens under its name and key alone (FORMAT 8.4.2)", "[sealing]") {
  const auto key = key_of(1);
  const auto follows = sha256(as_bytes("before"));
  const auto file = *key.wrap("journal", as_bytes("payload"), follows);
  CHECK(as_text(file).starts_with(kRecordMagic));
  CHECK(file.size() == kRecordHead + 7);
  const auto opened = key.unwrap("journal", file);
  REQUIRE(opened);
  CHECK(as_text(opened->payload) == "payload");
  CHECK(opened->follows == follows);

  CHECK(fault(key.unwrap("floors", file)) == Fault::kTampered);  // domains are apart
  CHECK(fault(key_of(2).unwrap("journal", file)) == Fault::kTampered);
  CHECK(fault(key.unwrap("journal", as_bytes("payload"))) == Fault::kTampered);
  for (std::size_t i = 0; i < file.size(); ++i) {
    auto flipped = file;
    flipped[i] ^= 1U;
    INFO("byte " << i);
    REQUIRE(fault(key.unwrap("journal", flipped)) == Fault::kTampered);
  }
  for (std::size_t n = 0; n < file.size(); ++n) {
    REQUIRE(fault(key.unwrap("journal", ByteView(file).first(n))) == Fault::kTampered);
  }
}

TEST_CASE("A record key counts only when the anchor names it (FORMAT 8.4.3)", "[sealing]") {
  const auto mine = key_of(1);
  const tpm::RecordsAnchor anchor{mine.hash(), {}};
  CHECK(RecordKey::accept(*SecretBytes::copy_of(mine.secret().span()), anchor));
  CHECK(fault(RecordKey::accept(*SecretBytes::copy_of(key_of(2).secret().span()), anchor)) ==
        Fault::kTampered);
  CHECK(fault(RecordKey::accept(*SecretBytes::copy_of(Bytes(31, 1)), anchor)) == Fault::kTampered);
}

TEST_CASE("Floors are the anchored ones or follow them (FORMAT 8.4.4)", "[sealing]") {
  const auto key = key_of(1);
  const auto first = *key.wrap("floors", as_bytes("one"), {});
  const auto second = *key.wrap("floors", as_bytes("two"), sha256(first));
  const auto third = *key.wrap("floors", as_bytes("three"), sha256(second));
  const auto judged = [&](const Bytes& file, const Bytes& anchored) {
    const auto opened = *key.unwrap("floors", file);
    const auto status = check_newest_floors(file, opened, {key.hash(), sha256(anchored)});
    return status ? Errc{} : status.error().code();
  };
  CHECK(judged(first, first) == Errc{});
  CHECK(judged(second, first) == Errc{});
  CHECK(judged(second, second) == Errc{});
  CHECK(judged(first, second) == Errc::kRollback);
  CHECK(judged(first, third) == Errc::kRollback);
  CHECK(judged(second, third) == Errc::kRollback);
}

TEST_CASE("A recovery wrap opens for its key alone (FORMAT 8.5.1)", "[sealing]") {
  const KeyPair holder;
  const KeyPair other;
  const bool lockout = GENERATE(true, false);
  const auto wrap = wrap_recovery(secrets(lockout), holder.public_key);
  REQUIRE(wrap);
  CHECK(wrap->size() == 8 + 1 + 64 + crypto_box_SEALBYTES);  // the same with and without
  const auto opened = unwrap_recovery(*wrap, holder.public_key, holder.private_key);
  REQUIRE(opened);
  CHECK(to_hex(opened->owner_auth.span()) == to_hex(Bytes(32, 0xaa)));
  CHECK(opened->lockout_auth.has_value() == lockout);
  if (lockout) CHECK(to_hex(opened->lockout_auth->span()) == to_hex(Bytes(32, 0xbb)));
  CHECK(unwrap_recovery(*wrap, other.public_key, other.private_key).error().code() == Errc::kVault);
  for (std::size_t n = 0; n < wrap->size(); ++n) {
    REQUIRE(unwrap_recovery(ByteView(*wrap).first(n), holder.public_key, holder.private_key)
                .error()
                .code() == Errc::kMalformed);
  }
  CHECK(wrap_recovery(secrets(lockout), vault::RecoveryKey{}).error().code() == Errc::kConfig);
}
