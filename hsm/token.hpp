#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "hsm/uri.hpp"

namespace pawl::hsm {

enum class PinState : std::uint8_t {
  kNotSet,  // no user PIN yet
  kGood,
  kCountLow,  // a wrong PIN was given since the last good one
  kFinalTry,  // one more wrong PIN locks the token
  kLocked,
  kToBeChanged,
};
[[nodiscard]] std::string_view pin_state_name(PinState state);

/// What a token says about itself, trimmed. Slot numbers change between runs: never store them.
struct Token {
  std::uint64_t slot_id = 0;
  std::string label, manufacturer, model, serial;
  std::string slot_description, slot_manufacturer;
  unsigned firmware_major = 0, firmware_minor = 0;  // YubiHSM: minor * 10 + patch
  PinState pin = PinState::kNotSet;
  std::uint64_t min_pin = 0, max_pin = 0;  // bytes; 0 when unknown
  bool initialised = true;
  bool login_required = true;
  bool protected_path = false;  // the PIN is entered at the token
  bool write_protected = false;
};

/// Largest message our own code hands to any token: no signed part of a repository comes near.
inline constexpr std::size_t kMaxMessage = std::size_t{1} << 20U;

/// Largest message this token signs, known before any login: YubiHSM 3114 bytes, 2026 before
/// firmware 2.4; others kMaxMessage.
[[nodiscard]] std::size_t message_limit(const Token& token);

/// True when every attribute of the URI that names a token or slot is the token's.
[[nodiscard]] bool matches(const Uri& uri, const Token& token);
/// The one token the URI means. @return kHsm when none or several match, naming what is there.
[[nodiscard]] Result<Token> choose_token(const std::vector<Token>& tokens, const Uri& uri);

}  // namespace pawl::hsm
