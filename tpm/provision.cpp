#include "tpm/provision.hpp"

#include <string>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/reader.hpp"
#include "tpm/esys.hpp"
#include "tpm/objects.hpp"

namespace pawl::tpm {
namespace {

constexpr std::size_t kAuthSize = 32;

Result<SecretBytes> random_auth() {
  PAWL_TRY(auto out, SecretBytes::allocate(kAuthSize));
  if (RAND_bytes(out.mutable_span().data(), static_cast<int>(kAuthSize)) != 1) {
    return fail(Errc::kInternal, "no randomness");
  }
  out.mutable_span().back() |= 1U;  // a TPM strips trailing zeros of an authorization value
  return out;
}

Status undefine(Context& tpm, std::uint32_t index) {
  PAWL_TRY(const auto found, attach(tpm, index));
  if (!found) return Ok{};
  return check(Esys_NV_UndefineSpace(tpm.esys(), ESYS_TR_RH_OWNER, *found, ESYS_TR_PASSWORD,
                                     ESYS_TR_NONE, ESYS_TR_NONE),
               "TPM2_NV_UndefineSpace");
}

/// Defines an index with the owner's still empty auth.
Result<EsysHandle> define(Context& tpm, const NvPublic& nv) {
  TPM2B_NV_PUBLIC area{};
  area.nvPublic.nvIndex = nv.index;
  area.nvPublic.nameAlg = TPM2_ALG_SHA256;
  area.nvPublic.attributes = nv.attributes & ~kNvWritten;
  area.nvPublic.dataSize = nv.size;
  const TPM2B_AUTH none{};
  ESYS_TR out = ESYS_TR_NONE;
  PAWL_CHECK(check(Esys_NV_DefineSpace(tpm.esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                       ESYS_TR_NONE, &none, &area, &out),
                   "TPM2_NV_DefineSpace"));
  return out;
}

Status write_first(Context& tpm, EsysHandle index, ByteView bytes) {
  const auto data = to_2b<TPM2B_MAX_NV_BUFFER>(bytes);
  return check(Esys_NV_Write(tpm.esys(), ESYS_TR_RH_OWNER, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                             ESYS_TR_NONE, &data, 0),
               "TPM2_NV_Write");
}

Result<std::uint64_t> increment(Context& tpm, EsysHandle counter) {
  PAWL_CHECK(check(Esys_NV_Increment(tpm.esys(), ESYS_TR_RH_OWNER, counter, ESYS_TR_PASSWORD,
                                     ESYS_TR_NONE, ESYS_TR_NONE),
                   "TPM2_NV_Increment"));
  TPM2B_MAX_NV_BUFFER* raw = nullptr;
  PAWL_CHECK(check(Esys_NV_Read(tpm.esys(), counter, counter, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                ESYS_TR_NONE, kCounterSize, 0, &raw),
                   "TPM2_NV_Read"));
  const EsysOut<TPM2B_MAX_NV_BUFFER> data(raw);
  std::uint64_t value = 0;
  for (const auto b : view_of(*data)) value = value << 8U | b;
  return value;
}

/// A new counter starts above every earlier one, but may start below the floor it has to express.
Result<std::uint64_t> start_counter(Context& tpm, std::uint64_t floor) {
  if (floor > kMaxFirstFloor) {
    return fail_tpm(Fault::kCounter, "first floor " + std::to_string(floor) + " is over 1024");
  }
  PAWL_TRY(const auto counter, define(tpm, kCounterPublic));
  PAWL_TRY(auto value, increment(tpm, counter));
  while (value < floor) {
    PAWL_TRY(value, increment(tpm, counter));
  }
  return value;
}

Status set_owner_policy(Context& tpm) {
  const auto digest = to_2b<TPM2B_DIGEST>(owner_policy(nv_name(kCellPublic)).span());
  return check(Esys_SetPrimaryPolicy(tpm.esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                     ESYS_TR_NONE, &digest, TPM2_ALG_SHA256),
               "TPM2_SetPrimaryPolicy");
}

/// The new value crosses the bus encrypted.
Status change_auth(Context& tpm, EsysHandle srk, EsysHandle hierarchy, const SecretBytes& auth) {
  PAWL_TRY(const auto session, start_session(tpm, srk, SessionKind::kHmac));
  PAWL_CHECK(set_encryption(tpm, session, TPMA_SESSION_DECRYPT));
  auto value = to_2b<TPM2B_AUTH>(auth.span());
  const auto rc = Esys_HierarchyChangeAuth(tpm.esys(), hierarchy, session.handle(), ESYS_TR_NONE,
                                           ESYS_TR_NONE, &value);
  OPENSSL_cleanse(&value, sizeof(value));
  return check(rc, "TPM2_HierarchyChangeAuth");
}

/// Counter and cell, written once, with the Names all policies were computed for.
Result<Provisioned> make_objects(Context& tpm, const ProvisionPlan& plan, EsysHandle srk) {
  for (const auto index : {kCellIndex, kCounterIndex, kAnchorIndex}) {
    PAWL_CHECK(undefine(tpm, index));
  }
  Provisioned out;
  PAWL_TRY(out.srk, name_of(tpm, srk));
  PAWL_TRY(const auto counter, start_counter(tpm, plan.running.get()));
  out.base = counter - plan.running.get();
  Branch running{plan.bound, plan.pcrs, 0};
  PAWL_TRY(running.limit, branch_limit(counter, out.base, plan.running));
  out.text = {{running}, 0};
  PAWL_TRY(const auto cell, define(tpm, kCellPublic));
  PAWL_TRY(const auto content, content_of(out.text));
  PAWL_CHECK(write_first(tpm, cell, content.span()));
  PAWL_TRY(const auto anchor, define(tpm, kAnchorPublic));
  Writer first;
  first.bytes(encode_anchor({}).span());
  first.bytes(encode_records_anchor(plan.records).span());
  PAWL_CHECK(write_first(tpm, anchor, first.view()));
  return out;
}

/// Proves with the real policy that the secret opens and that the cell can be moved.
Status prove(Context& tpm, const Provisioned& made, const SecretBytes& secret) {
  PAWL_TRY(auto cell, PolicyCell::attach(tpm, made.srk));  // checks the Names
  PAWL_TRY(const auto opened, cell.unseal(made.sealed, made.text));
  if (!equal_ct(opened, secret)) return fail_tpm(Fault::kOther, "unsealed another secret");
  PAWL_CHECK(set_owner_policy(tpm));
  return cell.rewrite_cell(made.text);
}

/// What cannot be taken back, after everything was proven; the owner auth says "done".
Status give_away(Context& tpm, EsysHandle srk, bool lockout_set, ProvisionKeeper& keeper) {
  PAWL_TRY(auto owner_auth, random_auth());
  RecoverySecrets secrets{std::move(owner_auth), std::nullopt};
  if (!lockout_set) {
    PAWL_TRY(secrets.lockout_auth, random_auth());
  }
  PAWL_CHECK(keeper.keep_recovery(secrets));
  if (secrets.lockout_auth) {
    PAWL_CHECK(change_auth(tpm, srk, ESYS_TR_RH_LOCKOUT, *secrets.lockout_auth));
  }
  return change_auth(tpm, srk, ESYS_TR_RH_OWNER, secrets.owner_auth);
}

}  // namespace

Status provision(Context& tpm, const ProvisionPlan& plan, const SecretBytes& secret,
                 ProvisionKeeper& keeper) {
  if (plan.running < plan.registry_floor) {
    return fail(Errc::kRollback,
                "security version " + std::to_string(plan.running.get()) + " is below the floor " +
                    std::to_string(plan.registry_floor.get()) + " the registry has for this TPM");
  }
  PAWL_TRY(const auto permanent, tpm.permanent());
  if (permanent.owner_auth_set) {
    return fail_tpm(Fault::kAuth, "the TPM has an owner already")
        .with_hint("it is provisioned, or belongs to other software; see docs/runbooks/tpm.md");
  }
  PAWL_TRY(const auto srk, ensure_srk(tpm));
  PAWL_TRY(auto made, make_objects(tpm, plan, srk));
  PAWL_TRY(made.sealed, seal_under(tpm, srk, sealed_policy(nv_name(kCellPublic)), secret));
  PAWL_CHECK(keeper.keep_provisioned(made));
  PAWL_CHECK(prove(tpm, made, secret));
  return give_away(tpm, srk, permanent.lockout_auth_set, keeper);
}

}  // namespace pawl::tpm
