#pragma once
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "issuer/authority.hpp"
#include "issuer/ek_store.hpp"
#include "issuer/messages.hpp"
#include "issuer/sessions.hpp"

namespace pawl::issuer {

struct EnrolmentRules {
  std::string path = "/device";  // of the IDs given out, before the TPM's own part
  Seconds lifetime{3600};        // of an SVID
  Seconds session{120};          // between the two requests; some TPMs need most of it
  std::size_t sessions = 256;
};

/// Whether an ID is one of those that only an attested TPM gets.
[[nodiscard]] bool is_device_id(const identity::SpiffeId& id, const EnrolmentRules& rules);
/// The ID of the device with this endorsement key: the path and 32 digits of its fingerprint.
[[nodiscard]] Result<identity::SpiffeId> device_id(const identity::TrustDomain& domain,
                                                   const EnrolmentRules& rules,
                                                   const Sha256Digest& ek);

/// TPM attestation to SVID (FORMAT 13): the operator or the maker vouches for an endorsement key,
/// the TPM proves that it holds that key and the attestation key together, and the attestation key
/// vouches for the SVID key. Knows nothing of HTTP; one thread uses it.
class Enrolment {
 public:
  struct Parts {
    Authority& authority;
    EkStore& store;
    Clock& clock;
    Random& random;
  };
  /// @param makers  DER certificates of TPM makers; empty: only listed keys are admitted
  Enrolment(Parts parts, EnrolmentRules rules, std::vector<Bytes> makers)
      : parts_(parts),
        rules_(std::move(rules)),
        makers_(std::move(makers)),
        sessions_(rules_.sessions, rules_.session) {}

  /// @return kPeer when nobody vouches for the endorsement key, it is banned, another attestation
  ///         key is bound to it or the offered one could sign forged statements; kExpired;
  ///         kMalformed, kTooLarge; kBusy when too many enrolments are under way.
  [[nodiscard]] Result<StartAnswer> start(const StartRequest& request);
  /// Ends the session, whatever the outcome.
  /// @return kPeer: unknown or used session, wrong secret, another attestation key bound meanwhile;
  ///         kTimeout; kBadSignature; kHashMismatch when the quote vouches for another SVID key.
  [[nodiscard]] Result<FinishAnswer> finish(const FinishRequest& request);

 private:
  struct Admitted {
    tpm::EndorsementKey key;
    Origin origin;
  };
  [[nodiscard]] Result<Admitted> admit(const StartRequest& request);
  [[nodiscard]] Status check_binding(const Session& session, const FinishRequest& request) const;
  [[nodiscard]] Result<FinishAnswer> issue(const Session& session);
  Parts parts_;
  EnrolmentRules rules_;
  std::vector<Bytes> makers_;
  Sessions sessions_;
};

}  // namespace pawl::issuer
