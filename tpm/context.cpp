#include "tpm/context.hpp"

#include <cstdlib>
#include <utility>

#include <tss2/tss2_tctildr.h>

#include "tpm/esys.hpp"

namespace pawl::tpm {
namespace {

constexpr unsigned kMaxReads = 16;  // attempts to read PCRs between two extends

Result<EsysOut<TPMS_CAPABILITY_DATA>> capability(ESYS_CONTEXT* esys, TPM2_CAP kind,
                                                 std::uint32_t first, std::uint32_t count) {
  TPMI_YES_NO more = 0;
  TPMS_CAPABILITY_DATA* data = nullptr;
  PAWL_CHECK(check(repeating([&] {
                     return Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, kind,
                                               first, count, &more, &data);
                   }),
                   "TPM2_GetCapability"));
  return EsysOut<TPMS_CAPABILITY_DATA>(data);
}

/// By capability, never by reading: PCR_Read of an absent bank succeeds with no values.
Status check_bank(ESYS_CONTEXT* esys) {
  PAWL_TRY(const auto data, capability(esys, TPM2_CAP_PCRS, 0, 64));
  const auto& banks = data->data.assignedPCR;
  const auto all = PcrSet{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}.select();
  for (UINT32 i = 0; i < std::min<UINT32>(banks.count, TPM2_NUM_PCR_BANKS); ++i) {
    const auto& bank = banks.pcrSelections[i];
    if (bank.hash != TPM2_ALG_SHA256 || bank.sizeofSelect < 3) continue;
    if ((bank.pcrSelect[0] & all[0]) == all[0] && (bank.pcrSelect[1] & all[1]) == all[1]) {
      return Ok{};
    }
  }
  return fail_tpm(Fault::kNoSha256Bank, "the TPM has no active SHA-256 bank of PCRs 0 to 15")
      .with_hint("switch the SHA-256 bank on in the firmware setup");
}

Status check_commands(ESYS_CONTEXT* esys) {
  PAWL_TRY(const auto data, capability(esys, TPM2_CAP_COMMANDS, TPM2_CC_PolicyAuthorizeNV, 1));
  const auto& commands = data->data.command;
  if (commands.count == 1 &&
      (commands.commandAttributes[0] & TPMA_CC_COMMANDINDEX_MASK) == TPM2_CC_PolicyAuthorizeNV) {
    return Ok{};
  }
  return fail_tpm(Fault::kOldTpm, "the TPM lacks PolicyAuthorizeNV (it is before revision 1.38)");
}

Result<std::uint32_t> property(ESYS_CONTEXT* esys, std::uint32_t which) {
  PAWL_TRY(const auto data, capability(esys, TPM2_CAP_TPM_PROPERTIES, which, 1));
  const auto& list = data->data.tpmProperties;
  if (list.count != 1 || list.tpmProperty[0].property != which) {
    return fail_tpm(Fault::kOther, "the TPM does not know property " + std::to_string(which));
  }
  return list.tpmProperty[0].value;
}

struct PcrReading {
  std::uint32_t update_counter = 0;
  PcrSet got;
};

/// One PCR_Read: a TPM returns up to eight values of those asked for.
Result<PcrReading> read_some(ESYS_CONTEXT* esys, PcrSet wanted, PcrValues& values) {
  const auto selection = selection_of(wanted);
  PcrReading out;
  TPML_PCR_SELECTION* raw_got = nullptr;
  TPML_DIGEST* raw_digests = nullptr;
  PAWL_CHECK(check(repeating([&] {
                     return Esys_PCR_Read(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                          &selection, &out.update_counter, &raw_got, &raw_digests);
                   }),
                   "TPM2_PCR_Read"));
  const EsysOut<TPML_PCR_SELECTION> got(raw_got);
  const EsysOut<TPML_DIGEST> digests(raw_digests);
  UINT32 next = 0;
  for (unsigned pcr = 0; pcr < kPcrCount; ++pcr) {
    const unsigned bits = got->pcrSelections[0].pcrSelect[pcr / 8];
    const bool has = got->count == 1 && ((bits >> (pcr % 8)) & 1U) != 0;
    if (!has || !wanted.has(pcr)) continue;
    if (next >= digests->count || digests->digests[next].size != 32) {
      return fail_tpm(Fault::kNoSha256Bank,
                      "the TPM returned no SHA-256 value of PCR " + std::to_string(pcr));
    }
    const auto& digest = digests->digests[next++];
    std::copy(digest.buffer, digest.buffer + 32, values[pcr].bytes.begin());
    out.got.add(pcr);
  }
  return out;
}

}  // namespace

