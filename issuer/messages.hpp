#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "tpm/endorsement.hpp"
#include "tpm/enrolment.hpp"
#include "tpm/quote.hpp"

/// The bodies of the enrolment requests and their answers (FORMAT 13.2).
namespace pawl::issuer {

struct StartRequest {
  Bytes ek_public;                     // TPMT_PUBLIC
  std::vector<Bytes> ek_certificates;  // DER: the TPM's own, then up to 8 intermediates
  Bytes ak_public;                     // TPMT_PUBLIC
  Bytes svid_public;                   // DER SubjectPublicKeyInfo
};
struct FinishRequest {
  tpm::EnrolmentSession session;
  SecretBytes activated;
  tpm::QuoteEvidence quote;
  Bytes svid_signature;  // DER ECDSA by the SVID key
};

/// @return kMalformed, kTooLarge
[[nodiscard]] Result<StartRequest> parse_start_request(std::string_view body);
[[nodiscard]] Result<FinishRequest> parse_finish_request(std::string_view body);

struct StartAnswer {
  tpm::EnrolmentSession session;
  tpm::Credential credential;
  std::chrono::seconds expires{0};
};
struct FinishAnswer {
  std::string id;
  std::string svid_chain_pem;
  json::Value bundle;  // JWK set
  UtcTime not_after;
};
[[nodiscard]] std::string write_start_answer(const StartAnswer& answer);
[[nodiscard]] std::string write_finish_answer(const FinishAnswer& answer);

}  // namespace pawl::issuer
