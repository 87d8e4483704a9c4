#include "hsm/signer.hpp"

#include "base/digest.hpp"

namespace pawl::hsm {

Status check_message_size(std::size_t size, std::size_t limit) {
  if (size <= limit) return Ok{};
  return fail(Errc::kTooLarge, "signed part has " + std::to_string(size) +
                                   " bytes, this key's holder signs at most " +
                                   std::to_string(limit))
      .with_hint("prune old releases, use fewer keys per role, or nest delegations");
}

Result<Ed25519Signature> Signer::sign(ByteView signed_bytes) {
  if (signed_bytes.empty()) return fail(Errc::kUsage, "nothing to sign");
  PAWL_CHECK(check_message_size(signed_bytes.size(), limit_));
  PAWL_TRY(const auto signature, make_signature(signed_bytes));
  if (!ed25519_verify(signature, signed_bytes, pinned_)) {
    return fail(Errc::kBadSignature,
                "the signature just made by " + describe(facts_) + " does not verify")
        .with_hint("the token is faulty or holds another key; nothing was signed");
  }
  return signature;
}

Status check_usable(const KeyFacts& facts) {
  if (facts.may_sign != false) return Ok{};
  return fail(Errc::kHsm, "key " + printable(facts.label) + " may not sign")
      .with_hint("its CKA_SIGN is false; make another key");
}

Status check_pinned(const KeyFacts& facts, const Ed25519PublicKey& found,
                    const Ed25519PublicKey& pinned) {
  if (found == pinned) return Ok{};
  return fail(Errc::kHsm, "key " + printable(facts.label) + " on token " +
                              printable(facts.token_label) + " is " + to_hex(found) +
                              ", the repository expects " + to_hex(pinned))
      .with_hint("is this the right token?");
}

Pkcs11Signer::Pkcs11Signer(Session& session, TokenKey key)
    : Signer(key.public_key, std::move(key.facts), hsm::message_limit(session.token())),
      session_(&session),
      object_(key.object) {}

Result<std::unique_ptr<Signer>> Pkcs11Signer::open_unpinned(Session& session,
                                                            const KeyQuery& query) {
  PAWL_TRY(auto key, find_key(session, query));
  PAWL_CHECK(check_usable(key.facts));
  return std::unique_ptr<Signer>(new Pkcs11Signer(session, std::move(key)));
}

Result<std::unique_ptr<Signer>> Pkcs11Signer::open(Session& session, const KeyQuery& query,
                                                   const Ed25519PublicKey& pinned) {
  PAWL_TRY(auto signer, open_unpinned(session, query));
  PAWL_CHECK(check_pinned(signer->facts(), signer->public_key(), pinned));
  return signer;
}

Result<Ed25519Signature> Pkcs11Signer::make_signature(ByteView message) {
  return raw_eddsa(*session_, object_, message);
}

}  // namespace pawl::hsm
