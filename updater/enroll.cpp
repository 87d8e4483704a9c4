#include "updater/enroll.hpp"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "base/digest.hpp"
#include "identity/jwks.hpp"
#include "identity/pem.hpp"
#include "identity/verifier.hpp"
#include "tpm/attestation_key.hpp"
#include "tpm/ek_public.hpp"
#include "updater/enroll_messages.hpp"

namespace pawl::updater {
namespace {

using identity::Identity;
using identity::PrivateKeyPtr;
using MdContext = Handle<EVP_MD_CTX, &EVP_MD_CTX_free>;

constexpr std::size_t kMaxKey = std::size_t{16} * 1024;
constexpr std::chrono::seconds kPause{60};

Result<Bytes> sign(EVP_PKEY& key, ByteView message) {
  const MdContext context(EVP_MD_CTX_new());
  PAWL_ASSERT(context != nullptr);
  Bytes out(static_cast<std::size_t>(EVP_PKEY_get_size(&key)));
  std::size_t size = out.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, &key) != 1 ||
      EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1) {
    return fail(Errc::kInternal, "OpenSSL cannot sign with the new SVID key");
  }
  out.resize(size);
  return out;
}

/// A TrustSet that holds one bundle. @return kRollback when `fresh` is older than `old`.
Result<identity::TrustSet> trust_of(identity::TrustBundle fresh, const Identity* old) {
  identity::TrustSet out;
  if (old != nullptr) {
    for (const auto& bundle : old->bundles) {
      if (bundle.domain() == fresh.domain()) PAWL_CHECK(out.put(bundle.clone()));
    }
  }
  PAWL_CHECK(out.put(std::move(fresh)));
  return out;
}

}  // namespace

struct Enroller::Received {
  identity::X509Svid svid;
  FinishedEnrolment answer;
};

std::optional<Identity> Enroller::current() {
  auto loaded = identity::load_identity(parts_.disk, identity::svid_files_in(folder_));
  if (!loaded || loaded->svid.id().trust_domain() != domain_) return std::nullopt;
  return *std::move(loaded);
}

// svid.pem is what counts; its key takes its place right after it, or here.
Status Enroller::settle() {
  PAWL_TRY(auto next, read_optional(parts_.disk, next_key(), kMaxKey));
  if (!next) return Ok{};
  const auto files = identity::svid_files_in(folder_);
  PAWL_TRY(const auto chain, read_optional(parts_.disk, files.svid, std::size_t{128} * 1024));
  const bool belongs =
      chain && identity::X509Svid::parse_pem(as_text(*chain), as_text(*next)).operator bool();
  OPENSSL_cleanse(next->data(), next->size());
  if (!belongs) return remove_file(parts_.disk, next_key());
  PAWL_CHECK(parts_.disk.rename(next_key(), files.key));
  return parts_.disk.sync_directory(folder_);
}

Result<Enroller::Received> Enroller::exchange() const {
  PAWL_TRY(const auto keys, parts_.keys());
  PAWL_TRY(const auto server, parts_.server());
  PrivateKeyPtr key(EVP_EC_gen("P-256"));
  PAWL_ASSERT(key != nullptr);
  BegunEnrolment begun;
  PAWL_TRY(begun.ek_public, keys->endorsement_public());
  PAWL_TRY(begun.ek_certificate, keys->endorsement_certificate());
  PAWL_TRY(begun.ak_public, keys->attestation_public());
  begun.svid_public = identity::public_key_der(*key);
  PAWL_TRY(const auto first, server->post("/v1/enroll/start", begun.format()));
  PAWL_TRY(const auto started, StartedEnrolment::parse(first));

  PAWL_TRY(const auto ek, tpm::PresentedEk::parse(begun.ek_public));
  PAWL_TRY(const auto ak, tpm::AttestationKey::parse(begun.ak_public));
  const auto challenge = tpm::enrolment_challenge(
      {started.session, ek.fingerprint(), ak.name(), sha256(begun.svid_public)});
  ProvenEnrolment proof{started.session, {}, {}, {}};
  PAWL_TRY(const auto secret, keys->activate(started.credential));
  proof.activated.assign(secret.span().begin(), secret.span().end());
  PAWL_TRY(proof.quote, keys->quote(challenge, tpm::enrolment_pcrs()));
  PAWL_TRY(proof.svid_signature, sign(*key, tpm::possession_message(challenge)));
  PAWL_TRY(const auto second, server->post("/v1/enroll/finish", proof.format()));
  PAWL_TRY(auto answer, FinishedEnrolment::parse(second));
  auto pem = identity::private_key_pem(*key);
  auto svid = identity::X509Svid::parse_pem(answer.svid_chain_pem, as_text(pem));
  OPENSSL_cleanse(pem.data(), pem.size());
  if (!svid) return std::move(svid).error();
  return Received{*std::move(svid), std::move(answer)};
}

