#include "tpm/nv_objects.hpp"

#include <algorithm>

#include "base/reader.hpp"

namespace pawl::tpm {

AnchorBytes encode_anchor(const Anchor& anchor) {
  Writer w;
  w.u64_be(anchor.generation);
  w.bytes(anchor.index_hash.span());
  w.bytes(anchor.epoch_key_hash.span());
  AnchorBytes out;
  std::copy(w.view().begin(), w.view().end(), out.bytes.begin());
  return out;
}

Anchor decode_anchor(const AnchorBytes& bytes) {
  Anchor out;
  for (std::size_t i = 0; i < 8; ++i) out.generation = out.generation << 8U | bytes.bytes[i];
  std::copy_n(bytes.bytes.begin() + 8, 32, out.index_hash.bytes.begin());
  std::copy_n(bytes.bytes.begin() + 40, 32, out.epoch_key_hash.bytes.begin());
  return out;
}

RecordsAnchorBytes encode_records_anchor(const RecordsAnchor& anchor) {
  RecordsAnchorBytes out;
  const auto rest =
      std::copy(anchor.key_hash.bytes.begin(), anchor.key_hash.bytes.end(), out.bytes.begin());
  std::copy(anchor.floors_hash.bytes.begin(), anchor.floors_hash.bytes.end(), rest);
  return out;
}

RecordsAnchor decode_records_anchor(const RecordsAnchorBytes& bytes) {
  RecordsAnchor out;
  std::copy_n(bytes.bytes.begin(), 32, out.key_hash.bytes.begin());
  std::copy_n(bytes.bytes.begin() + 32, 32, out.floors_hash.bytes.begin());
  return out;
}

}  // namespace pawl::tpm
