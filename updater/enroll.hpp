#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/disk.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "identity/svid_files.hpp"
#include "tpm/endorsement.hpp"
#include "tpm/quote.hpp"
#include "updater/net_identity.hpp"

namespace pawl::updater {

/// What an enrolment asks of the device's TPM. Real: TpmKeys (updater/enroll_tpm.hpp).
class EnrolmentKeys {
 public:
  virtual ~EnrolmentKeys() = default;
  virtual Result<Bytes> endorsement_public() = 0;
  /// Nothing when the maker put none into the TPM.
  virtual Result<std::optional<Bytes>> endorsement_certificate() = 0;
  virtual Result<Bytes> attestation_public() = 0;
  virtual Result<SecretBytes> activate(const tpm::Credential& credential) = 0;
  virtual Result<tpm::QuoteEvidence> quote(const Sha256Digest& extra_data, tpm::PcrSet set) = 0;
};

/// One request to the issuer. Real: IssuerLink (updater/enroll_link.hpp).
class EnrolmentServer {
 public:
  virtual ~EnrolmentServer() = default;
  virtual Result<std::string> post(const std::string& path, const std::string& body) = 0;
};

struct EnrolmentResult {
  bool changed = false;
  identity::SpiffeId id;
  UtcTime not_after;
  UtcTime renew_at;
};

/// An SVID in `folder` (FORMAT 9.5) for a device whose TPM proves itself to an issuer (FORMAT 13).
/// TPM and network are opened only when something is due.
class Enroller final : public IdentityRenewal {
 public:
  struct Parts {
    Disk& disk;
    Clock& clock;
    Log& log;
    std::function<Result<std::unique_ptr<EnrolmentKeys>>()> keys;
    std::function<Result<std::unique_ptr<EnrolmentServer>>()> server;
  };
  /// @param domain  of the issuer: an SVID of another one is refused
  Enroller(Parts parts, std::string folder, identity::TrustDomain domain)
      : parts_(std::move(parts)), folder_(std::move(folder)), domain_(std::move(domain)) {}

  /// Finishes what an earlier run left half written, then enrols when there is no SVID that has
  /// more than half of its life before it. May be cut anywhere and called again.
  /// @return errors of TPM and network; kRefusedByServer; kPeer, kMalformed or kRollback when the
  ///         issuer's answer is not an SVID for this key under a bundle that is not older; kBusy
  ///         when another process enrols
  [[nodiscard]] Result<EnrolmentResult> enrol();
  /// As enrol(), for a program that runs on: after a failure the SVID stays good until it expires
  /// and the next try waits a minute.
  Status refresh() override;

 private:
  struct Received;
  [[nodiscard]] Status settle();
  [[nodiscard]] std::optional<identity::Identity> current();
  [[nodiscard]] Result<Received> exchange() const;
  [[nodiscard]] Status check(const Received& received,
                             const std::optional<identity::Identity>& old);
  [[nodiscard]] Status keep(const Received& received);
  [[nodiscard]] std::string next_key() const { return folder_ + "/key.next"; }
  Parts parts_;
  std::string folder_;
  identity::TrustDomain domain_;
  std::optional<std::chrono::steady_clock::time_point> failed_;
};

}  // namespace pawl::updater
