#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

/// The bodies devices send (FORMAT 12.4). Members that are not known are ignored: a device may be
/// newer than its server.
namespace pawl::distributor {

enum class Slot : std::uint8_t { kA, kB };

/// What a device says of itself with every poll. The server believes none of it: it is shown to
/// people, and a number that goes down is reported.
struct CheckRequest {
  Slot slot = Slot::kA;
  ReleaseCounter release_counter{0};
  SecurityVersion security_version{0};
  MetadataVersion root{1};
  std::string boot_id;  // at most 64 of [0-9A-Za-z-]
  std::string etag;     // the `meta` it saw last: 64 hexadecimal digits, or empty
  friend bool operator==(const CheckRequest&, const CheckRequest&) = default;
};

enum class Step : std::uint8_t {
  kOffered,
  kDownloading,
  kVerified,
  kStaged,
  kRebooting,
  kTrial,
  kCommitted,
  kReverted,
  kFailed,
};

struct StatusRecord {
  std::uint64_t seq = 0;  // from 1; the device's own count
  ReleaseCounter release_counter{0};
  Sha256Digest manifest;
  Step step = Step::kOffered;
  std::uint8_t code = 0;  // an Errc, or 0
  std::string boot_id;
  UtcTime time{};
  std::string detail;  // at most 1024 bytes
  friend bool operator==(const StatusRecord&, const StatusRecord&) = default;
};

struct Offer {
  std::string product;
  std::string version;
  ReleaseCounter release_counter{0};
  Sha256Digest manifest;
  friend bool operator==(const Offer&, const Offer&) = default;
};

inline constexpr std::size_t kMaxCheckBytes = 1024;
inline constexpr std::size_t kMaxStatusRecords = 64;
inline constexpr std::size_t kMaxDetail = 1024;

/// @return kTooLarge, kMalformed naming the member.
[[nodiscard]] Result<CheckRequest> parse_check(std::string_view body);
/// 1 to 64 records with rising numbers. @return kTooLarge, kMalformed naming the member.
[[nodiscard]] Result<std::vector<StatusRecord>> parse_status(std::string_view body);
[[nodiscard]] std::string write_check_answer(const std::string& meta, const Offer* offer,
                                             Seconds poll_after);
[[nodiscard]] std::string_view step_name(Step step);
[[nodiscard]] std::optional<Step> step_of(std::string_view name);
[[nodiscard]] std::string_view slot_name(Slot slot);

}  // namespace pawl::distributor
