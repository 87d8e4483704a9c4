#pragma once
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tpm/endorsement.hpp"
#include "tpm/enrolment.hpp"
#include "tpm/quote.hpp"

/// The device's side of the enrolment bodies (FORMAT 13.2), in the order they travel.
namespace pawl::updater {

struct BegunEnrolment {
  Bytes ek_public;
  std::optional<Bytes> ek_certificate;
  Bytes ak_public;
  Bytes svid_public;
  [[nodiscard]] std::string format() const;
};

struct StartedEnrolment {
  tpm::EnrolmentSession session;
  tpm::Credential credential;
  /// @return kMalformed, kTooLarge
  static Result<StartedEnrolment> parse(std::string_view body);
};

struct ProvenEnrolment {
  tpm::EnrolmentSession session;
  Bytes activated;
  tpm::QuoteEvidence quote;
  Bytes svid_signature;
  [[nodiscard]] std::string format() const;
};

struct FinishedEnrolment {
  std::string svid_chain_pem;
  std::string bundle;  // JWK set, as JSON
  /// @return kMalformed, kTooLarge
  static Result<FinishedEnrolment> parse(std::string_view body);
};

}  // namespace pawl::updater
