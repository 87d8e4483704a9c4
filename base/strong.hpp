#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <span>

namespace pawl {

/// A number that only mixes with its own kind.
template <class Tag, class T = std::uint64_t>
class Strong {
 public:
  constexpr explicit Strong(T v) noexcept : v_(v) {}
  [[nodiscard]] constexpr T get() const noexcept { return v_; }
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 misreads the defaulted operator
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  T v_;
};
using SecurityVersion = Strong<struct SecurityVersionTag>;  // anti-rollback floor; never goes down
using MetadataVersion = Strong<struct MetadataVersionTag>;  // TUF version of one role's file
using ReleaseCounter = Strong<struct ReleaseCounterTag>;    // rises with every release of a product

template <class Tag, std::size_t N>
struct FixedBytes {
  std::array<std::uint8_t, N> bytes{};
  [[nodiscard]] std::span<const std::uint8_t, N> span() const { return bytes; }
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
};
using Sha256Digest = FixedBytes<struct Sha256DigestTag, 32>;
using Blake2bDigest = FixedBytes<struct Blake2bDigestTag, 32>;
using Ed25519PublicKey = FixedBytes<struct Ed25519PublicKeyTag, 32>;
using Ed25519Signature = FixedBytes<struct Ed25519SignatureTag, 64>;

}  // namespace pawl
