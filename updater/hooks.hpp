#pragma once
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/time.hpp"
#include "updater/engine.hpp"

namespace pawl::updater {

/// When the programs of an image are asked or told (FORMAT 5.15).
enum class HookPoint : std::uint8_t {
  kPreInstall,    // before the first byte of the slot changes; may refuse
  kPostInstall,   // every byte reads back, nothing is armed yet; may refuse
  kPreReboot,     // before the restart into a trial or out of one; may put it off
  kPostCommit,    // the release is kept; told at least once
  kPostRollback,  // it was reverted or given up; told at least once
};
[[nodiscard]] std::string_view hook_name(HookPoint point);  // "pre-install"

/// What a hook is told.
struct HookFacts {
  Slot slot = Slot::kA;  // of the release
  std::string version;
  std::string reason;  // why it was reverted; empty otherwise
};

class Hooks {
 public:
  virtual ~Hooks() = default;
  /// Runs every hook of `point`. The first that does not answer with 0 ends it.
  /// @return how many there are; kBusy when one refused, kTimeout when it hung, kIo when it crashed
  ///         or did not start
  virtual Result<std::size_t> run(HookPoint point, const HookFacts& facts) = 0;
};

/// Every executable of DIRECTORY/POINT, by name, one after the other. An absent folder has none.
class HookDirectory final : public Hooks {
 public:
  HookDirectory(std::string directory, Seconds timeout, Log& log)
      : directory_(std::move(directory)), timeout_(timeout), log_(log) {}
  Result<std::size_t> run(HookPoint point, const HookFacts& facts) override;

 private:
  std::string directory_;
  Seconds timeout_;
  Log& log_;
};

/// The outcome that post-commit or post-rollback was told last (FORMAT 5.15.4): a power cut makes
/// a hook run again, never not at all.
class ToldFile {
 public:
  static constexpr std::size_t kMaxBytes = 512;
  ToldFile(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  /// An update under way forgets the one before it. Call before the journal can become idle.
  [[nodiscard]] Status forget_if_under_way(const Record& record);
  /// Whether somebody has yet to be told how the last update ended.
  [[nodiscard]] Result<bool> due(const Record& record);
  [[nodiscard]] Status told(const Outcome& outcome);

 private:
  Disk& disk_;
  std::string path_;
};

}  // namespace pawl::updater
