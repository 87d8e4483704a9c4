#pragma once
#include "http/client.hpp"
#include "updater/config.hpp"
#include "updater/enroll.hpp"

namespace pawl::updater {

/// The way to the issuer: a client without a certificate that knows the issuer by its exact ID.
class IssuerLink final : public EnrolmentServer {
 public:
  /// Trusts the bundle of the image, or the one of the last enrolment when that is newer.
  /// @param stored  bundle.json of the SVID folder; may be absent
  static Result<std::unique_ptr<EnrolmentServer>> open(const Config::Issuer& config,
                                                       const std::string& stored, Disk& disk,
                                                       Clock& clock);
  Result<std::string> post(const std::string& path, const std::string& body) override;

 private:
  explicit IssuerLink(http::Client client) : client_(std::move(client)) {}
  http::Client client_;
};

}  // namespace pawl::updater
