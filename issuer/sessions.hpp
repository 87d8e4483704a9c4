#pragma once
#include <chrono>
#include <map>

#include "base/secret.hpp"
#include "issuer/ek_store.hpp"
#include "tpm/attestation_key.hpp"
#include "tpm/enrolment.hpp"

namespace pawl::issuer {

/// An enrolment between its two requests.
struct Session {
  Sha256Digest ek;
  Origin origin = Origin::kListed;
  tpm::AttestationKey ak;
  Bytes svid_public;   // DER SubjectPublicKeyInfo
  SecretBytes secret;  // what only the TPM can open
  std::chrono::steady_clock::time_point opened;
};

/// Sessions in memory, each good for one answer: a restart of the issuer ends them all, and a
/// device then begins again.
class Sessions {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kPerEk = 4;

  Sessions(std::size_t limit, std::chrono::seconds lifetime) : limit_(limit), lifetime_(lifetime) {}
  /// A fifth session of one endorsement key takes the place of its oldest.
  /// @return kBusy when the table is full of sessions that have not expired.
  [[nodiscard]] Status put(const tpm::EnrolmentSession& id, Session session, TimePoint now);
  /// The session, which is gone afterwards whatever comes of it.
  /// @return kPeer for one that is unknown or was used, kTimeout for one that has expired.
  [[nodiscard]] Result<Session> take(const tpm::EnrolmentSession& id, TimePoint now);
  [[nodiscard]] std::size_t size() const { return open_.size(); }

 private:
  void drop_expired(TimePoint now);
  void make_room_for(const Sha256Digest& ek);
  std::size_t limit_;
  std::chrono::seconds lifetime_;
  std::map<tpm::EnrolmentSession, Session> open_;
};

}  // namespace pawl::issuer
