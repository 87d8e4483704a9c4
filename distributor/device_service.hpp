#pragma once
#include <set>
#include <string>

#include "base/log.hpp"
#include "distributor/fleet.hpp"
#include "distributor/repository.hpp"
#include "identity/trust_set.hpp"

namespace pawl::distributor {

/// What the device listener does for whom (FORMAT 12).
struct DeviceRules {
  enum class PublicRoots : std::uint8_t { kNo, kYes };
  PublicRoots public_roots = PublicRoots::kNo;  // root files for peers without certificate
};

/// The device listener of the HTTP API (FORMAT 12): polls, reports and repository files for
/// admitted devices.
class DeviceService final : public http::Service {
 public:
  /// All but `rules` outlive the service.
  struct Parts {
    Fleet& fleet;
    Repository& repository;
    const identity::TrustSet& trust;
    Clock& clock;
  };
  DeviceService(Parts parts, DeviceRules rules) : parts_(parts), rules_(rules) {}
  /// The SVID has not expired, its authority is still trusted, and the device is neither banned
  /// nor retired nor an admin.
  Status allow(const http::Peer& peer) override;
  void answer(const http::Request& request, const http::Peer& peer, http::Reply reply) override;

 private:
  void answer_device(const http::Request& request, const identity::SpiffeId& id, http::Reply reply);
  http::Response serve_file(const http::Request& request);
  http::Response check(const http::Request& request, Device& device);
  void status(const http::Request& request, Device& device, http::Reply reply);
  Parts parts_;
  DeviceRules rules_;
};

}  // namespace pawl::distributor
