#pragma once
#include <string>

#include "distributor/fleet.hpp"
#include "http/server.hpp"

namespace pawl::distributor {

/// The figures of a running distributor in Prometheus' text format 0.0.4 (FORMAT 12.7).
[[nodiscard]] std::string write_metrics(const http::ServerStats& device, const Fleet& fleet,
                                        const Writer::Figures& writer);

/// GET /metrics on a loopback listener.
class MetricsService final : public http::Service {
 public:
  /// Both outlive the service. @param listener  the device listener's number in `server`
  MetricsService(const http::Server& server, std::size_t listener, Fleet& fleet)
      : server_(server), listener_(listener), fleet_(fleet) {}
  Status allow(const http::Peer& peer) override;
  void answer(const http::Request& request, const http::Peer& peer, http::Reply reply) override;

 private:
  const http::Server& server_;
  std::size_t listener_;
  Fleet& fleet_;
};

}  // namespace pawl::distributor
