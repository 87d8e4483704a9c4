#include "signer/hsm_keys.hpp"

#include "hsm/command_signer.hpp"
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

KeyRecord record_of(const std::string& label, hsm::Uri uri, const hsm::wire::KeyReport& key) {
  uri.object = key.facts.label;
  uri.id = std::string(as_text(key.facts.id));
  if (!key.facts.token_serial.empty()) uri.serial = key.facts.token_serial;
  uri.pin_source.reset();  // the record is public; where the PIN lies is this host's business
  KeyRecord record;
  record.label = label;
  record.public_key = key.public_key;
  record.uri = uri.text();
  record.custody = hsm::custody_name(hsm::custody_of(key.facts));
  return record;
}

/// What an external program signs to show that it has the key: never the bytes of a role.
constexpr std::string_view kProof = "pawl-signer key new: this is no metadata";

Result<std::unique_ptr<hsm::Signer>> open_command(const KeyEntry& entry,
                                                  const Ed25519PublicKey& key) {
  if (entry.command.empty()) {
    return fail(Errc::kConfig, "an external program signs for this key, and none is named")
        .with_hint("write command = [\"/absolute/path\", ...] into [keys." + entry.name + "]");
  }
  hsm::SigningCommand command;
  command.name = entry.name;
  command.program = entry.command.front();
  command.arguments.assign(entry.command.begin() + 1, entry.command.end());
  command.message_limit = entry.message_limit;
  command.limit = entry.time_limit;
  return hsm::CommandSigner::open(std::move(command), key);
}

}  // namespace

HsmKeys::HsmKeys(const Config& config, Log& log) : log_(log) {
  options_.module = config.module;
  options_.call_limit = config.token_timeout;
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

Result<hsm::Broker*> HsmKeys::broker(const std::string& source) {
  if (const auto known = brokers_.find(source); known != brokers_.end()) {
    return known->second.get();
  }
  PAWL_TRY(auto* const secret, pin(source));
  PAWL_TRY(auto started, hsm::Broker::start(options_, std::move(*secret)));
  pins_.erase(source);
  return brokers_.emplace(source, std::move(started)).first->second.get();
}

Result<hsm::Token> HsmKeys::token(const KeyRecord& record, const KeyEntry& entry) {
  PAWL_TRY(const auto uri, hsm::Uri::parse(record.uri));
  PAWL_TRY(auto* const child, broker(entry.pin));
  return child->token(uri);
}

Result<hsm::Survey> HsmKeys::survey(const KeyRecord& record, const KeyEntry& entry) {
  PAWL_TRY(const auto uri, hsm::Uri::parse(record.uri));
  PAWL_TRY(auto* const child, broker(entry.pin));
  return child->survey(uri);
}

Result<std::size_t> HsmKeys::message_limit(const KeyRecord& record, const KeyEntry& entry) {
  if (record.is_development()) return hsm::kMaxMessage;
  if (record.is_external()) return entry.message_limit;
  PAWL_TRY(const auto found, token(record, entry));
  return hsm::message_limit(found);
}

Result<std::unique_ptr<SigningKey>> HsmKeys::open(const KeyRecord& record, const KeyEntry& entry) {
  std::unique_ptr<hsm::Signer> signer;
  if (record.is_development()) {
    PAWL_TRY(signer, hsm::SoftSigner::load(software_path(record.uri)));
  } else if (record.is_external()) {
    PAWL_TRY(signer, open_command(entry, record.public_key));
  } else {
    PAWL_TRY(const auto uri, hsm::Uri::parse(record.uri));
    PAWL_TRY(auto* const child, broker(entry.pin));
    PAWL_TRY(signer, child->signer(uri, record.public_key));
  }
  return std::unique_ptr<SigningKey>(std::make_unique<HsmSigningKey>(std::move(signer)));
}

Result<KeyRecord> HsmKeys::generate(const std::string& label, const std::string& uri,
                                    const std::string& pin) {
  PAWL_TRY(auto where, hsm::Uri::parse(uri));
  if (!where.object) where.object = label;
  PAWL_TRY(auto* const child, broker(pin));
  PAWL_TRY(const auto key, child->generate(where));
  return record_of(label, std::move(where), key);
}

Result<KeyRecord> HsmKeys::describe(const std::string& label, const std::string& uri,
                                    const std::string& pin) {
  PAWL_TRY(auto where, hsm::Uri::parse(uri));
  PAWL_TRY(auto* const child, broker(pin));
  PAWL_TRY(const auto key, child->find(where));
  return record_of(label, std::move(where), key);
}

Result<KeyRecord> HsmKeys::describe_command(const KeyEntry& entry, const Ed25519PublicKey& key) {
  PAWL_TRY(const auto signer, open_command(entry, key));
  PAWL_CHECK(signer->sign(as_bytes(kProof)));
  KeyRecord record;
  record.label = entry.name;
  record.public_key = key;
  record.uri = std::string(kCommandScheme) + entry.command.front();
  record.custody = hsm::custody_name(hsm::custody_of(signer->facts()));
  return record;
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
