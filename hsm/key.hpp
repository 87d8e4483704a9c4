#pragma once
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "hsm/key_facts.hpp"
#include "hsm/session.hpp"
#include "hsm/uri.hpp"

namespace pawl::hsm {

/// An Ed25519 private key on the token of one session, with what the token says about it.
struct TokenKey {
  unsigned long object = 0;  // CK_OBJECT_HANDLE: valid in this session only
  Ed25519PublicKey public_key;
  KeyFacts facts;
};

/// Which key: `object` (label) and `id` of a URI; at least one is needed.
struct KeyQuery {
  std::optional<std::string> label;
  std::optional<Bytes> id;
  [[nodiscard]] static KeyQuery of(const Uri& uri);
};

/// Every Ed25519 private key the session sees; other key types are passed over. Log in first.
[[nodiscard]] Result<std::vector<TokenKey>> list_keys(Session& session);
/// The one Ed25519 private key of the query. @return kHsm: none, several, another type, or no
/// readable public key; kUsage for an empty query.
[[nodiscard]] Result<TokenKey> find_key(Session& session, const KeyQuery& query);
/// Makes an Ed25519 key inside the token: private, sensitive, not extractable, may only sign. Asks
/// the token what it made, and lets it sign once to prove the public key; destroys what does not
/// pass. Needs a session of Access::kWrite, logged in.
/// @param query  label is required; without id a random one is made
/// @return kHsm: label or id in use, not Ed25519, or custody below kTokenPrivate.
[[nodiscard]] Result<TokenKey> generate_key(Session& session, const KeyQuery& query);

/// CKM_EDDSA without parameters over the whole message in one call: pure Ed25519. The result is not
/// verified: use a Signer. @return kHsm or kTooLarge with the CKR; kHsm when not 64 bytes long.
[[nodiscard]] Result<Ed25519Signature> raw_eddsa(Session& session, unsigned long object,
                                                 ByteView message);

}  // namespace pawl::hsm
