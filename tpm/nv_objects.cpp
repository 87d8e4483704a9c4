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

}  // namespace pawl::tpm
