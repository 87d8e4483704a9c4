#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sealing/cell_now.hpp"
#include "tpm/event_log.hpp"

namespace pawl::updater {

/// What `provision` found out about this one device and nothing else may change (FORMAT 5.8).
/// Authenticated as the record `device`.
struct DeviceRecord {
  static constexpr std::size_t kMaxBytes = std::size_t{64} * 1024;
  static constexpr std::size_t kMaxFirmware = 256;

  std::uint64_t base = 0;  // floor = counter - base
  tpm::PcrSet bound;
  sealing::Measured measured = sealing::Measured::kYes;
  std::uint64_t rotation = 0;        // how often the epoch key had to be replaced
  std::vector<tpm::Event> firmware;  // approved events of firmware and loader, in order

  /// @return kTooLarge, kMalformed for anything but FORMAT 5.8
  static Result<DeviceRecord> parse(std::string_view text);
  [[nodiscard]] std::string format() const;
};

}  // namespace pawl::updater
