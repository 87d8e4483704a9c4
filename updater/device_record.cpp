#include "updater/device_record.hpp"

#include "manifest/fields.hpp"

namespace pawl::updater {
namespace {

using manifest::Fields;

constexpr std::int64_t kLastPcr = tpm::kPcrCount - 1;

Result<tpm::PcrSet> parse_bound(const Fields& from) {
  PAWL_TRY(const auto* items, from.array("bound", tpm::kPcrCount));
  tpm::PcrSet out;
  for (const auto& item : *items) {
    const auto* pcr = item.integer();
    if (pcr == nullptr || *pcr < 0 || *pcr > kLastPcr) return from.bad("bound", "names no PCR");
    out.add(static_cast<unsigned>(*pcr));
  }
  if (out.empty()) return from.bad("bound", "is empty");
  return out;
}

Result<std::vector<tpm::Event>> parse_firmware(const Fields& from) {
  PAWL_TRY(const auto* items, from.array("firmware", DeviceRecord::kMaxFirmware));
  std::vector<tpm::Event> out;
  for (const auto& item : *items) {
    PAWL_TRY(const auto row, Fields::of(item, "firmware event"));
    if (row.members().size() != 2) return from.bad("firmware", "has an unknown member");
    PAWL_TRY(const auto pcr, row.integer("pcr", 0, kLastPcr));
    PAWL_TRY(const auto digest, row.sha256("digest"));
    out.push_back({static_cast<unsigned>(pcr), digest});
  }
  return out;
}

}  // namespace

Result<DeviceRecord> DeviceRecord::parse(std::string_view text) {
  PAWL_TRY(const auto value, json::parse(text, {kMaxBytes, 4, 2048}, json::Form::kCanonical));
  PAWL_TRY(const auto from, Fields::of(value, "device record"));
  if (from.members().size() != 6) return fail(Errc::kMalformed, "device record: 6 members");
  PAWL_TRY(const auto format, from.integer("format", 1, 1));
  (void)format;
  DeviceRecord out;
  PAWL_TRY(const auto base, from.integer("base", 0, json::kMaxInteger));
  out.base = static_cast<std::uint64_t>(base);
  PAWL_TRY(out.bound, parse_bound(from));
  PAWL_TRY(const bool measured, from.flag("measured"));
  out.measured = measured ? sealing::Measured::kYes : sealing::Measured::kNo;
  PAWL_TRY(const auto rotation, from.integer("rotation", 0, json::kMaxInteger));
  out.rotation = static_cast<std::uint64_t>(rotation);
  PAWL_TRY(out.firmware, parse_firmware(from));
  return out;
}

std::string DeviceRecord::format() const {
  json::Object out;
  out.set("format", 1);
  out.set("base", static_cast<std::int64_t>(base));
  json::Array pcrs;
  for (unsigned pcr = 0; pcr < tpm::kPcrCount; ++pcr) {
    if (bound.has(pcr)) pcrs.emplace_back(static_cast<std::int64_t>(pcr));
  }
  out.set("bound", std::move(pcrs));
  out.set("measured", measured == sealing::Measured::kYes);
  out.set("rotation", static_cast<std::int64_t>(rotation));
  json::Array events;
  for (const auto& event : firmware) {
    json::Object row;
    row.set("pcr", static_cast<std::int64_t>(event.pcr));
    row.set("digest", to_hex(event.digest));
    events.emplace_back(std::move(row));
  }
  out.set("firmware", std::move(events));
  return json::write(out);
}

}  // namespace pawl::updater
