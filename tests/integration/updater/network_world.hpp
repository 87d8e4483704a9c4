#pragma once
#include <string>

#include <catch2/catch.hpp>

#include "fakes/device_api.hpp"
#include "fakes/relay.hpp"
#include "identity/jwks.hpp"
#include "updater/agent.hpp"
#include "updater/net_fetcher.hpp"

/// The updater's network code over real TLS, with the device in memory.
namespace pawl::fakes {

inline constexpr std::size_t kImage = std::size_t{2} * 1024 * 1024 + 100;
inline constexpr std::size_t kWindow = 65536;
inline constexpr std::size_t kWindows = kImage / kWindow + 1 + 1;  // and one of the UKI

inline ReleaseFactory& factory() {
  static ReleaseFactory made = [] {
    ReleaseFactory out;
    out.add("1.0.0", {1, 1, 1});
    out.rootfs_size = kImage;
    out.window_log2 = 16;
    out.add("1.1.0", {2, 2, 1});
    return out;
  }();
  return made;
}

/// A device, its uplink, and a server in one process.
struct World {
  Issued root = issue(ca_spec("root"), nullptr);
  Issued server_leaf = issue(leaf_spec("spiffe://example.org/distributor"), &root);
  Issued device_leaf = issue(leaf_spec("spiffe://example.org/device/d1"), &root);
  DeviceApi api{factory()};
  ScriptServer server{root, server_leaf, std::ref(api)};
  Relay uplink{server.port()};
  FakeClock tls_clock{kNow};
  FakeDevice device{factory(), "1.0.0"};

  World() {
    device.disk.put_device("/dev/slots/b", kImage + 4096, 0xff);
    device.config.server.emplace(
        updater::Config::Server{*http::Origin::parse(uplink.origin()),
                                *identity::SpiffeId::parse("spiffe://example.org/distributor")});
    device.config.poll = Seconds(600);
    put_identity(device_leaf);
  }
  void put_identity(const Issued& leaf) {
    device.disk.put("/var/svid/svid.pem", as_bytes(pem_of(leaf)));
    device.disk.put("/var/svid/key.pem", as_bytes(key_pem_of(leaf)));
    device.disk.put("/var/svid/bundle.json",
                    as_bytes(*identity::write_bundle(bundle_of("example.org", {&root}))));
  }
};

/// One life of the program: starts with nothing but the disk.
struct Life {
  explicit Life(World& world)
      : link(*world.device.config.server,
             updater::IdentitySource({}, "/var/svid", world.device.disk, world.tls_clock),
             {world.device.disk, world.tls_clock, world.device.log}),
        fetcher(link),
        blobs(link),
        device{world.device.config,
               {"/var"},
               world.device.disk,
               world.device.boot,
               world.device.sealing,
               world.device.clock,
               fetcher,
               blobs,
               world.device.health,
               world.device.host,
               world.device.hooks,
               world.device.progress,
               world.device.log} {}
  updater::NetLink link;
  updater::NetFetcher fetcher;
  updater::NetBlobs blobs;
  updater::Device device;
  updater::Agent agent{device, link};
};

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc{} : result.error().code();
}

}  // namespace pawl::fakes
