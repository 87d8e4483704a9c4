#include "updater/device_record.hpp"

#include <catch2/catch.hpp>

#include "base/digest.hpp"
#include "base/json.hpp"

using namespace pawl;
using namespace pawl::updater;

namespace {

DeviceRecord sample() {
  DeviceRecord out;
  out.base = 25;
  out.bound = tpm::efi_uki_pcrs(tpm::SecureBoot::kOn);
  out.measured = sealing::Measured::kNo;
  out.rotation = 2;
  out.firmware = {{2, sha256(as_bytes("separator"))}, {4, sha256(as_bytes("action"))}};
  return out;
}

std::string with(std::string_view name, json::Value value) {
  auto parsed = *json::parse(sample().format(), {});
  parsed.object()->set(name, std::move(value));
  return json::write(parsed);
}

}  // namespace

TEST_CASE("A device record has one spelling (FORMAT 5.8.1)", "[updater]") {
  const auto text = sample().format();
  const auto again = DeviceRecord::parse(text);
  REQUIRE(again);
  CHECK(again->base == 25);
  CHECK(again->bound == sample().bound);
  CHECK(again->measured == sealing::Measured::kNo);
  CHECK(again->rotation == 2);
  CHECK(again->firmware == sample().firmware);
  CHECK(again->format() == text);
  for (std::size_t n = 0; n < text.size(); ++n) {
    const auto cut = DeviceRecord::parse(std::string_view(text).substr(0, n));
    REQUIRE_FALSE(cut);
    REQUIRE(cut.error().code() == Errc::kMalformed);
  }
}

TEST_CASE("A device record that breaks a rule is refused (FORMAT 5.8.1)", "[updater]") {
  json::Object event;
  event.set("pcr", 2);
  event.set("digest", to_hex(Sha256Digest{}));
  auto more = event;
  more.set("type", 1);
  auto high = event;
  high.set("pcr", 24);
  const json::Array many(DeviceRecord::kMaxFirmware + 1, event);
  struct Row {
    const char* why;
    std::string text;
    Errc code;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"unknown member", with("extra", 1), Errc::kMalformed},
      {"format 2", with("format", 2), Errc::kMalformed},
      {"no PCR bound", with("bound", json::Array{}), Errc::kMalformed},
      {"PCR 24", with("bound", json::Array{json::Value(24)}), Errc::kMalformed},
      {"PCR as text", with("bound", json::Array{json::Value("2")}), Errc::kMalformed},
      {"measured as a number", with("measured", 1), Errc::kMalformed},
      {"event with more members", with("firmware", json::Array{more}), Errc::kMalformed},
      {"event in PCR 24", with("firmware", json::Array{high}), Errc::kMalformed},
      {"257 events", with("firmware", many), Errc::kTooLarge},
      {"over 64 KiB", std::string(DeviceRecord::kMaxBytes + 1, ' '), Errc::kTooLarge},
  }));
  INFO(row.why);
  const auto refused = DeviceRecord::parse(row.text);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == row.code);
}
