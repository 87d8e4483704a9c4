#pragma once
#include "tpm/attester.hpp"
#include "updater/enroll.hpp"

namespace pawl::updater {

/// The attestation key of this device: made once below the storage root key, kept as a blob that
/// only its TPM can use.
class TpmKeys final : public EnrolmentKeys {
 public:
  /// @param ak_file  FORMAT 13.7; made with a new key when it is absent
  /// @return kTpm: kCleared or kForeign when the key in `ak_file` is of another TPM or a cleared
  /// one
  static Result<std::unique_ptr<EnrolmentKeys>> open(Disk& disk, const std::string& ak_file,
                                                     const std::string& tcti);
  Result<Bytes> endorsement_public() override;
  Result<std::optional<Bytes>> endorsement_certificate() override;
  Result<Bytes> attestation_public() override { return ak_.public_area; }
  Result<SecretBytes> activate(const tpm::Credential& credential) override;
  Result<tpm::QuoteEvidence> quote(const Sha256Digest& extra_data, tpm::PcrSet set) override;

 private:
  TpmKeys(std::unique_ptr<tpm::Context> context, tpm::Attester attester, tpm::KeyBlob ak)
      : context_(std::move(context)), attester_(attester), ak_(std::move(ak)) {}
  std::unique_ptr<tpm::Context> context_;  // `attester_` refers to it
  tpm::Attester attester_;
  tpm::KeyBlob ak_;
};

/// What the file holds: the key's two areas and the storage root key they lie below.
struct KeptAk {
  tpm::Name srk;
  tpm::KeyBlob key;
};
[[nodiscard]] std::string write_ak(const KeptAk& ak);
/// @return kMalformed, kTooLarge
[[nodiscard]] Result<KeptAk> parse_ak(std::string_view text);

}  // namespace pawl::updater
