#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "tpm/pcr.hpp"
#include "tpm/policy.hpp"

struct ESYS_CONTEXT;
struct TSS2_TCTI_OPAQUE_CONTEXT_BLOB;

namespace pawl::tpm {

/// A TPM object or session as ESYS names it (ESYS_TR).
using EsysHandle = std::uint32_t;

/// A connection to one TPM. One thread at a time; commands take 0.1 to 2 s each.
class Context {
 public:
  /// Connects and checks that this TPM can do what Pawl needs.
  ///
  /// @param tcti  named in full, `device:/dev/tpmrm0` or `swtpm:path=...`; nothing is searched for.
  ///              Call before threads start: libtss2's own logging is silenced by its environment
  ///              variable TSS2_LOG, unless that is set already.
  /// @return kConfig for an empty name; kTpm with kNoTpm, kNoSha256Bank or kOldTpm.
  static Result<Context> open(const std::string& tcti);

  /// Live values of `set`, SHA-256 bank, all taken between two extends.
  [[nodiscard]] Result<PcrValues> read_pcrs(PcrSet set) const;

  /// What TPM2_GetCapability says about authorizations.
  struct Permanent {
    bool owner_auth_set = false;
    bool endorsement_auth_set = false;
    bool lockout_auth_set = false;
    bool in_lockout = false;
  };
  [[nodiscard]] Result<Permanent> permanent() const;
  /// Failed dictionary-attack tries since the last reset of the counter.
  [[nodiscard]] Result<std::uint32_t> lockout_counter() const;

  [[nodiscard]] ESYS_CONTEXT* esys() const { return esys_.get(); }
  [[nodiscard]] TSS2_TCTI_OPAQUE_CONTEXT_BLOB* tcti() const { return tcti_.get(); }

 private:
  struct FreeTcti {
    void operator()(TSS2_TCTI_OPAQUE_CONTEXT_BLOB* p) const noexcept;
  };
  struct FreeEsys {
    void operator()(ESYS_CONTEXT* p) const noexcept;
  };
  using TctiPtr = std::unique_ptr<TSS2_TCTI_OPAQUE_CONTEXT_BLOB, FreeTcti>;
  using EsysPtr = std::unique_ptr<ESYS_CONTEXT, FreeEsys>;
  Context(TctiPtr tcti, EsysPtr esys) : tcti_(std::move(tcti)), esys_(std::move(esys)) {}
  TctiPtr tcti_;  // outlives esys_
  EsysPtr esys_;
};

/// A transient object or session, flushed when it goes.
class Loaded {
 public:
  Loaded(ESYS_CONTEXT* esys, EsysHandle handle) : esys_(esys), handle_(handle) {}
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  Loaded(Loaded&& other) noexcept;
  Loaded& operator=(Loaded&& other) noexcept;
  ~Loaded();
  [[nodiscard]] EsysHandle handle() const { return handle_; }

 private:
  void flush() noexcept;
  ESYS_CONTEXT* esys_;
  EsysHandle handle_;
};

}  // namespace pawl::tpm
