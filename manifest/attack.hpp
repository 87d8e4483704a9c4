#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pawl::manifest {

/// What an attacker would gain if a refused input were accepted (FORMAT 2.9).
enum class Attack : std::uint8_t {
  kArbitrary,    // software nobody authorised
  kRollback,     // older software or metadata than the device has seen
  kFreeze,       // keeps the device from seeing what is new
  kFastForward,  // versions so high that nothing can follow
  kMixAndMatch,  // parts that never belonged together
  kEndless,      // more bytes than announced or allowed
  kWrongDevice,  // made for another product, hardware or place
  kNotLogged,    // not in the transparency log
  kMalformed,    // not in the format at all
};

/// "rollback", "mix-and-match", ...: the word in texts and in JSON.
[[nodiscard]] std::string_view attack_name(Attack attack);

/// An Error that carries its attack class. @param what one clause naming value and limit.
[[gnu::cold]] Error refuse(Attack attack, Errc code, std::string what);

}  // namespace pawl::manifest
