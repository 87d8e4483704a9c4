#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/strong.hpp"
#include "bootloader-hooks/slot.hpp"

namespace pawl::boot {

/// How many boots a trial slot gets before the loader returns to the primary; 1 to 9.
using Tries = Strong<struct TriesTag, unsigned>;
inline constexpr Tries kMaxTries{9};

enum class SlotCondition : std::uint8_t {
  kGood,   // may be started at any time
  kTrial,  // is started until its tries are used up, then never again
  kBad,    // must not be started; its bytes are trusted by nobody
};

struct SlotState {
  SlotCondition condition = SlotCondition::kGood;
  Tries tries_left{0};  // of a trial; 0 means that the loader has given up on it
  friend bool operator==(const SlotState&, const SlotState&) = default;
};
[[nodiscard]] std::string_view condition_name(SlotCondition condition);  // "good", "trial", "bad"

/// What a boot loader can do; shown by `status`.
struct Capabilities {
  std::string_view backend;
  bool counts_tries;  // false: one trial boot, a hang needs a watchdog
  bool redundant;     // a torn store leaves the previous state readable
};

/// What the updater asks of a boot loader. Every transition is one atomic store, so that a power
/// cut leaves the state before or after it, and every transition may be repeated. Only a trial
/// slot is counted: a committed slot is never left because power was lost during its boots.
/// Source: FORMAT 6; docs/decisions on mark_good.
class BootControl {
 public:
  virtual ~BootControl() = default;
  /// The slot that is running. kBootloader when the loader did not say.
  virtual Result<Slot> current() = 0;
  /// Names this boot; differs after every restart.
  virtual Result<std::string> boot_id() = 0;
  /// The slot that is started when none is on trial.
  virtual Result<Slot> primary() = 0;
  virtual Result<SlotState> state(Slot slot) = 0;
  /// Starts `slot` for at most `tries` boots, then the primary again. Tries and mark are one
  /// store. kBootloader for the primary slot itself, kUsage outside 1..kMaxTries.
  virtual Status try_once(Slot slot, Tries tries) = 0;
  /// Makes `slot` the primary, good, and ends any trial.
  virtual Status commit(Slot slot) = 0;
  /// `slot` is not started any more; ends its trial. kBootloader for the primary.
  virtual Status mark_bad(Slot slot) = 0;
  /// `slot` holds a whole image and is not on trial; the primary stays.
  virtual Status mark_good(Slot slot) = 0;
  /// Where the loader wants the boot artefact of `slot` right now; empty when the configured path
  /// is used.
  virtual Result<std::optional<std::string>> boot_file(Slot slot) = 0;
  [[nodiscard]] virtual Capabilities capabilities() const = 0;
};

}  // namespace pawl::boot
