#include "sealing/protector.hpp"

#include "sealing/blob.hpp"
#include "tpm/fault.hpp"

namespace pawl::sealing {
namespace {

/// The updater may have moved the cell between reading the text and using it: then once more.
template <class F>
auto with_text(TextSource& source, F use) -> decltype(use(tpm::CellText{})) {
  PAWL_TRY(const auto text, source.text());
  auto done = use(text);
  if (done || tpm::fault_of(done.error()) != tpm::Fault::kPolicyRefused) return done;
  PAWL_TRY(const auto again, source.text());
  return again == text ? std::move(done) : use(again);
}

}  // namespace

Result<tpm::CellText> HandoverText::text() {
  PAWL_TRY(auto handover, read_handover(disk_, path_));
  return std::move(handover.text);
}

Result<Bytes> Tpm2Protector::seal(const SecretBytes& key) {
  PAWL_TRY(const auto blob, cell_.seal(key));
  return serialise(blob);
}

Result<SecretBytes> Tpm2Protector::open(ByteView blob) {
  PAWL_TRY(const auto object, parse_blob(blob));
  return with_text(source_, [&](const auto& text) { return cell_.unseal(object, text); });
}

Result<std::optional<vault::AnchorValue>> TpmAnchor::read() {
  PAWL_TRY(const auto held, cell_.anchor());
  if (held == tpm::Anchor{}) return std::optional<vault::AnchorValue>();
  return std::optional(vault::AnchorValue{{held.generation, held.index_hash}, held.epoch_key_hash});
}

Status TpmAnchor::write(const vault::AnchorValue& value) {
  const tpm::Anchor next{value.index.generation, value.index.hash, value.epoch_key};
  return with_text(source_, [&](const auto& text) { return cell_.write_anchor(text, next); });
}

Result<std::unique_ptr<VaultTpm>> VaultTpm::open(const std::string& tcti, Disk& disk,
                                                 const std::string& handover) {
  PAWL_TRY(const auto found, read_handover(disk, handover));
  PAWL_TRY(auto opened, tpm::Context::open(tcti));
  auto context = std::make_unique<tpm::Context>(std::move(opened));
  PAWL_TRY(const auto cell, tpm::PolicyCell::attach(*context, found.srk));
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the constructor is private
  return std::unique_ptr<VaultTpm>(
      new VaultTpm(std::move(context), cell, disk, handover, found.rotation));
}

}  // namespace pawl::sealing