void Context::FreeTcti::operator()(TSS2_TCTI_OPAQUE_CONTEXT_BLOB* p) const noexcept {
  Tss2_TctiLdr_Finalize(&p);
}
void Context::FreeEsys::operator()(ESYS_CONTEXT* p) const noexcept {
  Esys_Finalize(&p);
}

Result<Context> Context::open(const std::string& tcti) {
  if (tcti.empty()) return fail(Errc::kConfig, "no TCTI is named");
  (void)setenv("TSS2_LOG", "all+none", 0);  // NOLINT(concurrency-mt-unsafe): before threads start
  TSS2_TCTI_CONTEXT* raw_tcti = nullptr;
  if (const auto rc = Tss2_TctiLdr_Initialize(tcti.c_str(), &raw_tcti); rc != 0) {
    return fail_tpm(Fault::kNoTpm, "nothing answers at TCTI " + printable(tcti), rc);
  }
  TctiPtr owned_tcti(raw_tcti);
  ESYS_CONTEXT* raw_esys = nullptr;
  PAWL_CHECK(check(Esys_Initialize(&raw_esys, raw_tcti, nullptr), "Esys_Initialize"));
  Context out(std::move(owned_tcti), EsysPtr(raw_esys));
  PAWL_CHECK(check_bank(out.esys()));
  PAWL_CHECK(check_commands(out.esys()));
  return out;
}

Result<PcrValues> Context::read_pcrs(PcrSet set) const {
  for (unsigned attempt = 0; attempt < kMaxReads; ++attempt) {
    PcrValues values{};
    PcrSet done;
    std::optional<std::uint32_t> counter;
    bool steady = true;
    while (steady && done != set) {
      PcrSet rest;
      for (unsigned pcr = 0; pcr < kPcrCount; ++pcr) {
        if (set.has(pcr) && !done.has(pcr)) rest.add(pcr);
      }
      PAWL_TRY(const auto reading, read_some(esys(), rest, values));
      if (reading.got.empty()) {
        return fail_tpm(Fault::kNoSha256Bank,
                        "the TPM returned no value of PCRs " + to_string(rest));
      }
      steady = !counter || *counter == reading.update_counter;
      counter = reading.update_counter;
      for (unsigned pcr = 0; pcr < kPcrCount; ++pcr) {
        if (reading.got.has(pcr)) done.add(pcr);
      }
    }
    if (steady) return values;
  }
  return fail_tpm(Fault::kPcrChanged, "PCRs kept changing while they were read");
}

Result<Context::Permanent> Context::permanent() const {
  PAWL_TRY(const auto bits, property(esys(), TPM2_PT_PERMANENT));
  return Permanent{
      (bits & TPMA_PERMANENT_OWNERAUTHSET) != 0, (bits & TPMA_PERMANENT_ENDORSEMENTAUTHSET) != 0,
      (bits & TPMA_PERMANENT_LOCKOUTAUTHSET) != 0, (bits & TPMA_PERMANENT_INLOCKOUT) != 0};
}

Result<std::uint32_t> Context::lockout_counter() const {
  return property(esys(), TPM2_PT_LOCKOUT_COUNTER);
}

Loaded::Loaded(Loaded&& other) noexcept
    : esys_(other.esys_), handle_(std::exchange(other.handle_, ESYS_TR_NONE)) {}

Loaded& Loaded::operator=(Loaded&& other) noexcept {
  if (this != &other) {
    flush();
    esys_ = other.esys_;
    handle_ = std::exchange(other.handle_, ESYS_TR_NONE);
  }
  return *this;
}

Loaded::~Loaded() {
  flush();
}

void Loaded::flush() noexcept {
  if (handle_ != ESYS_TR_NONE) (void)Esys_FlushContext(esys_, handle_);
}

}  // namespace pawl::tpm
