#pragma once
#include "base/log.hpp"
#include "http/http.hpp"
#include "issuer/enrolment.hpp"

namespace pawl::issuer {

/// The HTTP face of an enrolment (FORMAT 13.2): two requests of devices that have no SVID yet, and
/// the trust bundle for everybody. No request is trusted for the certificate its peer showed.
class EnrolmentService final : public http::Service {
 public:
  EnrolmentService(Enrolment& enrolment, const Authority& authority, Log& log)
      : enrolment_(enrolment), authority_(authority), log_(log) {}
  Status allow(const http::Peer& peer) override;
  void answer(const http::Request& request, const http::Peer& peer, http::Reply reply) override;
  /// The same without a connection.
  [[nodiscard]] http::Response respond(const http::Request& request);

 private:
  [[nodiscard]] http::Response start(const std::string& body);
  [[nodiscard]] http::Response finish(const std::string& body);
  Enrolment& enrolment_;
  const Authority& authority_;
  Log& log_;
};

}  // namespace pawl::issuer
