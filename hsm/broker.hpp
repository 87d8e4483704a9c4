#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/bytes.hpp"
#include "hsm/broker_wire.hpp"
#include "hsm/keyring.hpp"
#include "hsm/pin_source.hpp"
#include "hsm/signer.hpp"

namespace pawl::hsm {

struct BrokerOptions {
  std::string module;  // for URIs without module-path; may be empty
  PinTry tries = PinTry::kSafe;
  std::chrono::milliseconds call_limit{30'000};     // one request to the token
  std::chrono::milliseconds person_limit{600'000};  // the first one, when a person enters the PIN
};

/// A child process of its own for vendors' modules: one that hangs is killed when its time is up,
/// one that crashes is a clean error, and the PIN is read, used and wiped there. The child dumps no
/// core, cannot be traced, gains no privileges and ends with its parent.
///
/// Start before any thread and before any module is loaded. Outlives its signers. After kTimeout or
/// a crash the broker is spent; start another one.
class Broker {
 public:
  /// @param pin  for URIs without `pin-source`; goes into the child, nothing of it stays here
  static Result<std::unique_ptr<Broker>> start(BrokerOptions options, PinSource pin);
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  Broker(Broker&&) = delete;
  Broker& operator=(Broker&&) = delete;
  ~Broker();  // asks the child to end, then kills it

  /// As Keyring::token: no PIN is asked.
  [[nodiscard]] Result<Token> token(const Uri& uri);
  /// As Keyring::survey: no PIN is asked.
  [[nodiscard]] Result<Survey> survey(const Uri& uri);
  [[nodiscard]] Result<std::vector<wire::KeyReport>> list(const Uri& uri);
  /// As find_key: the one key of the URI's `object` and `id`.
  [[nodiscard]] Result<wire::KeyReport> find(const Uri& uri);
  /// As generate_key, under the URI's `object` and `id`.
  [[nodiscard]] Result<wire::KeyReport> generate(const Uri& uri);
  /// Its signatures are verified here, in this process. @return as Pkcs11Signer::open, and
  /// kTimeout; kHsm when the module crashed.
  [[nodiscard]] Result<std::unique_ptr<Signer>> signer(const Uri& uri,
                                                       const Ed25519PublicKey& pinned);
  /// The child, while it lives; -1 after.
  [[nodiscard]] pid_t process() const { return child_; }

 private:
  friend class BrokerSigner;
  Broker(BrokerOptions options, bool person, int socket, pid_t child);
  Result<Bytes> ask(wire::Op op, ByteView request);
  Error lost(Error error, wire::Op op);
  std::string end_child(std::chrono::milliseconds grace) noexcept;
  BrokerOptions options_;
  bool person_;  // the first call that logs in waits for somebody
  int socket_;
  pid_t child_;
};

/// The child's side: serves requests on `socket` until the parent closes it.
void serve_broker(int socket, const BrokerOptions& options, PinSource pin);

}  // namespace pawl::hsm
