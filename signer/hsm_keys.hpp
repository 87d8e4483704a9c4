#pragma once
#include <map>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "hsm/keyring.hpp"
#include "signer/config.hpp"
#include "signer/key_ring.hpp"

namespace pawl::signer {

/// Keys on PKCS#11 tokens and, for development, in files. Each token is logged in once; PINs from
/// the environment are taken before any module is loaded.
class HsmKeys final : public KeyOpener {
 public:
  /// @param log  receives the warning of a PIN source that is not safe
  HsmKeys(const Config& config, Log& log);

  Result<std::size_t> message_limit(const KeyRecord& record) override;
  Result<std::unique_ptr<SigningKey>> open(const KeyRecord& record, const KeyEntry& entry) override;

  /// Makes an Ed25519 key in the token of `uri` and describes it. @return kHsm, kUsage
  [[nodiscard]] Result<KeyRecord> generate(const std::string& label, const std::string& uri,
                                           const std::string& pin);
  /// Describes a key that is in the token already.
  [[nodiscard]] Result<KeyRecord> describe(const std::string& label, const std::string& uri,
                                           const std::string& pin);
  [[nodiscard]] hsm::Keyring& keyring() { return keyring_; }

 private:
  Result<hsm::PinSource*> pin(const std::string& source);
  Result<hsm::Session*> session(const hsm::Uri& uri, const std::string& source);
  hsm::Keyring keyring_;
  Log& log_;
  std::map<std::string, hsm::PinSource> pins_;  // by source text: a PIN is asked for once
};

/// Makes a software key in a new file: development only.
[[nodiscard]] Result<KeyRecord> make_software_key(Disk& disk, const std::string& label,
                                                  const std::string& file);

}  // namespace pawl::signer
