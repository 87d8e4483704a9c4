#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "hsm/key.hpp"
#include "hsm/module.hpp"

namespace pawl::hsm {

/// How a token writes a public point (FORMAT 10.3.1).
enum class PointForm : std::uint8_t {
  kHidden,  // nothing to be read without the PIN
  kRaw,
  kOctetString,
  kBitString,
  kOther,  // none of the three: keys of this token cannot be used
};
[[nodiscard]] std::string_view point_form_name(PointForm form);

/// What can be found out about a key's module and token without a PIN.
struct Survey {
  ModuleInfo module;
  bool signs_ed25519 = false;
  bool makes_ed25519 = false;
  PointForm point = PointForm::kHidden;
};

/// Opens a session and closes it again; logs in nowhere.
/// @param query  which key's public object to look at
/// @return kHsm with the CKR of the call that failed
[[nodiscard]] Result<Survey> survey(Module& module, const Token& token, const KeyQuery& query);

}  // namespace pawl::hsm
