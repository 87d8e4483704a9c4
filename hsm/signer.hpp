#pragma once
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "hsm/key.hpp"
#include "hsm/key_facts.hpp"

namespace pawl::hsm {

/// Signs the canonical bytes of a TUF `signed` part with one Ed25519 key.
///
/// Whatever holds the key, `sign` refuses what is over the limit before the key is touched, and
/// gives out a signature only after libsodium verified it under the pinned public key.
class Signer {
 public:
  virtual ~Signer() = default;
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  Signer(Signer&&) = delete;
  Signer& operator=(Signer&&) = delete;

  /// The key that is pinned: every signature given out verifies under it.
  [[nodiscard]] const Ed25519PublicKey& public_key() const { return pinned_; }
  /// How the key is kept, as the token said when it was opened.
  [[nodiscard]] const KeyFacts& facts() const { return facts_; }
  /// Largest message in bytes.
  [[nodiscard]] std::size_t message_limit() const { return limit_; }
  /// @return kUsage for no bytes at all, kTooLarge naming size and limit, kHsm with the CKR,
  /// kBadSignature when the signature is not one of the pinned key; kTimeout where the key's holder
  /// has a deadline.
  [[nodiscard]] Result<Ed25519Signature> sign(ByteView signed_bytes);

 protected:
  Signer(const Ed25519PublicKey& pinned, KeyFacts facts, std::size_t limit)
      : pinned_(pinned), facts_(std::move(facts)), limit_(limit) {}

 private:
  virtual Result<Ed25519Signature> make_signature(ByteView message) = 0;
  Ed25519PublicKey pinned_;
  KeyFacts facts_;
  std::size_t limit_;
};

/// kTooLarge with advice when a signed part of `size` bytes is over `limit`; ask before the PIN.
[[nodiscard]] Status check_message_size(std::size_t size, std::size_t limit);

/// kHsm when the token says that the key may not sign.
[[nodiscard]] Status check_usable(const KeyFacts& facts);
/// kHsm naming both when the key found is not the one the repository expects.
[[nodiscard]] Status check_pinned(const KeyFacts& facts, const Ed25519PublicKey& found,
                                  const Ed25519PublicKey& pinned);

/// A key on a PKCS#11 token. The session must be logged in and outlive this object.
class Pkcs11Signer final : public Signer {
 public:
  /// @param pinned  the public key the repository names for this signer
  /// @return kHsm when the key is absent, may not sign, or is not the pinned one.
  static Result<std::unique_ptr<Signer>> open(Session& session, const KeyQuery& query,
                                              const Ed25519PublicKey& pinned);
  /// Pins what the token shows: for a key that no repository names yet. The first signature
  /// proves it.
  static Result<std::unique_ptr<Signer>> open_unpinned(Session& session, const KeyQuery& query);

 private:
  Pkcs11Signer(Session& session, TokenKey key);
  Result<Ed25519Signature> make_signature(ByteView message) override;
  Session* session_;
  unsigned long object_;
};

}  // namespace pawl::hsm
