#include "tpm/policy_cell.hpp"

#include <string>

#include "tpm/esys.hpp"
#include "tpm/objects.hpp"

namespace pawl::tpm {
namespace {

constexpr unsigned kMaxReplays = 16;  // PCRs may be extended by others while a policy is satisfied

/// PolicyOR, and PolicyAuthorizeNV, answer with format-one codes that mean "not this state".
Status judged(TSS2_RC rc, const char* command) {
  const auto code = base_code(rc);
  if (fault_from(rc) == Fault::kOther && (code == TPM2_RC_VALUE || code == TPM2_RC_POLICY_FAIL)) {
    return fail_tpm(Fault::kPolicyRefused,
                    std::string(command) + ": this boot state is not in the cell", rc);
  }
  if (fault_from(rc) == Fault::kPolicyRefused) {
    return fail_tpm(Fault::kPolicyRefused,
                    std::string(command) + ": the counter is above this release's limit", rc);
  }
  return check(rc, command);
}

Result<EsysHandle> find_index(Context& tpm, const NvPublic& wanted, const char* what) {
  PAWL_TRY(const auto found, attach(tpm, wanted.index));
  if (!found)
    return fail_tpm(Fault::kNotProvisioned, std::string("the ") + what + " is not defined");
  PAWL_TRY(const auto name, name_of(tpm, *found));
  if (name != nv_name(wanted)) {
    return fail_tpm(Fault::kTampered,
                    std::string("the ") + what + " has other attributes, or was never written");
  }
  return *found;
}

Status check_text(const CellText& text) {
  if (text.running < text.branches.size() && text.branches.size() <= kMaxOrBranches) return Ok{};
  return fail(Errc::kInternal, "cell text without the running release");
}

std::vector<PolicyDigest> digests_of(const CellText& text) {
  const auto counter = nv_name(kCounterPublic);
  std::vector<PolicyDigest> out;
  for (const auto& branch : text.branches) out.push_back(branch_policy(branch, counter));
  return out;
}

TPML_DIGEST digest_list(std::span<const PolicyDigest> digests) {
  TPML_DIGEST out{};
  PAWL_ASSERT(digests.size() <= kMaxOrBranches);
  for (const auto& d : digests) out.digests[out.count++] = to_2b<TPM2B_DIGEST>(d.span());
  return out;
}

Status policy_or_on(Context& tpm, const Loaded& session, std::span<const PolicyDigest> digests) {
  const auto list = digest_list(digests);
  return judged(
      Esys_PolicyOR(tpm.esys(), session.handle(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &list),
      "PolicyOR");
}

}  // namespace

Result<CellContent> content_of(const CellText& text) {
  PAWL_CHECK(check_text(text));
  return cell_content(digests_of(text));
}

Result<PolicyCell> PolicyCell::attach(Context& tpm, const Name& srk) {
  Handles h{};
  PAWL_TRY(h.srk, find_srk(tpm, srk));
  PAWL_TRY(h.counter, find_index(tpm, kCounterPublic, "counter"));
  PAWL_TRY(h.cell, find_index(tpm, kCellPublic, "cell"));
  PAWL_TRY(h.anchor, find_index(tpm, kAnchorPublic, "anchor"));
  return PolicyCell(tpm, h);
}

Result<Bytes> PolicyCell::read(EsysHandle index, std::uint16_t size, std::uint16_t offset) {
  TPM2B_MAX_NV_BUFFER* raw = nullptr;
  PAWL_CHECK(check(repeating([&] {
                     return Esys_NV_Read(tpm_.esys(), index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                         ESYS_TR_NONE, size, offset, &raw);
                   }),
                   "TPM2_NV_Read"));
  const EsysOut<TPM2B_MAX_NV_BUFFER> data(raw);
  if (data->size != size) return fail_tpm(Fault::kTampered, "NV index of a wrong size");
  return Bytes(data->buffer, data->buffer + data->size);
}

Result<std::uint64_t> PolicyCell::counter() {
  PAWL_TRY(const auto bytes, read(counter_, kCounterSize));
  std::uint64_t value = 0;
  for (const auto b : bytes) value = value << 8U | b;
  return value;
}

Result<CellContent> PolicyCell::cell() {
  PAWL_TRY(const auto bytes, read(cell_, kCellSize));
  CellContent out;
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

Result<Anchor> PolicyCell::anchor() {
  PAWL_TRY(const auto bytes, read(anchor_, kVaultAnchorSize));
  AnchorBytes out;
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return decode_anchor(out);
}

Result<RecordsAnchor> PolicyCell::records_anchor() {
  PAWL_TRY(const auto bytes, read(anchor_, kRecordsAnchorSize, kVaultAnchorSize));
  RecordsAnchorBytes out;
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return decode_records_anchor(out);
}

Result<KeyBlob> PolicyCell::seal(const SecretBytes& secret) {
  return seal_under(tpm_, srk_, sealed_policy(nv_name(kCellPublic)), secret);
}

/// The order of FORMAT 6.5.5 to 6.5.7. PolicyNV is judged when it is issued, not at use.
Status PolicyCell::satisfy(const Loaded& session, const CellText& text) {
  PAWL_CHECK(check(
      Esys_PolicyRestart(tpm_.esys(), session.handle(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
      "PolicyRestart"));
  const auto& own = text.branches[text.running];
  const auto selection = selection_of(own.bound);
  const TPM2B_DIGEST live{};
  PAWL_CHECK(check(Esys_PolicyPCR(tpm_.esys(), session.handle(), ESYS_TR_NONE, ESYS_TR_NONE,
                                  ESYS_TR_NONE, &live, &selection),
                   "PolicyPCR"));
  TPM2B_OPERAND limit{};
  limit.size = 8;
  for (unsigned i = 0; i < 8; ++i) {
    limit.buffer[i] = static_cast<BYTE>(own.limit >> (56U - 8U * i));
  }
  PAWL_CHECK(
      judged(Esys_PolicyNV(tpm_.esys(), counter_, counter_, session.handle(), ESYS_TR_PASSWORD,
                           ESYS_TR_NONE, ESYS_TR_NONE, &limit, 0, TPM2_EO_UNSIGNED_LE),
             "PolicyNV"));
  if (text.branches.size() > 1) PAWL_CHECK(policy_or_on(tpm_, session, digests_of(text)));
  return judged(Esys_PolicyAuthorizeNV(tpm_.esys(), cell_, cell_, session.handle(),
                                       ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
                "PolicyAuthorizeNV");
}

Status PolicyCell::satisfy_owner(const Loaded& session, const CellText& text, CommandCode command) {
  PAWL_CHECK(satisfy(session, text));
  PAWL_CHECK(check(Esys_PolicyCommandCode(tpm_.esys(), session.handle(), ESYS_TR_NONE, ESYS_TR_NONE,
                                          ESYS_TR_NONE, static_cast<TPM2_CC>(command)),
                   "PolicyCommandCode"));
  return policy_or_on(tpm_, session, owner_branches(nv_name(kCellPublic)));
}

Status PolicyCell::with_policy(const std::function<Status(const Loaded&)>& satisfy_it,
                               const std::function<Status(const Loaded&)>& use) {
  PAWL_TRY(const auto session, start_session(tpm_, srk_, SessionKind::kPolicy));
  for (unsigned n = 0; n < kMaxReplays; ++n) {
    auto status = satisfy_it(session);
    if (status) status = use(session);
    if (status || fault_of(status.error()) != Fault::kPcrChanged) return status;
  }
  return fail_tpm(Fault::kPcrChanged, "PCRs kept changing while the policy was satisfied");
}

Result<SecretBytes> PolicyCell::unseal(const KeyBlob& blob, const CellText& text) {
  PAWL_CHECK(check_text(text));
  PAWL_TRY(const auto object, load_object(tpm_, srk_, blob));
  std::optional<SecretBytes> secret;
  PAWL_CHECK(with_policy([&](const Loaded& s) { return satisfy(s, text); },
                         [&](const Loaded& s) -> Status {
                           PAWL_TRY(secret, unseal_with(tpm_, object, s));
                           return Ok{};
                         }));
  return std::move(*secret);
}

Status PolicyCell::write(EsysHandle index, ByteView bytes, const CellText& now,
                         std::uint16_t offset) {
  PAWL_CHECK(check_text(now));
  const auto data = to_2b<TPM2B_MAX_NV_BUFFER>(bytes);
  return with_policy([&](const Loaded& s) { return satisfy_owner(s, now, CommandCode::kNvWrite); },
                     [&](const Loaded& s) {
                       return check(Esys_NV_Write(tpm_.esys(), ESYS_TR_RH_OWNER, index, s.handle(),
                                                  ESYS_TR_NONE, ESYS_TR_NONE, &data, offset),
                                    "TPM2_NV_Write");
                     });
}

Status PolicyCell::write_cell(const CellText& now, const CellText& next) {
  PAWL_TRY(const auto content, content_of(next));
  PAWL_TRY(const auto held, cell());
  if (held == content) return Ok{};
  return write(cell_, content.span(), now);
}

Status PolicyCell::rewrite_cell(const CellText& now) {
  PAWL_TRY(const auto content, content_of(now));
  return write(cell_, content.span(), now);
}

Status PolicyCell::write_anchor(const CellText& now, const Anchor& anchor) {
  return write(anchor_, encode_anchor(anchor).span(), now);
}

Status PolicyCell::write_records_anchor(const CellText& now, const RecordsAnchor& anchor) {
  return write(anchor_, encode_records_anchor(anchor).span(), now, kVaultAnchorSize);
}

Status PolicyCell::increment(const CellText& now) {
  return with_policy(
      [&](const Loaded& s) { return satisfy_owner(s, now, CommandCode::kNvIncrement); },
      [&](const Loaded& s) {
        return check(Esys_NV_Increment(tpm_.esys(), ESYS_TR_RH_OWNER, counter_, s.handle(),
                                       ESYS_TR_NONE, ESYS_TR_NONE),
                     "TPM2_NV_Increment");
      });
}

Status PolicyCell::raise_counter(const CellText& now, std::uint64_t target) {
  PAWL_CHECK(check_text(now));
  PAWL_TRY(auto value, counter());
  if (target > value && target - value > kMaxRaise) {
    return fail_tpm(Fault::kCounter, "counter " + std::to_string(value) + " would rise to " +
                                         std::to_string(target) + ", over 64 at once");
  }
  while (value < target) {
    PAWL_CHECK(increment(now));
    PAWL_TRY(value, counter());
  }
  return Ok{};
}

}  // namespace pawl::tpm
