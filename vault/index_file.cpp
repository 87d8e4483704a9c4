#include "vault/index_file.hpp"

#include <algorithm>

#include "base/reader.hpp"

namespace pawl::vault {
namespace {

constexpr std::string_view kMagic = "PAWLVIX1";
constexpr std::string_view kPurpose = "pawl-vault-index-v1";
constexpr std::size_t kHeadSize = 8 + 16 + 8 + 8;

}  // namespace

Result<Bytes> seal_index(const Index& index, const StoreId& store, std::uint64_t epoch,
                         const SecretBytes& epoch_key, Random& random) {
  PAWL_TRY(const auto key, derive(epoch_key, kPurpose));
  Writer w;
  w.bytes(as_bytes(kMagic));
  w.bytes(store.bytes);
  w.u64_le(epoch);
  w.u64_le(index.generation);
  const auto head = w.view();
  const auto nonce = random_nonce(random);
  const auto plain = serialise(index);
  if (plain.size() > kMaxIndexBytes) {
    return fail(Errc::kTooLarge, "vault index of " + std::to_string(plain.size()) +
                                     " bytes, the limit is " + std::to_string(kMaxIndexBytes));
  }
  w.bytes(nonce.bytes);
  w.bytes(seal(key, nonce, plain, head));
  return std::move(w).take();
}

Result<IndexHead> peek_index(ByteView file) {
  Reader r(file);
  PAWL_TRY(const auto magic, r.take(kMagic.size()));
  if (as_text(magic) != kMagic) return fail(Errc::kMalformed, "not a vault index");
  IndexHead head;
  PAWL_CHECK(r.into(head.store));
  PAWL_TRY(head.epoch, r.u64_le());
  PAWL_TRY(head.generation, r.u64_le());
  return head;
}

Result<Index> open_index(ByteView file, const SecretBytes& epoch_key) {
  if (file.size() > kMaxIndexBytes) return fail(Errc::kTooLarge, "vault index over 32 MiB");
  PAWL_TRY(const auto head, peek_index(file));
  PAWL_TRY(const auto key, derive(epoch_key, kPurpose));
  Reader r(file.subspan(kHeadSize));
  Nonce nonce;
  PAWL_CHECK(r.into(nonce));
  if (r.left() < kTagSize) return fail(Errc::kMalformed, "vault index ends early");
  PAWL_TRY(const auto sealed, r.take(r.left()));
  Bytes plain(sealed.size() - kTagSize);
  if (!open_into(plain, key, nonce, sealed, file.first(kHeadSize))) {
    return fail(Errc::kVault, "the vault's index does not verify under its epoch key");
  }
  PAWL_TRY(auto index, parse_index(plain));
  index.generation = head.generation;
  return index;
}

}  // namespace pawl::vault
