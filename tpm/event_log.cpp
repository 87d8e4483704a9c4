#include "tpm/event_log.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/reader.hpp"
#include "tpm/fault.hpp"

namespace pawl::tpm {
namespace {

constexpr std::uint32_t kNoAction = 3;  // EV_NO_ACTION
constexpr std::uint16_t kSha256 = 0x000b;
constexpr std::string_view kSpecId("Spec ID Event03\0", 16);
constexpr std::string_view kStartupLocality("StartupLocality\0", 16);

struct Bank {
  std::uint16_t algorithm = 0;
  std::uint16_t size = 0;
};

Result<ByteView> event_data(Reader& r) {
  PAWL_TRY(const auto size, r.u32_le());
  if (size > kMaxEventData) {
    return fail(Errc::kTooLarge, "event of " + std::to_string(size) + " bytes, limit is 1 MiB");
  }
  return r.take(size);
}

Status check_banks(const std::vector<Bank>& banks) {
  for (std::size_t i = 0; i < banks.size(); ++i) {
    const auto same = [&](const Bank& b) { return b.algorithm == banks[i].algorithm; };
    if (std::count_if(banks.begin(), banks.end(), same) != 1) {
      return fail(Errc::kMalformed, "event log declares a bank twice");
    }
    if (banks[i].size == 0 || banks[i].size > 64) {
      return fail(Errc::kMalformed, "event log declares a digest size over 64");
    }
  }
  const auto found = std::find_if(banks.begin(), banks.end(),
                                  [](const Bank& b) { return b.algorithm == kSha256; });
  if (found == banks.end()) {
    return fail_tpm(Fault::kNoSha256Bank, "event log has no SHA-256 digests");
  }
  if (found->size != 32) return fail(Errc::kMalformed, "event log declares a wrong SHA-256 size");
  return Ok{};
}

/// Body of the first event: which digests each later event carries.
Result<std::vector<Bank>> parse_spec_id(ByteView data) {
  Reader r(data);
  PAWL_TRY(const auto signature, r.take(kSpecId.size()));
  if (as_text(signature) != kSpecId) {
    return fail(Errc::kMalformed, "event log is not in the crypto-agile format");
  }
  PAWL_CHECK(r.take(8));  // platform class, version, errata, uintn size
  PAWL_TRY(const auto count, r.u32_le());
  if (count == 0 || count > kMaxBanks) {
    return fail(Errc::kMalformed,
                "event log declares " + std::to_string(count) + " banks, 1 to 8 allowed");
  }
  std::vector<Bank> banks(count);
  for (auto& bank : banks) {
    PAWL_TRY(bank.algorithm, r.u16_le());
    PAWL_TRY(bank.size, r.u16_le());
  }
  PAWL_TRY(const auto vendor, r.u8());
  PAWL_CHECK(r.take(vendor));
  if (!r.empty()) return fail(Errc::kMalformed, "bytes after the vendor data of the event log");
  PAWL_CHECK(check_banks(banks));
  return banks;
}

/// The first event has the old layout: one SHA-1 digest.
Result<std::vector<Bank>> parse_first_event(Reader& r) {
  PAWL_TRY(const auto pcr, r.u32_le());
  PAWL_TRY(const auto type, r.u32_le());
  PAWL_CHECK(r.take(20));
  PAWL_TRY(const auto data, event_data(r));
  if (pcr != 0 || type != kNoAction) {
    return fail(Errc::kMalformed, "event log does not start with its own description");
  }
  return parse_spec_id(data);
}

/// Every declared bank exactly once. @return the SHA-256 digest.
Result<Sha256Digest> parse_digests(Reader& r, const std::vector<Bank>& banks) {
  PAWL_TRY(const auto count, r.u32_le());
  if (count != banks.size()) {
    return fail(Errc::kMalformed, "event has " + std::to_string(count) +
                                      " digests, the log declares " + std::to_string(banks.size()));
  }
  Sha256Digest out;
  std::vector<std::uint16_t> seen;
  for (std::uint32_t i = 0; i < count; ++i) {
    PAWL_TRY(const auto algorithm, r.u16_le());
    const auto bank = std::find_if(banks.begin(), banks.end(),
                                   [&](const Bank& b) { return b.algorithm == algorithm; });
    if (bank == banks.end()) return fail(Errc::kMalformed, "event has an undeclared digest");
    if (std::find(seen.begin(), seen.end(), algorithm) != seen.end()) {
      return fail(Errc::kMalformed, "event has a digest twice");
    }
    seen.push_back(algorithm);
    PAWL_TRY(const auto bytes, r.take(bank->size));
    if (algorithm == kSha256) std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  }
  return out;
}

Status note_startup_locality(ByteView data, EventLog& log) {
  if (!as_text(data).starts_with(kStartupLocality)) return Ok{};
  if (data.size() != kStartupLocality.size() + 1) {
    return fail(Errc::kMalformed, "startup locality event has a wrong size");
  }
  const auto locality = data.back();
  if (locality != 0 && locality != 3 && locality != 4) {
    return fail(Errc::kMalformed, "startup locality " + std::to_string(locality));
  }
  if (!log.events.empty()) {
    return fail(Errc::kMalformed, "startup locality after the first measurement");
  }
  log.startup_locality = locality;
  return Ok{};
}

Status parse_event(Reader& r, const std::vector<Bank>& banks, EventLog& log) {
  PAWL_TRY(const auto pcr, r.u32_le());
  PAWL_TRY(const auto type, r.u32_le());
  PAWL_TRY(const auto digest, parse_digests(r, banks));
  PAWL_TRY(const auto data, event_data(r));
  if (type == kNoAction) return note_startup_locality(data, log);
  if (pcr >= kPcrCount) return fail(Errc::kMalformed, "event for PCR " + std::to_string(pcr));
  if (log.events.size() >= kMaxEvents) return fail(Errc::kTooLarge, "event log over 8192 events");
  log.events.push_back({pcr, digest});
  return Ok{};
}

}  // namespace

Result<EventLog> parse_event_log(ByteView log) {
  if (log.size() > kMaxEventLog) return fail(Errc::kTooLarge, "event log over 4 MiB");
  Reader r(log);
  PAWL_TRY(const auto banks, parse_first_event(r));
  EventLog out;
  while (!r.empty()) PAWL_CHECK(parse_event(r, banks, out));
  return out;
}

PcrValues replay(const EventLog& log) {
  PcrValues pcrs{};
  pcrs[0].bytes[31] = log.startup_locality;
  for (const auto& event : log.events) extend(pcrs[event.pcr], event.digest);
  return pcrs;
}

}  // namespace pawl::tpm
