#pragma once
#include <map>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "hsm/broker.hpp"
#include "signer/config.hpp"
#include "signer/key_ring.hpp"

namespace pawl::signer {

/// Keys on PKCS#11 tokens, in external programs and, for development, in files. No vendor's module
/// is ever loaded into this process: each PIN source has a broker of its own, which loads modules,
/// reads the PIN, and logs in once for each token. PINs from the environment are taken at once.
class HsmKeys final : public KeyOpener {
 public:
  /// @param log  receives the warning of a PIN source that is not safe
  HsmKeys(const Config& config, Log& log);

  Result<std::size_t> message_limit(const KeyRecord& record, const KeyEntry& entry) override;
  Result<std::unique_ptr<SigningKey>> open(const KeyRecord& record, const KeyEntry& entry) override;

  /// Makes an Ed25519 key in the token of `uri` and describes it. @return kHsm, kUsage
  [[nodiscard]] Result<KeyRecord> generate(const std::string& label, const std::string& uri,
                                           const std::string& pin);
  /// Describes a key that is in the token already.
  [[nodiscard]] Result<KeyRecord> describe(const std::string& label, const std::string& uri,
                                           const std::string& pin);
  /// Describes a key that an external program signs for, after it has signed once.
  /// @return kBadSignature when the program does not sign with this key
  [[nodiscard]] Result<KeyRecord> describe_command(const KeyEntry& entry,
                                                   const Ed25519PublicKey& key);
  /// The token of a key; no PIN is asked for.
  [[nodiscard]] Result<hsm::Token> token(const KeyRecord& record, const KeyEntry& entry);
  /// Its module, mechanisms and form of the public point; no PIN is asked for.
  [[nodiscard]] Result<hsm::Survey> survey(const KeyRecord& record, const KeyEntry& entry);

 private:
  Result<hsm::PinSource*> pin(const std::string& source);
  Result<hsm::Broker*> broker(const std::string& source);
  hsm::BrokerOptions options_;
  Log& log_;
  std::map<std::string, hsm::PinSource> pins_;  // taken from the environment, not used yet
  std::map<std::string, std::unique_ptr<hsm::Broker>> brokers_;  // by source: a PIN is asked once
};

/// Makes a software key in a new file: development only.
[[nodiscard]] Result<KeyRecord> make_software_key(Disk& disk, const std::string& label,
                                                  const std::string& file);

}  // namespace pawl::signer
