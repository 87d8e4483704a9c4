#pragma once
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pawl::updater {

/// Names of the records; each is authenticated under its own (FORMAT 8.4.2).
inline constexpr std::string_view kJournalRecord = "journal";
inline constexpr std::string_view kFloorsRecord = "floors";
inline constexpr std::string_view kDeviceRecord = "device";

/// Stands between a record and its file: with a TPM, nothing that another wrote is believed.
class RecordGuard {
 public:
  virtual ~RecordGuard() = default;
  /// What to write for `record`.
  virtual Result<Bytes> protect(std::string_view name, ByteView record) = 0;
  /// The record in `file`, which may be absent.
  /// @return kTpm (kTampered) when this device did not write it, or it must not be absent;
  ///         kRollback when it is an older one
  virtual Result<std::optional<Bytes>> accept(std::string_view name, std::optional<Bytes> file) = 0;
};

/// A device without TPM: records are as they lie there.
class PlainRecords final : public RecordGuard {
 public:
  Result<Bytes> protect(std::string_view, ByteView record) override {
    return Bytes(record.begin(), record.end());
  }
  Result<std::optional<Bytes>> accept(std::string_view, std::optional<Bytes> file) override {
    return file;
  }
};

}  // namespace pawl::updater
