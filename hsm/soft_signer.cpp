#include "hsm/soft_signer.hpp"

#include <algorithm>

#include <sodium.h>

#include "hsm/secret_file.hpp"

namespace pawl::hsm {
namespace {

constexpr std::string_view kMagic = "PAWL-SOFT-KEY-1\n";
constexpr std::size_t kFileSize = 16 + crypto_sign_SEEDBYTES;
static_assert(kMagic.size() == 16);

}  // namespace

SoftSigner::SoftSigner(const Ed25519PublicKey& key, KeyFacts facts, SecretBytes secret)
    : Signer(key, std::move(facts), kMaxMessage), secret_(std::move(secret)) {}

Result<std::unique_ptr<Signer>> SoftSigner::from_seed(ByteView seed, const std::string& path) {
  if (sodium_init() < 0) return fail(Errc::kInternal, "libsodium cannot start");
  PAWL_TRY(auto secret, SecretBytes::allocate(crypto_sign_SECRETKEYBYTES));
  Ed25519PublicKey key;
  crypto_sign_seed_keypair(key.bytes.data(), secret.mutable_span().data(), seed.data());
  KeyFacts facts;
  facts.kind = KeyKind::kSoftware;
  facts.label = path.substr(path.rfind('/') + 1);
  facts.may_sign = true;
  return std::unique_ptr<Signer>(new SoftSigner(key, std::move(facts), std::move(secret)));
}

Result<std::unique_ptr<Signer>> SoftSigner::create(Disk& disk, const std::string& path) {
  PAWL_TRY(const bool exists, disk.exists(path));
  if (exists) {
    return fail(Errc::kUsage, path + " exists").with_hint("keys are never overwritten");
  }
  if (sodium_init() < 0) return fail(Errc::kInternal, "libsodium cannot start");
  PAWL_TRY(auto content, SecretBytes::allocate(kFileSize));
  const auto out = content.mutable_span();
  std::copy(kMagic.begin(), kMagic.end(), out.begin());
  randombytes_buf(out.subspan(kMagic.size()).data(), crypto_sign_SEEDBYTES);
  PAWL_CHECK(replace_file(disk, path, content.span()));
  return from_seed(content.span().subspan(kMagic.size()), path);
}

Result<std::unique_ptr<Signer>> SoftSigner::load(const std::string& path) {
  PAWL_TRY(const auto content, read_secret_file(path, kFileSize, FileRule::kPrivate));
  const auto bytes = content.span();
  if (bytes.size() != kFileSize || as_text(bytes.first(kMagic.size())) != kMagic) {
    return fail(Errc::kMalformed, path + ": not a software key file");
  }
  return from_seed(bytes.subspan(kMagic.size()), path);
}

Result<Ed25519Signature> SoftSigner::make_signature(ByteView message) {
  Ed25519Signature out;
  crypto_sign_detached(out.bytes.data(), nullptr, message.data(), message.size(),
                       secret_.span().data());
  return out;
}

}  // namespace pawl::hsm
