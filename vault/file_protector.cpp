#include "vault/file_protector.hpp"

#include <algorithm>

#include <sodium.h>

#include "base/reader.hpp"

namespace pawl::vault {

Bytes serialise(const AnchorValue& value) {
  Writer w;
  w.u64_le(value.index.generation);
  w.bytes(value.index.hash.bytes);
  w.bytes(value.epoch_key.bytes);
  return std::move(w).take();
}

Result<AnchorValue> parse_anchor(ByteView bytes) {
  Reader r(bytes);
  AnchorValue value;
  PAWL_TRY(value.index.generation, r.u64_le());
  PAWL_CHECK(r.into(value.index.hash));
  PAWL_CHECK(r.into(value.epoch_key));
  if (!r.empty()) return fail(Errc::kMalformed, "bytes after the anchor");
  return value;
}

Result<SecretBytes> FileProtector::load() {
  PAWL_TRY(auto bytes, read_file(disk_, path_, kKeySize));
  if (bytes.size() != kKeySize) {
    return fail(Errc::kVault, path_ + " has " + std::to_string(bytes.size()) +
                                  " bytes, a key has " + std::to_string(kKeySize));
  }
  auto key = SecretBytes::copy_of(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  return key;
}

Result<SecretBytes> FileProtector::load_or_create() {
  PAWL_TRY(const bool there, disk_.exists(path_));
  if (there) return load();
  PAWL_TRY(auto key, random_key(random_));
  PAWL_CHECK(replace_file(disk_, path_, key.span()));
  return key;
}

Result<Bytes> FileProtector::seal(const SecretBytes& key) {
  PAWL_TRY(const auto wrapping, load_or_create());
  const auto nonce = random_nonce(random_);
  Bytes blob(nonce.bytes.begin(), nonce.bytes.end());
  const auto sealed = vault::seal(wrapping, nonce, key.span(), {});
  blob.insert(blob.end(), sealed.begin(), sealed.end());
  return blob;
}

Result<SecretBytes> FileProtector::open(ByteView blob) {
  if (blob.size() != kNonceSize + kKeySize + kTagSize) {
    return fail(Errc::kVault, "sealed key of " + std::to_string(blob.size()) + " bytes");
  }
  PAWL_TRY(const auto wrapping, load());
  Nonce nonce;
  std::copy_n(blob.begin(), kNonceSize, nonce.bytes.begin());
  PAWL_TRY(auto key, SecretBytes::allocate(kKeySize));
  PAWL_CHECK(open_into(key.mutable_span(), wrapping, nonce, blob.subspan(kNonceSize), {}));
  return key;
}

Result<std::optional<AnchorValue>> FileAnchor::read() {
  PAWL_TRY(const auto bytes, read_optional(disk_, path_, kAnchorSize));
  if (!bytes) return std::optional<AnchorValue>();
  PAWL_TRY(const auto value, parse_anchor(*bytes));
  return std::optional(value);
}

Status FileAnchor::write(const AnchorValue& value) {
  return replace_file(disk_, path_, serialise(value));
}

}  // namespace pawl::vault
