#include "manifest/attack.hpp"

namespace pawl::manifest {

std::string_view attack_name(Attack attack) {
  switch (attack) {
    case Attack::kArbitrary:
      return "arbitrary";
    case Attack::kRollback:
      return "rollback";
    case Attack::kFreeze:
      return "freeze";
    case Attack::kFastForward:
      return "fast-forward";
    case Attack::kMixAndMatch:
      return "mix-and-match";
    case Attack::kEndless:
      return "endless";
    case Attack::kWrongDevice:
      return "wrong-device";
    case Attack::kNotLogged:
      return "not-logged";
    case Attack::kMalformed:
      return "malformed";
  }
  return "malformed";
}

Error refuse(Attack attack, Errc code, std::string what) {
  auto error = fail(code, std::move(what));
  error.set_attack(attack_name(attack));
  return error;
}

Error classified(Error error) {
  if (!error.attack().empty()) return error;
  if (error.code() == Errc::kMalformed) error.set_attack(attack_name(Attack::kMalformed));
  if (error.code() == Errc::kTooLarge) error.set_attack(attack_name(Attack::kEndless));
  return error;
}

}  // namespace pawl::manifest
