#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace pawl::hsm {

/// Asks on a terminal without echo. Backspace and Ctrl-U edit, Ctrl-C and Ctrl-D cancel; the
/// terminal's settings are restored on every way out.
/// @return kUsage when there is no terminal or the question was cancelled, kTooLarge over `limit`.
[[nodiscard]] Result<SecretBytes> prompt_secret(const std::string& terminal,
                                                std::string_view question, std::size_t limit);

}  // namespace pawl::hsm
