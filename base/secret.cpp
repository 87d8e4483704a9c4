#include "base/secret.hpp"

#include <algorithm>

#include <sodium.h>

namespace pawl {

void SecretBytes::Free::operator()(std::uint8_t* p) const noexcept {
  sodium_free(p);
}

Result<SecretBytes> SecretBytes::allocate(std::size_t size) {
  if (sodium_init() < 0) return fail(Errc::kInternal, "libsodium cannot start");
  auto* p = static_cast<std::uint8_t*>(sodium_malloc(size));
  if (p == nullptr) {
    return fail(Errc::kNoSpace, "cannot lock " + std::to_string(size) + " bytes for a secret")
        .with_hint("raise RLIMIT_MEMLOCK (ulimit -l)");
  }
  return SecretBytes(p, size);
}

Result<SecretBytes> SecretBytes::copy_of(ByteView from) {
  PAWL_TRY(auto out, allocate(from.size()));
  std::copy(from.begin(), from.end(), out.mutable_span().begin());
  return out;
}

void SecretBytes::truncate(std::size_t size) {
  PAWL_ASSERT(size <= size_);
  sodium_memzero(p_.get() + size, size_ - size);
  size_ = size;
}

bool equal_ct(const SecretBytes& a, const SecretBytes& b) {
  return a.size() == b.size() && sodium_memcmp(a.span().data(), b.span().data(), a.size()) == 0;
}

}  // namespace pawl
