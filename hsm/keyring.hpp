#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hsm/signer.hpp"
#include "hsm/survey.hpp"

namespace pawl::hsm {

/// What a program opens tokens with: each module loaded once, each token opened and logged in once
/// however many of its keys sign. Outlives the signers it gives out.
class Keyring {
 public:
  /// @param module  path used for URIs without `module-path`; may be empty
  explicit Keyring(std::string module = {}, PinTry tries = PinTry::kSafe)
      : default_module_(std::move(module)), tries_(tries) {}
  Keyring(const Keyring&) = delete;
  Keyring& operator=(const Keyring&) = delete;
  Keyring(Keyring&&) = delete;  // sessions must go before modules
  Keyring& operator=(Keyring&&) = delete;
  ~Keyring() = default;

  /// The token of a URI, without a session and without a PIN: for message limits and questions.
  [[nodiscard]] Result<Token> token(const Uri& uri);
  /// Module, mechanisms and form of the public point, without a PIN.
  [[nodiscard]] Result<Survey> survey(const Uri& uri);
  /// A session on the URI's token, logged in. A `pin-source` in the URI wins over `pin`; one PIN is
  /// read per token. @return errors of Module::load, choose_token and Session::login
  [[nodiscard]] Result<Session*> session(const Uri& uri, PinSource& pin);
  /// A signer for the URI's key under a pinned public key.
  [[nodiscard]] Result<std::unique_ptr<Signer>> signer(const Uri& uri, PinSource& pin,
                                                       const Ed25519PublicKey& pinned);
  [[nodiscard]] Modules& modules() { return modules_; }

 private:
  struct Found {
    Module* module;
    Token token;
  };
  Result<Found> find(const Uri& uri);
  std::string default_module_;
  PinTry tries_;
  Modules modules_;
  // by module path and slot; pointers stay valid while the ring lives
  std::map<std::pair<std::string, std::uint64_t>, std::unique_ptr<Session>> sessions_;
};

}  // namespace pawl::hsm
