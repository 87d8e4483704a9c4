#pragma once
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <tss2/tss2_esys.h>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tpm/context.hpp"
#include "tpm/fault.hpp"

/// Inside of the room: what every file that calls ESYS needs.
namespace pawl::tpm {

struct EsysFree {
  void operator()(void* p) const noexcept { Esys_Free(p); }
};
template <class T>
using EsysOut = std::unique_ptr<T, EsysFree>;

/// Which fault a response code stands for; kNone for success.
[[nodiscard]] Fault fault_from(TSS2_RC rc);
/// The code without layer, handle, session or parameter number.
[[nodiscard]] TSS2_RC base_code(TSS2_RC rc);

/// An error naming the command and the code, unless `rc` is success.
[[nodiscard]] Status check(TSS2_RC rc, const char* command);

/// How long to wait before the n-th repetition (from 1) of a command the TPM wants repeated.
[[nodiscard]] std::chrono::milliseconds backoff(unsigned n);
inline constexpr unsigned kMaxRepeats = 12;
using Sleep = std::function<void(std::chrono::milliseconds)>;
void sleep_thread(std::chrono::milliseconds time);

/// Runs a command until it no longer answers that it should be repeated, at most kMaxRepeats times
/// more. Only for commands that may be repeated: not NV_Increment after a lost answer.
[[nodiscard]] TSS2_RC repeating(const std::function<TSS2_RC()>& command,
                                const Sleep& sleep = &sleep_thread);

/// Copies into a TPM2B; `bytes` must fit.
template <class T>
T to_2b(ByteView bytes) {
  T out{};
  PAWL_ASSERT(bytes.size() <= sizeof(out.buffer));
  out.size = static_cast<UINT16>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), out.buffer);
  return out;
}
template <class T>
ByteView view_of(const T& sized) {
  return {sized.buffer, sized.size};
}

/// Selection of one bank, SHA-256.
[[nodiscard]] TPML_PCR_SELECTION selection_of(PcrSet set);

enum class SessionKind : std::uint8_t { kHmac, kPolicy };
/// A session salted to `salt` (the storage root key), so that its parameters can be encrypted:
/// AES-128-CFB, SHA-256.
[[nodiscard]] Result<Loaded> start_session(Context& tpm, EsysHandle salt, SessionKind kind);
/// Attributes hold for the next command; the session is always kept.
[[nodiscard]] Status set_encryption(Context& tpm, const Loaded& session, TPMA_SESSION attributes);

/// A resource that exists in the TPM: a persistent key or an NV index.
/// @return empty when the TPM has none at this handle.
[[nodiscard]] Result<std::optional<EsysHandle>> attach(Context& tpm, TPM2_HANDLE handle);
[[nodiscard]] Result<Name> name_of(Context& tpm, EsysHandle handle);

}  // namespace pawl::tpm
