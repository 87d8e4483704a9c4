#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "tpm/pcr.hpp"

/// Policy digests and object Names computed without a TPM (SHA-256 sessions only).
/// Source: TPM 2.0 Part 3 (policy commands), Part 1 section 16 (Names). FORMAT 6.5.
namespace pawl::tpm {

using PolicyDigest = FixedBytes<struct PolicyDigestTag, 32>;
/// nameAlg (SHA-256) followed by the digest of the public area.
using Name = FixedBytes<struct NameTag, 34>;

enum class CommandCode : std::uint32_t {
  kNvIncrement = 0x134,
  kNvWrite = 0x137,
  kPolicyNv = 0x149,
  kPolicyCommandCode = 0x16c,
  kPolicyOr = 0x171,
  kPolicyPcr = 0x17f,
  kPolicyAuthorizeNv = 0x192,
};

inline constexpr std::uint64_t kMaxRaise = 64;    // how far a limit may be above the counter
inline constexpr std::size_t kMaxOrBranches = 8;  // TPMs refuse one and more than eight

/// Public area of an NV index whose Name and policy are SHA-256.
struct NvPublic {
  std::uint32_t index = 0;
  std::uint32_t attributes = 0;  // TPMA_NV; Names are predicted with kNvWritten set
  std::uint16_t size = 0;
  friend bool operator==(const NvPublic&, const NvPublic&) = default;
};
inline constexpr std::uint32_t kNvWritten = 1U << 29U;

/// Name of an NV index without an authPolicy.
[[nodiscard]] Name nv_name(const NvPublic& nv);
/// Name of an object from its marshalled TPMT_PUBLIC, whose nameAlg must be SHA-256.
[[nodiscard]] Result<Name> object_name(ByteView public_area);

/// Each takes the digest so far (all zero at the start) and returns the next one.
[[nodiscard]] PolicyDigest policy_pcr(const PolicyDigest& start, PcrSet set,
                                      const PcrValues& values);
/// The 8-byte counter `nv` is at most `limit`.
[[nodiscard]] PolicyDigest policy_nv_at_most(const PolicyDigest& start, const Name& nv,
                                             std::uint64_t limit);
[[nodiscard]] PolicyDigest policy_command_code(const PolicyDigest& start, CommandCode command);
/// These two replace the digest so far.
/// @return kInternal unless 2 to 8 branches are given.
[[nodiscard]] Result<PolicyDigest> policy_or(std::span<const PolicyDigest> branches);
[[nodiscard]] PolicyDigest policy_authorize_nv(const Name& nv);

/// PolicyPCR(all bound PCRs of one release) AND PolicyNV(counter <= limit).
struct Branch {
  PcrSet bound;
  PcrValues pcrs{};
  std::uint64_t limit = 0;  // from branch_limit
  friend bool operator==(const Branch&, const Branch&) = default;
};
[[nodiscard]] PolicyDigest branch_policy(const Branch& branch, const Name& counter);

/// Operand of a branch: base + security_version, in checked arithmetic.
///
/// `base` may not be above the counter. A limit below the counter locks out at once and one over
/// counter + 64 would hold for ever (a negative sum wraps to nearly 2^64): both are refused.
/// @return kTpm (kCounter) naming the numbers. ARCHITECTURE, FORMAT 6.5.6.
[[nodiscard]] Result<std::uint64_t> branch_limit(std::uint64_t counter, std::uint64_t base,
                                                 SecurityVersion version);

/// What the cell holds: 000b and the branch itself, or PolicyOR of two to eight.
using CellContent = FixedBytes<struct CellContentTag, 34>;
[[nodiscard]] Result<CellContent> cell_content(std::span<const PolicyDigest> branches);

/// authPolicy of everything sealed under the cell.
[[nodiscard]] PolicyDigest sealed_policy(const Name& cell);
/// The two branches of the owner policy, and the policy: an allowed boot state may NV_Write and
/// NV_Increment and nothing else. Order: write, increment.
[[nodiscard]] std::array<PolicyDigest, 2> owner_branches(const Name& cell);
[[nodiscard]] PolicyDigest owner_policy(const Name& cell);

}  // namespace pawl::tpm
