#pragma once
#include <functional>
#include <map>
#include <string>

#include "base/json.hpp"
#include "distributor/fleet.hpp"
#include "distributor/publisher.hpp"
#include "identity/trust_set.hpp"

namespace pawl::distributor {

/// What people do to a running distributor (FORMAT 12.6): JSON in, JSON out, every change with an
/// audit entry of the one who made it. On the admin listener the TLS rules let nobody in but the
/// admins; on the unix socket the file system does.
class AdminService final : public http::Service {
 public:
  /// All of it outlives the service.
  struct Parts {
    Fleet& fleet;
    StoreReader& reader;
    Publisher& publisher;
    const identity::TrustSet& trust;
    Clock& clock;
  };
  explicit AdminService(Parts parts) : parts_(parts) {}
  Status allow(const http::Peer& peer) override;
  void answer(const http::Request& request, const http::Peer& peer, http::Reply reply) override;

  /// One call of the API.
  struct Call {
    json::Object body;
    std::string who;
  };

 private:
  using Handler = void (AdminService::*)(const Call& call, http::Reply reply);
  static Handler handler_of(std::string_view target);
  void list_devices(const Call& call, http::Reply reply);
  void show_device(const Call& call, http::Reply reply);
  void change_device(const Call& call, http::Reply reply);
  void list_releases(const Call& call, http::Reply reply);
  void change_release(const Call& call, http::Reply reply);
  void show_audit(const Call& call, http::Reply reply);
  void show_status(const Call& call, http::Reply reply);
  void plan_publish(const Call& call, http::Reply reply);
  void finish_publish(const Call& call, http::Reply reply);
  [[nodiscard]] AuditEntry entry(const Call& call, std::string action, std::string subject);
  Parts parts_;
};

}  // namespace pawl::distributor
