#pragma once
#include <set>
#include <string>

#include "base/time.hpp"
#include "distributor/repository.hpp"
#include "http/http.hpp"
#include "identity/trust_set.hpp"

namespace pawl::distributor {

/// The device listener of the HTTP API (FORMAT 11): repository files for verified peers.
class DeviceService final : public http::Service {
 public:
  DeviceService(Repository repository, const identity::TrustSet& trust, Clock& clock)
      : repository_(std::move(repository)), trust_(trust), clock_(clock) {}
  /// The SVID has not expired, its authority is still trusted, and the ID is not banned.
  Status allow(const http::Peer& peer) override;
  void answer(const http::Request& request, const http::Peer& peer, http::Reply reply) override;
  /// Replaces the list of banned IDs; open connections notice at their next request or 64 KiB.
  void ban(std::set<identity::SpiffeId> ids) { banned_ = std::move(ids); }

 private:
  http::Response serve(const http::Request& request);
  Repository repository_;
  const identity::TrustSet& trust_;
  Clock& clock_;
  std::set<identity::SpiffeId> banned_;
};

}  // namespace pawl::distributor
