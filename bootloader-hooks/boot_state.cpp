#include "bootloader-hooks/boot_state.hpp"

#include "base/bytes.hpp"

namespace pawl::boot {
namespace {

/// Takes `name=value` off the front of `text`; the value ends at a blank or at the end.
Result<std::string_view> take_field(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name) || !text.substr(name.size()).starts_with('=')) {
    return fail(Errc::kMalformed, "boot state: expected " + std::string(name) + "=");
  }
  text.remove_prefix(name.size() + 1);
  const auto value = text.substr(0, text.find(' '));
  text.remove_prefix(value.size());
  if (text.size() > 1) text.remove_prefix(1);  // one blank; a blank at the end stays and is refused
  return value;
}

Result<std::optional<Slot>> parse_trial(std::string_view text) {
  if (text == "-") return std::optional<Slot>();
  PAWL_TRY(const auto slot, parse_slot(text));
  return std::optional(slot);
}

Result<Tries> parse_tries(std::string_view text) {
  if (text.size() != 1 || text[0] < '0' || text[0] > '9') {
    return fail(Errc::kMalformed, "boot state: tries must be 0 to 9, not " + printable(text));
  }
  return Tries(static_cast<unsigned>(text[0] - '0'));
}

Status parse_bad(std::string_view text, BootState& into) {
  into.bad_a = text == "a" || text == "ab";
  into.bad_b = text == "b" || text == "ab";
  if (into.bad_a || into.bad_b || text == "-") return Ok{};
  return fail(Errc::kMalformed, "boot state: bad must be -, a, b or ab, not " + printable(text));
}

Status check_consistent(const BootState& state) {
  if (state.is_bad(state.primary)) {
    return fail(Errc::kMalformed, "boot state: the primary slot is marked bad");
  }
  if (!state.trial && state.tries != Tries(0)) {
    return fail(Errc::kMalformed, "boot state: tries without a trial slot");
  }
  if (state.trial && *state.trial == state.primary) {
    return fail(Errc::kMalformed, "boot state: the primary slot is on trial");
  }
  if (state.trial && state.is_bad(*state.trial)) {
    return fail(Errc::kMalformed, "boot state: the trial slot is marked bad");
  }
  return Ok{};
}

void set_bad(BootState& state, Slot slot, std::string_view mark) {
  (slot == Slot::kA ? state.bad_a : state.bad_b) = mark == "bad";
}

void end_trial(BootState& state) {
  state.trial.reset();
  state.tries = Tries(0);
}

}  // namespace

std::string_view condition_name(SlotCondition condition) {
  switch (condition) {
    case SlotCondition::kGood:
      return "good";
    case SlotCondition::kTrial:
      return "trial";
    case SlotCondition::kBad:
      return "bad";
  }
  std::abort();
}

Result<BootState> BootState::parse(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return fail(Errc::kTooLarge, "boot state has " + std::to_string(text.size()) +
                                     " bytes, the limit is " + std::to_string(kMaxBytes));
  }
  if (!text.ends_with('\n')) return fail(Errc::kMalformed, "boot state: no end of line");
  text.remove_suffix(1);
  BootState out;
  PAWL_TRY(const auto primary, take_field(text, "primary"));
  PAWL_TRY(out.primary, parse_slot(primary));
  PAWL_TRY(const auto trial, take_field(text, "trial"));
  PAWL_TRY(out.trial, parse_trial(trial));
  PAWL_TRY(const auto tries, take_field(text, "tries"));
  PAWL_TRY(out.tries, parse_tries(tries));
  PAWL_TRY(const auto bad, take_field(text, "bad"));
  PAWL_CHECK(parse_bad(bad, out));
  if (!text.empty()) return fail(Errc::kMalformed, "boot state: text after the last field");
  PAWL_CHECK(check_consistent(out));
  return out;
}

std::string BootState::format() const {
  std::string bad = bad_a ? "a" : "";
  if (bad_b) bad += "b";
  return "primary=" + std::string(letter(primary)) +
         " trial=" + std::string(trial ? letter(*trial) : "-") +
         " tries=" + std::to_string(tries.get()) + " bad=" + (bad.empty() ? "-" : bad) + "\n";
}

SlotState BootState::state(Slot slot) const {
  if (trial == slot) return {SlotCondition::kTrial, tries};
  return {is_bad(slot) ? SlotCondition::kBad : SlotCondition::kGood, Tries(0)};
}

Status check_try(Slot slot, Slot primary, Tries tries) {
  if (tries < Tries(1) || tries > kMaxTries) {
    return fail(Errc::kUsage, std::to_string(tries.get()) + " tries: 1 to " +
                                  std::to_string(kMaxTries.get()) + " are possible");
  }
  if (slot != primary) return Ok{};
  return fail(Errc::kBootloader,
              "slot " + std::string(letter(slot)) + " is the primary slot: it needs no trial");
}

Status check_bad(Slot slot, Slot primary) {
  if (slot != primary) return Ok{};
  return fail(Errc::kBootloader, "slot " + std::string(letter(slot)) +
                                     " is the primary slot: it cannot be marked bad");
}

Result<BootState> after_try_once(BootState from, Slot slot, Tries tries) {
  PAWL_CHECK(check_try(slot, from.primary, tries));
  from.trial = slot;
  from.tries = tries;
  set_bad(from, slot, "good");
  return from;
}

BootState after_commit(BootState from, Slot slot) {
  from.primary = slot;
  end_trial(from);
  set_bad(from, slot, "good");
  return from;
}

Result<BootState> after_mark_bad(BootState from, Slot slot) {
  PAWL_CHECK(check_bad(slot, from.primary));
  if (from.trial == slot) end_trial(from);
  set_bad(from, slot, "bad");
  return from;
}

BootState after_mark_good(BootState from, Slot slot) {
  if (from.trial == slot) end_trial(from);
  set_bad(from, slot, "good");
  return from;
}

}  // namespace pawl::boot
