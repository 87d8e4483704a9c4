#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.hpp"
#include "base/time.hpp"
#include "updater/journal.hpp"

namespace pawl::updater {

/// How far an update has come, in the words of the API (FORMAT 12).
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
[[nodiscard]] std::string_view step_name(Step step);
/// Steps that end an update; they are never dropped.
[[nodiscard]] constexpr bool is_final(Step step) {
  return step >= Step::kCommitted;
}

/// One thing the server is to know.
struct StatusRecord {
  std::uint64_t seq = 0;
  ReleaseCounter release_counter{0};  // 0 when the manifest was never verified
  Sha256Digest manifest;
  Step step = Step::kOffered;
  int code = 0;  // Errc of kFailed, else 0
  std::string boot_id;
  UtcTime time{};
  std::string detail;  // of clip_reason
  friend bool operator==(const StatusRecord&, const StatusRecord&) = default;
};

/// When and in which boot something was seen.
struct Moment {
  UtcTime time{};
  std::string boot_id;
};

/// The update the spool is following.
struct Followed {
  ReleaseCounter release_counter{0};
  Sha256Digest manifest;
  std::optional<Step> reported;  // the last step of it that was recorded
  friend bool operator==(const Followed&, const Followed&) = default;
};

/// Status records that no server has acknowledged yet (FORMAT 5.10). Follows the journal: a step
/// that a power cut kept from being recorded is recorded when the journal is seen again.
struct Spool {
  static constexpr std::size_t kMaxBytes = std::size_t{192} * 1024;
  static constexpr std::size_t kProgressRoom = 64;  // records from which progress is dropped
  static constexpr std::size_t kMostRecords = 256;
  static constexpr std::size_t kBatch = 64;  // of one POST /v1/status

  std::uint64_t next = 1;  // number of the next record
  std::vector<StatusRecord> records;
  std::optional<Followed> followed;

  /// An empty spool whose numbers begin above those of a lost one.
  static Spool starting_at(UtcTime now);
  static Result<Spool> parse(std::string_view text);
  [[nodiscard]] std::string format() const;

  /// Records what is new in the journal.
  void observe(const Record& record, const Moment& now);
  /// Records that a release could not be installed; the same failure twice in a row is one.
  void failed(const Followed& release, const Error& why, const Moment& now);
  /// The server has everything up to `seq`. A number above all of ours is of an earlier life of
  /// this device: what is left is numbered anew above it.
  void acknowledge(std::uint64_t seq);
  /// Body of POST /v1/status with the oldest records.
  [[nodiscard]] std::string batch() const;
  friend bool operator==(const Spool&, const Spool&) = default;

 private:
  void add(const Followed& release, Step step, const Moment& now, int code,
           std::string_view detail);
  void push(StatusRecord record);
};

/// The answer to POST /v1/status. @return kMalformed, kTooLarge
[[nodiscard]] Result<std::uint64_t> parse_acknowledged(std::string_view text);

/// The spool's file, replaced as a whole.
class SpoolFile {
 public:
  SpoolFile(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  /// Absent or damaged: an empty one that starts at `now`.
  [[nodiscard]] Result<Spool> load(UtcTime now);
  [[nodiscard]] Status save(const Spool& spool);

 private:
  Disk& disk_;
  std::string path_;
};

}  // namespace pawl::updater
