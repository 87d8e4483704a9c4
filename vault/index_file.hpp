#pragma once
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "vault/index.hpp"

namespace pawl::vault {

/// The plain head of an index file; it is associated data of the encrypted rest (FORMAT 7.3).
struct IndexHead {
  StoreId store;
  std::uint64_t epoch = 0;
  std::uint64_t generation = 0;
};

/// The whole file. `epoch_key` is that of head.epoch; the generation is the index's.
[[nodiscard]] Result<Bytes> seal_index(const Index& index, const StoreId& store,
                                       std::uint64_t epoch, const SecretBytes& epoch_key,
                                       Random& random);
/// Reads only the head, which says which epoch key is needed. Not authenticated yet.
[[nodiscard]] Result<IndexHead> peek_index(ByteView file);
/// @return kVault when the file was not made with this key
[[nodiscard]] Result<Index> open_index(ByteView file, const SecretBytes& epoch_key);

}  // namespace pawl::vault
