#include "sealing/recovery.hpp"

#include <algorithm>

#include <sodium.h>

#include "base/reader.hpp"

namespace pawl::sealing {
namespace {

constexpr std::string_view kMagic = "PAWLREC1";
constexpr std::size_t kAuth = 32;
constexpr std::size_t kPlain = 8 + 1 + 2 * kAuth;

/// Fixed size, so that a wrap does not tell whether it has a lockout auth.
Result<SecretBytes> plain_of(const tpm::RecoverySecrets& secrets) {
  PAWL_TRY(auto plain, SecretBytes::allocate(kPlain));
  const auto out = plain.mutable_span();
  std::copy(kMagic.begin(), kMagic.end(), out.begin());
  out[8] = secrets.lockout_auth ? 1 : 0;
  const auto owner = secrets.owner_auth.span();
  if (owner.size() != kAuth) return fail(Errc::kInternal, "owner auth of a wrong size");
  std::copy(owner.begin(), owner.end(), out.begin() + 9);
  if (secrets.lockout_auth) {
    const auto lockout = secrets.lockout_auth->span();
    if (lockout.size() != kAuth) return fail(Errc::kInternal, "lockout auth of a wrong size");
    std::copy(lockout.begin(), lockout.end(), out.begin() + 9 + kAuth);
  }
  return plain;
}

}  // namespace

Result<Bytes> wrap_recovery(const tpm::RecoverySecrets& secrets,
                            const vault::RecoveryKey& recovery_key) {
  PAWL_TRY(const auto plain, plain_of(secrets));
  Bytes out(kPlain + crypto_box_SEALBYTES);
  if (crypto_box_seal(out.data(), plain.span().data(), plain.size(), recovery_key.bytes.data()) !=
      0) {
    return fail(Errc::kConfig, "the recovery public key is not usable");
  }
  return out;
}

Result<tpm::RecoverySecrets> unwrap_recovery(ByteView wrap, const vault::RecoveryKey& public_key,
                                             const SecretBytes& private_key) {
  if (wrap.size() != kPlain + crypto_box_SEALBYTES || private_key.size() != 32) {
    return fail(Errc::kMalformed, "recovery wrap of " + std::to_string(wrap.size()) + " bytes");
  }
  PAWL_TRY(auto plain, SecretBytes::allocate(kPlain));
  if (crypto_box_seal_open(plain.mutable_span().data(), wrap.data(), wrap.size(),
                           public_key.bytes.data(), private_key.span().data()) != 0) {
    return fail(Errc::kVault, "the recovery wrap is for another recovery key");
  }
  const auto bytes = plain.span();
  if (as_text(bytes.first(8)) != kMagic || bytes[8] > 1) {
    return fail(Errc::kMalformed, "not a recovery wrap");
  }
  PAWL_TRY(auto owner, SecretBytes::copy_of(bytes.subspan(9, kAuth)));
  tpm::RecoverySecrets out{std::move(owner), std::nullopt};
  if (bytes[8] == 1) {
    PAWL_TRY(out.lockout_auth, SecretBytes::copy_of(bytes.subspan(9 + kAuth, kAuth)));
  }
  return out;
}

}  // namespace pawl::sealing
