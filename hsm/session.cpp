#include "hsm/session.hpp"

#include <utility>

#include <p11-kit/pkcs11.h>
#include <unistd.h>

namespace pawl::hsm {
namespace {

Error refused(const Token& token, const std::string& why) {
  return fail(Errc::kHsm, "token " + printable(token.label) + ": " + why);
}

/// Whether a try may be spent at all.
Status check_pin_state(const Token& token, PinTry tries) {
  switch (token.pin) {
    case PinState::kGood:
      return Ok{};
    case PinState::kNotSet:
      return refused(token, "no user PIN is set").with_hint("set the token's user PIN first");
    case PinState::kLocked:
      return refused(token, "the PIN is locked").with_hint(std::string(ckr_hint(CKR_PIN_LOCKED)));
    case PinState::kToBeChanged:
      return refused(token, "the PIN must be changed first")
          .with_hint("set a new PIN with the vendor's tool");
    case PinState::kCountLow:
    case PinState::kFinalTry:
      if (tries == PinTry::kForced) return Ok{};
      return refused(token, token.pin == PinState::kFinalTry
                                ? "one more wrong PIN locks it; no try made"
                                : "a wrong PIN was given before; no try made")
          .with_hint("make sure of the PIN, then force the try at a terminal");
  }
  return refused(token, "unknown PIN state");
}

/// A length the token cannot accept would only spend a try. The length itself is not told.
Status check_pin_length(const Token& token, std::size_t size) {
  const bool bounded = token.max_pin >= token.min_pin && token.max_pin > 0;
  if (!bounded || (size >= token.min_pin && size <= token.max_pin)) return Ok{};
  return refused(token, "the PIN is not between " + std::to_string(token.min_pin) + " and " +
                            std::to_string(token.max_pin) + " bytes long; no try made");
}

}  // namespace

Session::Session(Module& module, Token token, unsigned long handle)
    : module_(&module), token_(std::move(token)), handle_(handle), process_(::getpid()) {}

Session::Session(Session&& other) noexcept
    : module_(other.module_),
      token_(std::move(other.token_)),
      handle_(other.handle_),
      process_(other.process_),
      open_(std::exchange(other.open_, false)) {}

Session& Session::operator=(Session&& other) noexcept {
  if (this != &other) {
    close();
    module_ = other.module_;
    token_ = std::move(other.token_);
    handle_ = other.handle_;
    process_ = other.process_;
    open_ = std::exchange(other.open_, false);
  }
  return *this;
}

Session::~Session() {
  close();
}

void Session::close() noexcept {
  if (open_ && process_ == ::getpid()) (void)module_->calls().C_CloseSession(handle_);
  open_ = false;
}

Result<Calls*> Session::calls() const {
  if (process_ != ::getpid()) {
    return fail(Errc::kHsm, "this session was opened by process " + std::to_string(process_) +
                                "; a forked child may not use it");
  }
  return &module_->calls();
}

Result<Session> Session::open(Module& module, const Token& token, Access access) {
  const CK_FLAGS flags =
      access == Access::kWrite ? CKF_SERIAL_SESSION | CKF_RW_SESSION : CKF_SERIAL_SESSION;
  CK_SESSION_HANDLE handle = 0;
  const CK_RV rv = module.calls().C_OpenSession(token.slot_id, flags, nullptr, nullptr, &handle);
  if (rv != CKR_OK) return ckr_error("C_OpenSession", rv);
  return Session(module, token, handle);
}

Result<bool> Session::logged_in() const {
  PAWL_TRY(auto* p11, calls());
  CK_SESSION_INFO info = {};
  const CK_RV rv = p11->C_GetSessionInfo(handle_, &info);
  if (rv != CKR_OK) return ckr_error("C_GetSessionInfo", rv);
  return info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
}

Status Session::login(PinSource& source, PinTry tries) {
  PAWL_TRY(const bool done, logged_in());
  if (done || !token_.login_required) return Ok{};
  PAWL_TRY(const auto now, module_->token_at(token_.slot_id));
  if (now.serial != token_.serial || now.label != token_.label) {
    return refused(now, "it took the place of token " + printable(token_.label) + " meanwhile");
  }
  PAWL_CHECK(check_pin_state(now, tries));
  PAWL_TRY(auto* p11, calls());
  if (source.kind() == PinSource::Kind::kProtectedPath) {
    if (!now.protected_path) return refused(now, "has no key pad of its own");
    const CK_RV rv = p11->C_Login(handle_, CKU_USER, nullptr, 0);
    return rv == CKR_OK ? Status(Ok{}) : Status(ckr_error("C_Login", rv));
  }
  PAWL_TRY(auto pin, source.read("PIN of token " + printable(now.label) + ", serial " +
                                 printable(now.serial)));
  PAWL_CHECK(check_pin_length(now, pin.size()));
  const CK_RV rv = p11->C_Login(handle_, CKU_USER, pin.mutable_span().data(), pin.size());
  if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) return ckr_error("C_Login", rv);
  return Ok{};
}

}  // namespace pawl::hsm
