#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pawl::hsm {

/// How well a key is kept, from what the token answers; each level includes the one before.
enum class Custody : std::uint8_t {
  kNone,          // a file, an external program, or a token that would give the key away
  kTokenPrivate,  // private, sensitive, not extractable now
  kTokenBorn,     // made inside, always sensitive, never extractable
  kAttested,      // the vendor's certificate chain says so
};
[[nodiscard]] std::string_view custody_name(Custody custody);
[[nodiscard]] Result<Custody> parse_custody(std::string_view name);

enum class KeyKind : std::uint8_t { kToken, kSoftware, kExternal };
[[nodiscard]] std::string_view key_kind_name(KeyKind kind);

/// What is known about a key's keeping. An attribute the token does not answer is empty and never
/// counts as good. Source: PKCS#11 2.40 section 4.9; FORMAT 10.4.
struct KeyFacts {
  KeyKind kind = KeyKind::kToken;
  std::string label;
  Bytes id;
  std::string token_label, token_serial, token_model;
  std::optional<bool> is_private, sensitive, extractable, local, always_sensitive,
      never_extractable, may_sign;
  bool attested = false;  // set only by check_attestation
};

/// kSoftware and kExternal keys are always kNone, whatever else is set.
[[nodiscard]] Custody custody_of(const KeyFacts& facts);
/// @return kHsm naming the level reached, the level needed and the attributes that are missing.
[[nodiscard]] Status require_custody(const KeyFacts& facts, Custody least);
/// One line for people: `key gw3 (id 0a1b) on token release-1, serial 3f..: token_born`;
/// software keys are named as such.
[[nodiscard]] std::string describe(const KeyFacts& facts);

}  // namespace pawl::hsm
