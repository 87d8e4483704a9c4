#pragma once
#include <functional>
#include <string>

#include "fakes/soft_tpm.hpp"
#include "issuer/service.hpp"
#include "updater/enroll.hpp"

/// Both ends of an enrolment without a TPM chip and without a network.
namespace pawl::fakes {

/// A device's TPM keys in software.
class SoftKeys final : public updater::EnrolmentKeys {
 public:
  explicit SoftKeys(const SoftTpm& tpm) : tpm_(tpm) {}
  Result<Bytes> endorsement_public() override { return tpm_.ek_public(); }
  Result<std::optional<Bytes>> endorsement_certificate() override { return std::optional<Bytes>(); }
  Result<Bytes> attestation_public() override { return tpm_.ak_public(); }
  Result<SecretBytes> activate(const tpm::Credential& credential) override {
    const auto secret = tpm_.activate(credential);
    if (!secret) return fail(Errc::kTpm, "for another TPM");
    return SecretBytes::copy_of(*secret);
  }
  Result<tpm::QuoteEvidence> quote(const Sha256Digest& extra, tpm::PcrSet set) override {
    return tpm_.quote(extra, set);
  }

 private:
  const SoftTpm& tpm_;
};

/// The issuer's service itself, without a network.
class InProcessIssuer final : public updater::EnrolmentServer {
 public:
  InProcessIssuer(issuer::EnrolmentService& service, std::function<void(std::string&)> bend)
      : service_(service), bend_(std::move(bend)) {}
  Result<std::string> post(const std::string& path, const std::string& body) override {
    http::Request request;
    request.method = http::Method::kPost;
    request.target = path;
    request.body = body;
    auto answer = service_.respond(request);
    if (answer.status != 200) return fail(Errc::kRefusedByServer, answer.body);
    if (path == "/v1/enroll/finish") bend_(answer.body);
    return std::move(answer.body);
  }

 private:
  issuer::EnrolmentService& service_;
  std::function<void(std::string&)> bend_;
};

}  // namespace pawl::fakes
