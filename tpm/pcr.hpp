#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/strong.hpp"

namespace pawl::tpm {

inline constexpr unsigned kPcrCount = 24;  // of a PC client TPM; one bank, SHA-256

/// A set of PCR numbers 0..23; always meant for the SHA-256 bank.
class PcrSet {
 public:
  constexpr PcrSet() = default;
  constexpr PcrSet(std::initializer_list<unsigned> pcrs) {
    for (const auto p : pcrs) add(p);
  }
  constexpr void add(unsigned pcr) {
    if (pcr < kPcrCount) mask_ |= 1U << pcr;
  }
  [[nodiscard]] constexpr bool has(unsigned pcr) const {
    return pcr < kPcrCount && ((mask_ >> pcr) & 1U) != 0;
  }
  [[nodiscard]] constexpr bool covers(PcrSet other) const { return (other.mask_ & ~mask_) == 0; }
  [[nodiscard]] constexpr bool empty() const { return mask_ == 0; }
  [[nodiscard]] constexpr std::uint32_t mask() const { return mask_; }
  /// The three bytes of a TPMS_PCR_SELECTION.
  [[nodiscard]] constexpr std::array<std::uint8_t, 3> select() const {
    return {static_cast<std::uint8_t>(mask_), static_cast<std::uint8_t>(mask_ >> 8U),
            static_cast<std::uint8_t>(mask_ >> 16U)};
  }
  friend constexpr bool operator==(const PcrSet&, const PcrSet&) = default;

 private:
  std::uint32_t mask_ = 0;
};

/// One digest per PCR; those outside the set in question are meaningless.
using PcrValues = std::array<Sha256Digest, kPcrCount>;

/// PCR := SHA-256(PCR || digest).
void extend(Sha256Digest& pcr, const Sha256Digest& digest);

/// SHA-256 over the values of `set` in rising order: what PolicyPCR and a quote commit to.
[[nodiscard]] Sha256Digest pcr_composite(PcrSet set, const PcrValues& values);

/// "2,4,9".
[[nodiscard]] std::string to_string(PcrSet set);

enum class SecureBoot : std::uint8_t { kOff, kOn };
/// PCRs bound by profile `efi-uki`, all in one selection. FORMAT 6, FORMAT 6.4.1.
[[nodiscard]] PcrSet efi_uki_pcrs(SecureBoot secure_boot);

}  // namespace pawl::tpm
