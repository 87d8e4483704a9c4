#include "signer/hsm_keys.hpp"

#include "hsm/key.hpp"
#include "hsm/soft_signer.hpp"

namespace pawl::signer {
namespace {

/// A key of the hsm room as the ring wants it.
class HsmSigningKey final : public SigningKey {
 public:
  explicit HsmSigningKey(std::unique_ptr<hsm::Signer> signer) : signer_(std::move(signer)) {}
  Result<Ed25519Signature> sign(ByteView message) override { return signer_->sign(message); }

 private:
  std::unique_ptr<hsm::Signer> signer_;
};

std::string software_path(const std::string& uri) {
  return uri.substr(kSoftwareScheme.size());
}

KeyRecord record_of(const std::string& label, hsm::Uri uri, const hsm::TokenKey& key) {
  uri.object = key.facts.label;
  uri.id = std::string(as_text(key.facts.id));
  uri.pin_source.reset();  // the record is public; where the PIN lies is this host's business
  KeyRecord record;
  record.label = label;
  record.public_key = key.public_key;
  record.uri = uri.text();
  record.custody = hsm::custody_name(hsm::custody_of(key.facts));
  return record;
}

}  // namespace

HsmKeys::HsmKeys(const Config& config, Log& log) : keyring_(config.module), log_(log) {
  for (const auto& key : config.keys) {
    // a variable that is not set is an error only when its key is used
    if (key.pin.starts_with("env:")) (void)static_cast<bool>(pin(key.pin));
  }
}

Result<hsm::PinSource*> HsmKeys::pin(const std::string& source) {
  if (const auto known = pins_.find(source); known != pins_.end()) return &known->second;
  PAWL_TRY(auto opened, hsm::PinSource::open(source));
  const auto warning = opened.warning();
  if (!warning.empty()) log_.write(LogLevel::kWarning, "pin-source", {{"why", warning}});
  return &pins_.emplace(source, std::move(opened)).first->second;
}

Result<hsm::Session*> HsmKeys::session(const hsm::Uri& uri, const std::string& source) {
  PAWL_TRY(auto* secret, pin(source));
  return keyring_.session(uri, *secret);
}

Result<std::size_t> HsmKeys::message_limit(const KeyRecord& record) {
  if (record.is_development()) return hsm::kMaxMessage;
  PAWL_TRY(const auto uri, hsm::Uri::parse(record.uri));
  PAWL_TRY(const auto token, keyring_.token(uri));
  return hsm::message_limit(token);
}

Result<std::unique_ptr<SigningKey>> HsmKeys::open(const KeyRecord& record, const KeyEntry& entry) {
  if (record.is_development()) {
    PAWL_TRY(auto signer, hsm::SoftSigner::load(software_path(record.uri)));
    return std::unique_ptr<SigningKey>(std::make_unique<HsmSigningKey>(std::move(signer)));
  }
  PAWL_TRY(const auto uri, hsm::Uri::parse(record.uri));
  PAWL_TRY(auto* secret, pin(entry.pin));
  PAWL_TRY(auto signer, keyring_.signer(uri, *secret, record.public_key));
  return std::unique_ptr<SigningKey>(std::make_unique<HsmSigningKey>(std::move(signer)));
}

Result<KeyRecord> HsmKeys::generate(const std::string& label, const std::string& uri,
                                    const std::string& pin) {
  PAWL_TRY(auto where, hsm::Uri::parse(uri));
  if (!where.object) where.object = label;
  PAWL_TRY(auto* open, session(where, pin));
  PAWL_TRY(const auto key, hsm::generate_key(*open, hsm::KeyQuery::of(where)));
  return record_of(label, std::move(where), key);
}

Result<KeyRecord> HsmKeys::describe(const std::string& label, const std::string& uri,
                                    const std::string& pin) {
  PAWL_TRY(auto where, hsm::Uri::parse(uri));
  PAWL_TRY(auto* open, session(where, pin));
  PAWL_TRY(const auto key, hsm::find_key(*open, hsm::KeyQuery::of(where)));
  return record_of(label, std::move(where), key);
}

Result<KeyRecord> make_software_key(Disk& disk, const std::string& label, const std::string& file) {
  PAWL_TRY(const auto signer, hsm::SoftSigner::create(disk, file));
  KeyRecord record;
  record.label = label;
  record.public_key = signer->public_key();
  record.uri = std::string(kSoftwareScheme) + file;
  record.custody = hsm::custody_name(hsm::custody_of(signer->facts()));
  return record;
}

}  // namespace pawl::signer
