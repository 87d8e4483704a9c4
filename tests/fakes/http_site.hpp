#pragma once
#include <csignal>
#include <functional>
#include <future>
#include <optional>
#include <sstream>
#include <thread>

#include "fakes/fake_clock.hpp"
#include "fakes/test_pki.hpp"
#include "http/server.hpp"

/// A server of one service on a loopback port.
namespace pawl::fakes {

/// Who is trusted, and what time it is. Outlives site and service.
struct HttpWorld {
  HttpWorld() { PAWL_ASSERT(static_cast<bool>(trust.put(bundle_of("example.org", {&root})))); }
  Issued root = issue(ca_spec("root"), nullptr);
  identity::X509Svid own = svid_of(issue(leaf_spec("spiffe://example.org/distributor"), &root));
  identity::TrustSet trust;
  FakeClock clock{kNow};
};

class HttpSite {
 public:
  HttpSite(HttpWorld& world, http::Service& service, http::Limits limits = {},
           identity::Anonymous anonymous = identity::Anonymous::kRefused)
      : tls_(*identity::TlsContext::create(&world.own, world.trust, world.clock,
                                           {identity::PeerRole::kClient, {}, anonymous})) {
    std::signal(SIGPIPE, SIG_IGN);  // the clients of the test
    PAWL_ASSERT(static_cast<bool>(server_.add({"127.0.0.1", 0, &tls_, &service, limits})));
    port_ = server_.port();
    thread_ = std::thread([this] { server_.run(); });
  }
  HttpSite(const HttpSite&) = delete;
  HttpSite& operator=(const HttpSite&) = delete;
  HttpSite(HttpSite&&) = delete;
  HttpSite& operator=(HttpSite&&) = delete;
  ~HttpSite() { stop(); }

  /// Runs on the server's thread and waits for it.
  void on_server(const std::function<void()>& task) {
    std::promise<void> done;
    server_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().get();
  }
  [[nodiscard]] http::ServerStats stats() {
    http::ServerStats out;
    on_server([&] { out = server_.stats(); });
    return out;
  }
  http::ServerStats stop() {
    if (!thread_.joinable()) return {};
    server_.stop();
    thread_.join();
    return server_.stats();
  }
  void begin_stop() { server_.stop(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  identity::TlsContext tls_;
  std::ostringstream text_;
  StreamLog log_{text_, LogLevel::kInfo};
  http::Server server_{log_};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace pawl::fakes
