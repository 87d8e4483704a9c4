#include "base/result.hpp"

namespace pawl {

struct Error::Body {
  Errc code;
  std::string what;
  std::string hint;
  std::int64_t raw;
  std::string attack;
  std::vector<Figure> seen;
  std::vector<Figure> trusted;
};

Error::Error(Errc code, std::string what, std::int64_t raw)
    : body_(new Body{code, std::move(what), {}, raw, {}, {}, {}}) {}
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

Errc Error::code() const {
  return body_->code;
}
const std::string& Error::what() const {
  return body_->what;
}
const std::string& Error::hint() const {
  return body_->hint;
}
std::int64_t Error::raw() const {
  return body_->raw;
}
void Error::prefix(std::string_view where) {
  body_->what.insert(0, std::string(where) + ": ");
}
const std::string& Error::attack() const {
  return body_->attack;
}
void Error::set_attack(std::string_view attack) {
  body_->attack = attack;
}
const std::vector<Figure>& Error::seen() const {
  return body_->seen;
}
const std::vector<Figure>& Error::trusted() const {
  return body_->trusted;
}
Error Error::with_seen(std::string_view name, std::uint64_t value) && {
  body_->seen.push_back({std::string(name), value});
  return std::move(*this);
}
Error Error::with_trusted(std::string_view name, std::uint64_t value) && {
  body_->trusted.push_back({std::string(name), value});
  return std::move(*this);
}
Error Error::with_hint(std::string hint) && {
  if (body_->hint.empty()) body_->hint = std::move(hint);
  return std::move(*this);
}

Error fail(Errc code, std::string what, std::int64_t raw) {
  return {code, std::move(what), raw};
}

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::kUsage:
      return "usage";
    case Errc::kIncomplete:
      return "incomplete";
    case Errc::kMalformed:
      return "malformed";
    case Errc::kTooLarge:
      return "too_large";
    case Errc::kBadSignature:
      return "bad_signature";
    case Errc::kExpired:
      return "expired";
    case Errc::kRollback:
      return "rollback";
    case Errc::kHashMismatch:
      return "hash_mismatch";
    case Errc::kNotForDevice:
      return "not_for_device";
    case Errc::kLedger:
      return "ledger";
    case Errc::kPeer:
      return "peer";
    case Errc::kTransport:
      return "transport";
    case Errc::kOffline:
      return "offline";
    case Errc::kRefusedByServer:
      return "refused_by_server";
    case Errc::kConfig:
      return "config";
    case Errc::kIo:
      return "io";
    case Errc::kNoSpace:
      return "no_space";
    case Errc::kTpm:
      return "tpm";
    case Errc::kHsm:
      return "hsm";
    case Errc::kBootloader:
      return "bootloader";
    case Errc::kVault:
      return "vault";
    case Errc::kBusy:
      return "busy";
    case Errc::kTimeout:
      return "timeout";
    case Errc::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace pawl
