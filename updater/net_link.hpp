#pragma once
#include <optional>
#include <string>

#include "base/log.hpp"
#include "http/client.hpp"
#include "updater/net_identity.hpp"

namespace pawl::updater {

/// The one connection of this device to its distributor. Opens when first used, shows a new SVID
/// as soon as there is one.
class NetLink {
 public:
  struct Parts {
    Disk& disk;
    Clock& clock;
    Log& log;
  };
  NetLink(Config::Server server, IdentitySource source, Parts parts);

  /// As http::Client::send; also the errors of the identity's source.
  Result<http::ClientResponse> send(const http::ClientRequest& request);
  Result<http::ClientResponse> send(const http::ClientRequest& request, http::BodySink& sink);
  /// How long the server wants to be left alone, if its last answer said so.
  [[nodiscard]] std::optional<Seconds> asked_wait() const { return asked_wait_; }
  /// This device's SPIFFE ID. @return the errors of the identity's source
  Result<std::string> device_id();
  [[nodiscard]] http::ClientTraffic traffic() const;

 private:
  Status ready();
  Status use(identity::Identity identity);
  Result<http::ClientResponse> noted(Result<http::ClientResponse> answer);

  Config::Server server_;
  IdentitySource source_;
  Parts parts_;
  std::string device_id_;
  std::optional<http::Client> client_;
  std::optional<Seconds> asked_wait_;
};

}  // namespace pawl::updater
