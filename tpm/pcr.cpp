#include "tpm/pcr.hpp"

#include "base/digest.hpp"

namespace pawl::tpm {

void extend(Sha256Digest& pcr, const Sha256Digest& digest) {
  Sha256 hash;
  hash.update(pcr.span());
  hash.update(digest.span());
  pcr = hash.finish();
}

Sha256Digest pcr_composite(PcrSet set, const PcrValues& values) {
  Sha256 hash;
  for (unsigned i = 0; i < kPcrCount; ++i) {
    if (set.has(i)) hash.update(values[i].span());
  }
  return hash.finish();
}

std::string to_string(PcrSet set) {
  std::string out;
  for (unsigned i = 0; i < kPcrCount; ++i) {
    if (!set.has(i)) continue;
    if (!out.empty()) out += ',';
    out += std::to_string(i);
  }
  return out;
}

PcrSet efi_uki_pcrs(SecureBoot secure_boot) {
  PcrSet set{2, 4, 9, 11, 12, 13};
  if (secure_boot == SecureBoot::kOn) set.add(7);
  return set;
}

}  // namespace pawl::tpm
