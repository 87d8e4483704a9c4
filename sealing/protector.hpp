#pragma once
#include <memory>
#include <string>

#include "base/disk.hpp"
#include "sealing/handover.hpp"
#include "tpm/context.hpp"
#include "tpm/policy_cell.hpp"
#include "vault/protector.hpp"

namespace pawl::sealing {

/// Where the text that opens the cell comes from: it changes when an update is staged, committed
/// or withdrawn.
class TextSource {
 public:
  virtual ~TextSource() = default;
  virtual Result<tpm::CellText> text() = 0;
};

/// The text of the file that the updater keeps in /run, read anew each time.
class HandoverText final : public TextSource {
 public:
  HandoverText(Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  Result<tpm::CellText> text() override;

 private:
  Disk& disk_;
  std::string path_;
};

/// Epoch keys sealed under PolicyAuthorizeNV(cell): every blob opens in exactly the boot states the
/// cell allows, whenever it was made (FORMAT 8.1).
class Tpm2Protector final : public vault::KeyProtector {
 public:
  Tpm2Protector(tpm::PolicyCell& cell, TextSource& source) : cell_(cell), source_(source) {}
  [[nodiscard]] std::string_view name() const override { return "tpm2"; }
  Result<Bytes> seal(const SecretBytes& key) override;
  /// @return kTpm (kPolicyRefused) in a boot state the cell does not allow, (kForeign) for a blob
  ///         of another TPM; kMalformed
  Result<SecretBytes> open(ByteView blob) override;

 private:
  tpm::PolicyCell& cell_;
  TextSource& source_;
};

/// The vault's part of the NV anchor. Anyone reads it; only an allowed boot state writes it.
class TpmAnchor final : public vault::Anchor {
 public:
  TpmAnchor(tpm::PolicyCell& cell, TextSource& source) : cell_(cell), source_(source) {}
  /// Empty until the first write after provisioning.
  Result<std::optional<vault::AnchorValue>> read() override;
  Status write(const vault::AnchorValue& value) override;

 private:
  tpm::PolicyCell& cell_;
  TextSource& source_;
};

/// A connection to the device's TPM with what a vault needs of it. The updater has opened the cell
/// before (`pawl-updater boot`); this finds its handover and compares the storage root key.
class VaultTpm {
 public:
  /// @param tcti  named in full, as in updater.toml; @param handover  path of the handover file
  /// @return kTpm: kNotProvisioned without handover, kNoTpm, kCleared, kForeign, kTampered
  static Result<std::unique_ptr<VaultTpm>> open(const std::string& tcti, Disk& disk,
                                                const std::string& handover);
  [[nodiscard]] vault::KeyProtector& protector() { return protector_; }
  [[nodiscard]] vault::Anchor& anchor() { return anchor_; }
  /// How often the epoch key was to be replaced so far; a vault that has seen less rotates.
  [[nodiscard]] std::uint64_t rotation() const { return rotation_; }

 private:
  VaultTpm(std::unique_ptr<tpm::Context> context, tpm::PolicyCell cell, Disk& disk,
           const std::string& handover, std::uint64_t rotation)
      : context_(std::move(context)),
        cell_(cell),
        source_(disk, handover),
        protector_(cell_, source_),
        anchor_(cell_, source_),
        rotation_(rotation) {}
  std::unique_ptr<tpm::Context> context_;  // outlives cell_, which refers to it
  tpm::PolicyCell cell_;
  HandoverText source_;
  Tpm2Protector protector_;
  TpmAnchor anchor_;
  std::uint64_t rotation_;
};

}  // namespace pawl::sealing
