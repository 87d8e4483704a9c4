#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pawl::hsm {

/// A PKCS#11 URI, `pkcs11:token=release;object=gw3?module-path=/usr/lib/softhsm/libsofthsm2.so`.
///
/// Stricter than RFC 7512: every attribute at most once, known names only, no empty values,
/// percent-encoding exact, at most 2048 bytes. `pin-value` and commands in `pin-source` are
/// refused: a PIN never stands in a command line. Source: RFC 7512 section 2.3; FORMAT 10.1.
struct Uri {
  /// @return kMalformed naming the attribute, kTooLarge, or kUsage for a PIN or command inside.
  static Result<Uri> parse(std::string_view text);
  /// Begins with `pkcs11:`; says nothing about the rest.
  [[nodiscard]] static bool is_uri(std::string_view text);
  /// Canonical text: fixed order, reserved characters and all of `id` percent-encoded; parsing it
  /// gives an equal Uri. Holds no secret.
  [[nodiscard]] std::string text() const;

  std::optional<std::string> token, manufacturer, serial, model;         // of the token
  std::optional<std::string> library_manufacturer, library_description;  // of the module
  std::optional<std::string> library_version;                            // "2" or "2.6"
  std::optional<std::string> slot_manufacturer, slot_description;        // of the slot
  std::optional<std::string> slot_id;                                    // decimal
  std::optional<std::string> object;                                     // CKA_LABEL
  std::optional<std::string> id;                                         // CKA_ID, any bytes
  std::optional<std::string> type;                                       // "private", "public" ...
  std::optional<std::string> module_path;                                // absolute
  std::optional<std::string> pin_source;                                 // see PinSource
  friend bool operator==(const Uri&, const Uri&) = default;
};

}  // namespace pawl::hsm
