#include "issuer/enrolment.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/digest.hpp"
#include "identity/pem.hpp"
#include "identity/svid_rules.hpp"
#include "issuer/certificates.hpp"
#include "tpm/ek_public.hpp"

namespace pawl::issuer {
namespace {

constexpr std::size_t kSecret = 32;
constexpr std::size_t kIdDigits = 32;

using MdContext = Handle<EVP_MD_CTX, &EVP_MD_CTX_free>;

Status check_possession(EVP_PKEY& key, ByteView message, ByteView signature) {
  const MdContext context(EVP_MD_CTX_new());
  PAWL_ASSERT(context != nullptr);
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, &key) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                       message.size()) == 1;
  ERR_clear_error();
  if (good) return Ok{};
  return fail(Errc::kBadSignature, "the device does not have the SVID key");
}

}  // namespace

bool is_device_id(const identity::SpiffeId& id, const EnrolmentRules& rules) {
  return id.path() == rules.path || id.path().starts_with(rules.path + "/");
}

Result<identity::SpiffeId> device_id(const identity::TrustDomain& domain,
                                     const EnrolmentRules& rules, const Sha256Digest& ek) {
  return identity::SpiffeId::parse("spiffe://" + domain.name() + rules.path + "/" +
                                   to_hex(ek).substr(0, kIdDigits));
}

Result<Enrolment::Admitted> Enrolment::admit(const StartRequest& request) {
  PAWL_TRY(const auto presented, tpm::PresentedEk::parse(request.ek_public));
  const auto& ek = presented.fingerprint();
  PAWL_TRY(const auto record, parts_.store.find(ek));
  const bool listed = record && record->origin == Origin::kListed;
  PAWL_TRY(const auto ak, tpm::AttestationKey::parse(request.ak_public));
  if (listed || request.ek_certificates.empty()) {
    PAWL_CHECK(check_admitted(record, Origin::kListed, ak.name()));
    PAWL_TRY(auto key, presented.vouched_by(ek));
    return Admitted{std::move(key), Origin::kListed};
  }
  const std::span certificates(request.ek_certificates);
  PAWL_TRY(auto key, tpm::EndorsementKey::verify(certificates.front(), certificates.subspan(1),
                                                 makers_, parts_.clock.now()));
  if (key.fingerprint() != ek) {
    return fail(Errc::kPeer, "the EK certificate is for another endorsement key");
  }
  PAWL_CHECK(check_admitted(record, Origin::kMaker, ak.name()));
  return Admitted{std::move(key), Origin::kMaker};
}

Result<StartAnswer> Enrolment::start(const StartRequest& request) {
  PAWL_TRY(const auto admitted, admit(request));
  PAWL_TRY(auto ak, tpm::AttestationKey::parse(request.ak_public));
  PAWL_CHECK(parse_svid_key(request.svid_public));
  PAWL_TRY(auto secret, SecretBytes::allocate(kSecret));
  parts_.random.fill(secret.mutable_span());
  StartAnswer answer;
  parts_.random.fill(answer.session.bytes);
  answer.expires = rules_.session;
  PAWL_TRY(answer.credential, tpm::make_credential(admitted.key, ak.name(), secret));
  const auto now = parts_.clock.steady();
  PAWL_CHECK(sessions_.put(answer.session,
                           {admitted.key.fingerprint(), admitted.origin, std::move(ak),
                            request.svid_public, std::move(secret), now},
                           now));
  return answer;
}

Status Enrolment::check_binding(const Session& session, const FinishRequest& request) const {
  const auto challenge = tpm::enrolment_challenge(
      {request.session, session.ek, session.ak.name(), sha256(session.svid_public)});
  PAWL_CHECK(tpm::verify_quote(session.ak, request.quote, challenge, tpm::enrolment_pcrs()));
  PAWL_TRY(const auto key, parse_svid_key(session.svid_public));
  return check_possession(*key, tpm::possession_message(challenge), request.svid_signature);
}

Result<FinishAnswer> Enrolment::issue(const Session& session) {
  const auto now = parts_.clock.now();
  PAWL_TRY(const auto id, device_id(parts_.authority.domain(), rules_, session.ek));
  PAWL_TRY(const auto key, parse_svid_key(session.svid_public));
  PAWL_TRY(const auto svid, parts_.authority.issue(id, *key, now, rules_.lifetime, parts_.random));
  PAWL_TRY(const auto end, identity::not_after(*svid));
  return FinishAnswer{id.uri(), identity::certificate_pem(*svid), parts_.authority.bundle(), end};
}

Result<FinishAnswer> Enrolment::finish(const FinishRequest& request) {
  PAWL_TRY(const auto session, sessions_.take(request.session, parts_.clock.steady()));
  if (!equal_ct(session.secret, request.activated)) {
    return fail(Errc::kPeer, "the activated secret is wrong");
  }
  PAWL_CHECK(check_binding(session, request));
  PAWL_CHECK(parts_.store.bind(session.ek, session.origin, session.ak.name()));
  return issue(session);
}

}  // namespace pawl::issuer