Status Enroller::check(const Received& received, const std::optional<Identity>& old) {
  const auto& svid = received.svid;
  if (svid.id().trust_domain() != domain_) {
    return fail(Errc::kPeer, "the issuer gave an SVID of another trust domain");
  }
  PAWL_TRY(auto bundle, identity::parse_bundle(domain_, received.answer.bundle));
  PAWL_TRY(const auto trust, trust_of(std::move(bundle), old ? &*old : nullptr));
  const identity::X509StackPtr sent(sk_X509_new_null());
  PAWL_ASSERT(sent != nullptr);
  for (std::size_t i = 1; i < svid.chain().size(); ++i) {
    X509_up_ref(svid.chain()[i].get());
    PAWL_ASSERT(sk_X509_push(sent.get(), svid.chain()[i].get()) > 0);
  }
  PAWL_CHECK(identity::verify_svid(svid.leaf(), sent.get(), trust, parts_.clock.now(),
                                   identity::PeerRole::kClient));
  return Ok{};
}

Status Enroller::keep(const Received& received) {
  const auto files = identity::svid_files_in(folder_);
  auto pem = identity::private_key_pem(received.svid.key());
  auto kept = replace_file(parts_.disk, next_key(), pem);
  OPENSSL_cleanse(pem.data(), pem.size());
  PAWL_CHECK(std::move(kept));
  PAWL_CHECK(replace_file(parts_.disk, files.bundle, as_bytes(received.answer.bundle)));
  PAWL_CHECK(replace_file(parts_.disk, files.svid, as_bytes(received.answer.svid_chain_pem)));
  return settle();
}

Result<EnrolmentResult> Enroller::enrol() {
  PAWL_CHECK(make_directories(parts_.disk, folder_));
  PAWL_TRY(const auto lock, parts_.disk.lock(folder_ + "/lock"));
  PAWL_CHECK(settle());
  const auto old = current();
  const auto now = parts_.clock.now();
  if (old && now >= old->svid.not_before() && now < old->svid.renew_at()) {
    return EnrolmentResult{false, old->svid.id(), old->svid.not_after(), old->svid.renew_at()};
  }
  PAWL_TRY(const auto received, exchange());
  PAWL_CHECK(check(received, old));
  PAWL_CHECK(keep(received));
  const auto& svid = received.svid;
  return EnrolmentResult{true, svid.id(), svid.not_after(), svid.renew_at()};
}

Status Enroller::refresh() {
  const auto now = parts_.clock.steady();
  if (failed_ && now - *failed_ < kPause) return Ok{};
  const auto done = enrol();
  if (done) {
    failed_.reset();
    if (done->changed) {
      parts_.log.write(LogLevel::kInfo, "svid.renewed",
                       {{"id", done->id.uri()}, {"until", format_utc(done->not_after)}});
    }
    return Ok{};
  }
  failed_ = now;
  parts_.log.write(
      LogLevel::kWarning, "svid.not-renewed",
      {{"code", std::string(errc_name(done.error().code()))}, {"why", done.error().what()}});
  return fail(done.error().code(), done.error().what(), done.error().raw());
}

}  // namespace pawl::updater
