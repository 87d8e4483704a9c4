#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pawl {

/// Bytes that must not leak: guard pages, mlock, wiped on destruction.
/// Move-only; no ==, no <<. Compare with `equal_ct`.
class SecretBytes {
 public:
  /// @return kNoSpace when the memory cannot be had or locked (RLIMIT_MEMLOCK).
  static Result<SecretBytes> allocate(std::size_t size);
  /// Copies `from`; the caller still has to wipe its own copy.
  static Result<SecretBytes> copy_of(ByteView from);
  [[nodiscard]] std::span<std::uint8_t> mutable_span() { return {p_.get(), size_}; }
  [[nodiscard]] ByteView span() const { return {p_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Keeps the first `size` bytes and wipes the rest. `size` must not grow.
  void truncate(std::size_t size);

 private:
  struct Free {
    void operator()(std::uint8_t* p) const noexcept;  // wipes
  };
  SecretBytes(std::uint8_t* p, std::size_t n) : p_(p), size_(n) {}
  std::unique_ptr<std::uint8_t, Free> p_;
  std::size_t size_;
};

[[nodiscard]] bool equal_ct(const SecretBytes& a, const SecretBytes& b);

}  // namespace pawl
