#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/envelope.hpp"
#include "manifest/key.hpp"
#include "signer/config.hpp"
#include "signer/key_record.hpp"

namespace pawl::signer {

/// A private key that is ready: its token is logged in.
class SigningKey {
 public:
  SigningKey() = default;
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;
  SigningKey(SigningKey&&) = delete;
  SigningKey& operator=(SigningKey&&) = delete;
  virtual ~SigningKey() = default;
  virtual Result<Ed25519Signature> sign(ByteView message) = 0;
};

/// Where private keys come from: tokens (hsm_keys.hpp), or memory in tests.
class KeyOpener {
 public:
  KeyOpener() = default;
  KeyOpener(const KeyOpener&) = delete;
  KeyOpener& operator=(const KeyOpener&) = delete;
  KeyOpener(KeyOpener&&) = delete;
  KeyOpener& operator=(KeyOpener&&) = delete;
  virtual ~KeyOpener() = default;
  /// Largest message the key's token signs, bytes; found without a PIN.
  virtual Result<std::size_t> message_limit(const KeyRecord& record, const KeyEntry& entry) = 0;
  virtual Result<std::unique_ptr<SigningKey>> open(const KeyRecord& record,
                                                   const KeyEntry& entry) = 0;
};

/// The keys this host can reach, by what signer.toml says. Opens each at its first signature and
/// asks for its PIN once. The opener must outlive it.
class KeyRing {
 public:
  explicit KeyRing(KeyOpener& opener) : opener_(&opener) {}
  /// Reads the record of every key of the configuration. @return kConfig for a missing record
  [[nodiscard]] static Result<KeyRing> load(Disk& disk, const Config& config, KeyOpener& opener);
  void add(KeyRecord record, KeyEntry entry);

  [[nodiscard]] const KeyRecord* find(std::string_view name) const;
  [[nodiscard]] const KeyRecord* find(const manifest::KeyId& id) const;

  /// Which of a role's keys will sign: as many as the threshold asks for, in the order of the
  /// configuration. Opens nothing: call it for every role of a change before the first signature.
  /// @return kIncomplete naming who is at hand and who is missing
  [[nodiscard]] Result<std::vector<manifest::KeyId>> choose(std::string_view role,
                                                            const manifest::RoleKeys& keys) const;
  /// kTooLarge when the key's token cannot sign `size` bytes; asks for no PIN.
  [[nodiscard]] Status check_size(const manifest::KeyId& id, std::string_view role,
                                  std::size_t size);
  /// One signature, checked with libsodium under the recorded public key before it is returned.
  /// @return kHsm, or kBadSignature when the token signed with another key
  [[nodiscard]] Result<manifest::Signature> sign(const manifest::KeyId& id, std::string_view text);

  /// Whether a key of this ring has signed this file, validly.
  [[nodiscard]] bool has_signed(const manifest::UnverifiedEnvelope& file) const;

  /// Labels of software keys that have signed: for the warning every output carries.
  [[nodiscard]] std::vector<std::string> development_signers() const;

 private:
  struct Held {
    KeyRecord record;
    KeyEntry entry;
    std::unique_ptr<SigningKey> open;
  };
  Held& held(const manifest::KeyId& id);
  KeyOpener* opener_;
  std::vector<Held> held_;
};

/// A key for people: its label when the ring knows it, and the first 8 digits of its id.
[[nodiscard]] std::string key_name(const KeyRing& ring, const manifest::KeyId& id);

}  // namespace pawl::signer
