#include "hsm/token.hpp"

#include <algorithm>

namespace pawl::hsm {
namespace {

constexpr std::size_t kYubiHsmLimit = 3114;     // measured with Yubico's module, firmware 2.4 on
constexpr std::size_t kOldYubiHsmLimit = 2026;  // before

bool agrees(const std::optional<std::string>& wanted, const std::string& found) {
  return !wanted || *wanted == found;
}

std::string describe(const std::vector<const Token*>& tokens) {
  std::string out;
  for (const auto* t : tokens) {
    if (!out.empty()) out += ", ";
    out += printable(t->label) + " (serial " + printable(t->serial) + ")";
  }
  return out;
}

}  // namespace

std::string_view pin_state_name(PinState state) {
  switch (state) {
    case PinState::kNotSet:
      return "not_set";
    case PinState::kGood:
      return "good";
    case PinState::kCountLow:
      return "count_low";
    case PinState::kFinalTry:
      return "final_try";
    case PinState::kLocked:
      return "locked";
    case PinState::kToBeChanged:
      return "to_be_changed";
  }
  return "unknown";
}

std::size_t message_limit(const Token& token) {
  if (token.model != "YubiHSM") return kMaxMessage;
  const bool old = token.firmware_major < 2 ||
                   (token.firmware_major == 2 && token.firmware_minor < 40);  // 2.4.0 is 2, 40
  return old ? kOldYubiHsmLimit : kYubiHsmLimit;
}

bool matches(const Uri& uri, const Token& token) {
  return agrees(uri.token, token.label) && agrees(uri.serial, token.serial) &&
         agrees(uri.model, token.model) && agrees(uri.manufacturer, token.manufacturer) &&
         agrees(uri.slot_description, token.slot_description) &&
         agrees(uri.slot_manufacturer, token.slot_manufacturer) &&
         agrees(uri.slot_id, std::to_string(token.slot_id));
}

Result<Token> choose_token(const std::vector<Token>& tokens, const Uri& uri) {
  std::vector<const Token*> all;
  std::vector<const Token*> found;
  for (const auto& t : tokens) {
    all.push_back(&t);
    if (matches(uri, t)) found.push_back(&t);
  }
  if (found.size() == 1) return *found.front();
  if (found.size() > 1) {
    return fail(Errc::kHsm, std::to_string(found.size()) + " tokens match: " + describe(found))
        .with_hint("add serial=... to the PKCS#11 URI");
  }
  if (all.empty()) {
    return fail(Errc::kHsm, "the module shows no token")
        .with_hint("plug the token in; for SoftHSM check SOFTHSM2_CONF");
  }
  return fail(Errc::kHsm, "no token matches; present: " + describe(all))
      .with_hint("check token= and serial= in the PKCS#11 URI");
}

}  // namespace pawl::hsm
