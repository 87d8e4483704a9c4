#include "tpm/fault.hpp"

#include <utility>

namespace pawl::tpm {

std::string_view fault_name(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "none";
    case Fault::kOther:
      return "other";
    case Fault::kNoTpm:
      return "no_tpm";
    case Fault::kNoSha256Bank:
      return "no_sha256_bank";
    case Fault::kOldTpm:
      return "old_tpm";
    case Fault::kNotProvisioned:
      return "not_provisioned";
    case Fault::kCleared:
      return "cleared";
    case Fault::kForeign:
      return "foreign";
    case Fault::kTampered:
      return "tampered";
    case Fault::kPolicyRefused:
      return "policy_refused";
    case Fault::kPcrChanged:
      return "pcr_changed";
    case Fault::kLockout:
      return "lockout";
    case Fault::kAuth:
      return "auth";
    case Fault::kCounter:
      return "counter";
    case Fault::kNoSpace:
      return "no_space";
    case Fault::kNoMeasuredBoot:
      return "no_measured_boot";
    case Fault::kLogMismatch:
      return "log_mismatch";
    case Fault::kUnknownEvent:
      return "unknown_event";
    case Fault::kUnpredictable:
      return "unpredictable";
    case Fault::kTransient:
      return "transient";
  }
  return "other";
}

Error fail_tpm(Fault fault, std::string what, std::uint32_t rc) {
  const auto raw =
      static_cast<std::int64_t>(std::uint64_t{static_cast<std::uint32_t>(fault)} << 32U | rc);
  return fail(Errc::kTpm, std::move(what), raw);
}

Fault fault_of(const Error& error) {
  if (error.code() != Errc::kTpm) return Fault::kNone;
  const auto value = static_cast<std::uint64_t>(error.raw()) >> 32U;
  if (value > static_cast<std::uint64_t>(Fault::kTransient)) return Fault::kOther;
  return static_cast<Fault>(value);
}

std::uint32_t response_code_of(const Error& error) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(error.raw()));
}

}  // namespace pawl::tpm
