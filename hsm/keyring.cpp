#include "hsm/keyring.hpp"

namespace pawl::hsm {

Result<Keyring::Found> Keyring::find(const Uri& uri) {
  PAWL_TRY(const auto path, module_path(uri, default_module_));
  PAWL_TRY(auto* module, modules_.get(path));
  PAWL_CHECK(check_library(uri, module->info()));
  PAWL_TRY(const auto tokens, module->tokens());
  PAWL_TRY(auto token, choose_token(tokens, uri));
  return Found{module, std::move(token)};
}

Result<Token> Keyring::token(const Uri& uri) {
  PAWL_TRY(auto found, find(uri));
  return std::move(found.token);
}

Result<Survey> Keyring::survey(const Uri& uri) {
  PAWL_TRY(const auto found, find(uri));
  return hsm::survey(*found.module, found.token, KeyQuery::of(uri));
}

Result<Session*> Keyring::session(const Uri& uri, PinSource& pin) {
  PAWL_TRY(const auto found, find(uri));
  auto& slot = sessions_[{found.module->info().path, found.token.slot_id}];
  if (slot && slot->token().serial == found.token.serial) {
    PAWL_TRY(const bool ready, slot->logged_in());
    if (ready) return slot.get();
  }
  slot.reset();
  PAWL_TRY(auto session, Session::open(*found.module, found.token, Access::kWrite));
  if (uri.pin_source) {
    PAWL_TRY(auto named, PinSource::open(*uri.pin_source));
    PAWL_CHECK(session.login(named, tries_));
  } else {
    PAWL_CHECK(session.login(pin, tries_));
  }
  slot = std::make_unique<Session>(std::move(session));
  return slot.get();
}

Result<std::unique_ptr<Signer>> Keyring::signer(const Uri& uri, PinSource& pin,
                                                const Ed25519PublicKey& pinned) {
  PAWL_TRY(auto* open, session(uri, pin));
  return Pkcs11Signer::open(*open, KeyQuery::of(uri), pinned);
}

}  // namespace pawl::hsm
