#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "tpm/pcr.hpp"

namespace pawl::tpm {

inline constexpr std::size_t kMaxEventLog = std::size_t{4} << 20;  // bytes
inline constexpr std::size_t kMaxEvents = 8192;
inline constexpr std::size_t kMaxEventData = std::size_t{1} << 20;
inline constexpr std::size_t kMaxBanks = 8;

/// One extend of the SHA-256 bank. Type and data of the log are not kept: no digest covers them,
/// so nothing may depend on them.
struct Event {
  unsigned pcr = 0;
  Sha256Digest digest;
  friend bool operator==(const Event&, const Event&) = default;
};

/// The measurements of one boot, in order. Events that extend nothing are left out.
struct EventLog {
  std::vector<Event> events;
  std::uint8_t startup_locality = 0;  // 0, 3 or 4: first value of PCR 0
};

/// Parses a TCG crypto-agile event log (/sys/kernel/security/tpm0/binary_bios_measurements).
///
/// @return kTooLarge over a limit above; kMalformed where bytes do not follow the format or end
///         early; kTpm (kNoSha256Bank) when the log has no SHA-256 digests. FORMAT 6.3.
/// Source: TCG PC Client Platform Firmware Profile 1.05, section 10.
[[nodiscard]] Result<EventLog> parse_event_log(ByteView log);

/// The PCRs a boot with these events ends in, before the operating system extends anything.
[[nodiscard]] PcrValues replay(const EventLog& log);

}  // namespace pawl::tpm
