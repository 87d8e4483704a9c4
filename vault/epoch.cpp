#include "vault/epoch.hpp"

#include <sodium.h>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "vault/crypto.hpp"

namespace pawl::vault {
namespace {

constexpr std::size_t kMaxBlob = 4096;
constexpr std::string_view kLinkPurpose = "pawl-vault-epoch-link-v1";

Result<Blake2bDigest> link(std::uint64_t epoch, const SecretBytes& older,
                           const SecretBytes& newer) {
  PAWL_TRY(const auto key, derive(older, kLinkPurpose));
  return authenticate(key, epoch_key_hash(epoch, newer).bytes);
}

static_assert(crypto_box_PUBLICKEYBYTES == 32 && crypto_box_SECRETKEYBYTES == 32);

}  // namespace

Sha256Digest epoch_key_hash(std::uint64_t epoch, const SecretBytes& key) {
  Writer w;
  w.bytes(as_bytes(std::string_view("pawl-epoch-key\0", 15)));
  w.u64_le(epoch);
  Sha256 hash;
  hash.update(w.view());
  hash.update(key.span());
  return hash.finish();
}

std::string EpochFiles::path(std::uint64_t epoch, std::string_view kind) const {
  return directory_ + "/" + std::to_string(epoch) + "." + std::string(kind);
}

Status EpochFiles::write(std::uint64_t epoch, const SecretBytes& key,
                         const std::optional<RecoveryKey>& recovery) {
  PAWL_TRY(const auto blob, protector_.seal(key));
  if (recovery) {
    Bytes wrap(key.size() + crypto_box_SEALBYTES);
    if (crypto_box_seal(wrap.data(), key.span().data(), key.size(), recovery->bytes.data()) != 0) {
      return fail(Errc::kConfig, "the recovery public key is not usable");
    }
    PAWL_CHECK(replace_file(disk_, path(epoch, "recovery"), wrap));
  }
  return replace_file(disk_, path(epoch, "blob"), blob);
}

Status EpochFiles::write_link(std::uint64_t epoch, const SecretBytes& older,
                              const SecretBytes& newer) {
  PAWL_TRY(const auto value, link(epoch, older, newer));
  return replace_file(disk_, path(epoch, "link"), value.bytes);
}

Result<SecretBytes> EpochFiles::open(std::uint64_t epoch) {
  PAWL_TRY(const auto blob, read_file(disk_, path(epoch, "blob"), kMaxBlob));
  PAWL_TRY(auto key, protector_.open(blob));
  if (key.size() != kKeySize) {
    return fail(Errc::kVault, "sealed epoch key of " + std::to_string(key.size()) + " bytes");
  }
  return key;
}

Result<SecretBytes> EpochFiles::recover(std::uint64_t epoch, const RecoveryKey& public_key,
                                        const SecretBytes& private_key) {
  PAWL_TRY(const auto wrap, read_optional(disk_, path(epoch, "recovery"), kMaxBlob));
  if (!wrap) {
    return fail(Errc::kVault, "epoch " + std::to_string(epoch) + " has no recovery wrap")
        .with_hint("a recovery key must be configured before the vault is needed again");
  }
  return open_recovery(*wrap, public_key, private_key);
}

Status EpochFiles::check_link(std::uint64_t epoch, const SecretBytes& older,
                              const SecretBytes& newer) {
  PAWL_TRY(const auto bytes, read_file(disk_, path(epoch, "link"), kMaxBlob));
  PAWL_TRY(const auto wanted, link(epoch, older, newer));
  if (bytes.size() != wanted.bytes.size() ||
      sodium_memcmp(bytes.data(), wanted.bytes.data(), wanted.bytes.size()) != 0) {
    return fail(Errc::kVault,
                "epoch " + std::to_string(epoch) + " is not vouched for by the anchored epoch key");
  }
  return Ok{};
}

Status EpochFiles::keep_only(std::uint64_t epoch) {
  PAWL_TRY(const auto names, disk_.list(directory_));
  const auto kept = std::to_string(epoch) + ".";
  bool removed = false;
  for (const auto& name : names) {
    if (name.starts_with(kept) && !name.ends_with(".tmp")) continue;
    PAWL_CHECK(disk_.remove(directory_ + "/" + name));
    removed = true;
  }
  if (!removed) return Ok{};
  return disk_.sync_directory(directory_);
}

Result<SecretBytes> open_recovery(ByteView wrap, const RecoveryKey& public_key,
                                  const SecretBytes& private_key) {
  if (wrap.size() != kKeySize + crypto_box_SEALBYTES || private_key.size() != 32) {
    return fail(Errc::kVault, "recovery wrap of " + std::to_string(wrap.size()) + " bytes");
  }
  PAWL_TRY(auto key, SecretBytes::allocate(kKeySize));
  if (crypto_box_seal_open(key.mutable_span().data(), wrap.data(), wrap.size(),
                           public_key.bytes.data(), private_key.span().data()) != 0) {
    return fail(Errc::kVault, "the recovery wrap is for another recovery key")
        .with_hint("use the private half of the key that vault.toml names");
  }
  return key;
}

}  // namespace pawl::vault
