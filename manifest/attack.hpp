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

/// Gives an error of a parser its class: malformed for what is not in the format, endless for what
/// is over its limit. An error that has one, and every other error, stays as it is.
[[gnu::cold]] Error classified(Error error);
template <class T>
Result<T> classified(Result<T> result) {
  if (result) return result;
  return classified(std::move(result).error());
}

}  // namespace pawl::manifest
