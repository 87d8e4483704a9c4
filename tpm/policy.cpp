#include "tpm/policy.hpp"

#include <algorithm>
#include <array>

#include "base/digest.hpp"
#include "base/reader.hpp"
#include "tpm/fault.hpp"

namespace pawl::tpm {
namespace {

constexpr std::uint16_t kSha256 = 0x000b;
constexpr std::uint16_t kUnsignedLe = 0x0009;  // TPM_EO_UNSIGNED_LE

PolicyDigest to_policy(const Sha256Digest& digest) {
  return PolicyDigest{digest.bytes};
}

/// H(start || command code || arguments)
PolicyDigest step(const PolicyDigest& start, CommandCode command, ByteView arguments) {
  Writer w;
  w.bytes(start.span());
  w.u32_be(static_cast<std::uint32_t>(command));
  w.bytes(arguments);
  return to_policy(sha256(w.view()));
}

Name name_of(ByteView public_area) {
  Writer w;
  w.u16_be(kSha256);
  w.bytes(sha256(public_area).span());
  Name name;
  std::copy(w.view().begin(), w.view().end(), name.bytes.begin());
  return name;
}

}  // namespace

Name nv_name(const NvPublic& nv) {
  Writer w;  // TPMS_NV_PUBLIC
  w.u32_be(nv.index);
  w.u16_be(kSha256);
  w.u32_be(nv.attributes);
  w.u16_be(0);  // no authPolicy
  w.u16_be(nv.size);
  return name_of(w.view());
}

Result<Name> object_name(ByteView public_area) {
  Reader r(public_area);
  PAWL_CHECK(r.take(2));  // type
  PAWL_TRY(const auto algorithm, r.u16_be());
  if (algorithm != kSha256) return fail(Errc::kMalformed, "TPM object whose Name is not SHA-256");
  return name_of(public_area);
}

PolicyDigest policy_pcr(const PolicyDigest& start, PcrSet set, const PcrValues& values) {
  Writer w;  // TPML_PCR_SELECTION with one bank, then the composite
  w.u32_be(1);
  w.u16_be(kSha256);
  w.u8(3);
  w.bytes(set.select());
  w.bytes(pcr_composite(set, values).span());
  return step(start, CommandCode::kPolicyPcr, w.view());
}

PolicyDigest policy_nv_at_most(const PolicyDigest& start, const Name& nv, std::uint64_t limit) {
  Writer operand;
  operand.u64_be(limit);
  operand.u16_be(0);  // offset
  operand.u16_be(kUnsignedLe);
  Writer w;
  w.bytes(sha256(operand.view()).span());
  w.bytes(nv.span());
  return step(start, CommandCode::kPolicyNv, w.view());
}

PolicyDigest policy_command_code(const PolicyDigest& start, CommandCode command) {
  Writer w;
  w.u32_be(static_cast<std::uint32_t>(command));
  return step(start, CommandCode::kPolicyCommandCode, w.view());
}

Result<PolicyDigest> policy_or(std::span<const PolicyDigest> branches) {
  if (branches.size() < 2 || branches.size() > kMaxOrBranches) {
    return fail(Errc::kInternal,
                "PolicyOR of " + std::to_string(branches.size()) + " branches, 2 to 8 allowed");
  }
  Writer w;
  for (const auto& b : branches) w.bytes(b.span());
  return step({}, CommandCode::kPolicyOr, w.view());
}

PolicyDigest policy_authorize_nv(const Name& nv) {
  return step({}, CommandCode::kPolicyAuthorizeNv, nv.span());
}

PolicyDigest branch_policy(const Branch& branch, const Name& counter) {
  return policy_nv_at_most(policy_pcr({}, branch.bound, branch.pcrs), counter, branch.limit);
}

Result<std::uint64_t> branch_limit(std::uint64_t counter, std::uint64_t base,
                                   SecurityVersion version) {
  const auto text = "counter " + std::to_string(counter) + ", base " + std::to_string(base) +
                    ", security version " + std::to_string(version.get());
  if (base > counter) return fail_tpm(Fault::kCounter, "base is above the counter: " + text);
  const auto floor = counter - base;
  if (version.get() < floor) {
    return fail_tpm(Fault::kCounter, "security version is below the floor: " + text);
  }
  if (version.get() - floor > kMaxRaise) {
    return fail_tpm(Fault::kCounter, "security version is over 64 above the floor: " + text);
  }
  // version - floor <= 64, so only a counter at the very end could wrap.
  const auto limit = counter + (version.get() - floor);
  if (limit < counter) return fail_tpm(Fault::kCounter, "counter is worn out: " + text);
  return limit;
}

Result<CellContent> cell_content(std::span<const PolicyDigest> branches) {
  PolicyDigest digest;
  if (branches.size() == 1) {
    digest = branches[0];
  } else {
    PAWL_TRY(digest, policy_or(branches));
  }
  Writer w;
  w.u16_be(kSha256);
  w.bytes(digest.span());
  CellContent out;
  std::copy(w.view().begin(), w.view().end(), out.bytes.begin());
  return out;
}

PolicyDigest sealed_policy(const Name& cell) {
  return policy_authorize_nv(cell);
}

std::array<PolicyDigest, 2> owner_branches(const Name& cell) {
  const auto allowed = policy_authorize_nv(cell);
  return {policy_command_code(allowed, CommandCode::kNvWrite),
          policy_command_code(allowed, CommandCode::kNvIncrement)};
}

PolicyDigest owner_policy(const Name& cell) {
  const auto branches = owner_branches(cell);
  auto digest = policy_or(branches);
  PAWL_ASSERT(static_cast<bool>(digest));
  return *digest;
}

}  // namespace pawl::tpm
