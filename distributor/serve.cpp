#include "distributor/serve.hpp"

#include <thread>

#include "distributor/admin_service.hpp"
#include "distributor/identity_watch.hpp"
#include "distributor/metrics.hpp"
#include "http/descriptors.hpp"
#include "manifest/directory_fetcher.hpp"

namespace pawl::distributor {
namespace {

using identity::TlsContext;
constexpr std::size_t kAdminBody = std::size_t{4} * 1024 * 1024;
constexpr unsigned kSweepsPerLook = 4;    // at the repository: about a second
constexpr unsigned kSweepsPerFlush = 40;  // of who was seen

/// Everything that belongs to the server's thread before there is an identity.
struct World {
  identity::TrustSet trust;
  SystemClock clock;
  PosixDisk disk;
};

/// Reads the repository again when its timestamp changed: by the signer or `publish` on this
/// machine, without a word to us.
class CatalogKeeper {
 public:
  CatalogKeeper(manifest::Fetcher& files, Fleet& fleet, Clock& clock, Log& log)
      : files_(files), fleet_(fleet), clock_(clock), log_(log) {}

  void look() {
    auto meta = meta_of(files_);
    if (!meta) return complain(meta.error(), {});
    if (*meta == fleet_.catalog().meta && trouble_.empty()) return;
    auto fresh = read_catalog(files_, clock_);
    if (!fresh) return complain(fresh.error(), *std::move(meta));
    const auto version = std::to_string(fresh->timestamp.get());
    AuditEntry entry{
        0, clock_.now(), "local", "repository-changed", "repository", "timestamp " + version};
    fleet_.set_catalog(*std::move(fresh), entry);
    fleet_.note(std::move(entry));
    trouble_.clear();
  }

 private:
  // Said once, tried again at every look. Devices may see for themselves; nothing is offered.
  void complain(const Error& why, std::string meta) {
    auto trouble = meta + why.what();
    if (trouble == trouble_) return;
    trouble_ = std::move(trouble);
    log_.write(LogLevel::kError, "repository-unreadable", {{"reason", why.what()}});
    Catalog bare;
    bare.meta = std::move(meta);
    fleet_.set_catalog(std::move(bare), {});
  }
  manifest::Fetcher& files_;
  Fleet& fleet_;
  Clock& clock_;
  Log& log_;
  std::string trouble_;  // what was said last
};

/// The listeners of one server, by their numbers in it.
struct Doors {
  std::size_t device = 0;
  std::optional<std::size_t> admin;
  std::optional<std::size_t> metrics;
};

void announce(const http::Server& server, const Doors& doors, const Config& config,
              const identity::SpiffeId& id, cli::Io& io) {
  json::Object out;
  out.set("address", config.device.address);
  out.set("port", std::int64_t{server.port(doors.device)});
  out.set("id", id.uri());
  out.set("socket", config.socket);
  if (doors.admin) out.set("admin_port", std::int64_t{server.port(*doors.admin)});
  if (doors.metrics) out.set("metrics_port", std::int64_t{server.port(*doors.metrics)});
  io.result(std::move(out), "listening on " + config.device.address + " port " +
                                std::to_string(server.port(doors.device)) + " as " + id.uri());
  io.out.flush();
}

void log_figures(const http::ServerStats& stats, Log& log) {
  log.write(LogLevel::kInfo, "stopped",
            {{"accepted", std::to_string(stats.accepted)},
             {"refused", std::to_string(stats.refused)},
             {"requests", std::to_string(stats.requests)},
             {"timeouts", std::to_string(stats.timeouts)},
             {"bytes", std::to_string(stats.bytes_sent)}});
}

Result<Registry> load_registry(const Config& config, Contents& contents) {
  Registry registry(config.rules, config.admins);
  PAWL_CHECK(registry.load(std::move(contents.devices)));
  return registry;
}

identity::PeerRules device_peers(const Config& config) {
  const bool open = config.device_rules.public_roots == DeviceRules::PublicRoots::kYes;
  return {identity::PeerRole::kClient,
          {},
          open ? identity::Anonymous::kAllowed : identity::Anonymous::kRefused};
}

identity::PeerRules admin_peers(const Config& config) {
  return {identity::PeerRole::kClient,
          {config.admins.begin(), config.admins.end()},
          identity::Anonymous::kRefused};
}

/// The services and what they work on, from the database up.
class Distributor {
 public:
  Distributor(const Config& config, World& world, http::Server& server, Log& log, Store store,
              StoreReader reader, Registry registry, std::set<Withheld> withheld)
      : config_(config),
        world_(world),
        server_(server),
        log_(log),
        writer_(std::move(store), [&server] { server.stop(); }),
        fleet_(std::move(registry), std::move(withheld), config.pace, writer_, log),
        reader_(std::move(reader)),
        keeper_(files_, fleet_, world.clock, log),
        publisher_({world.disk, world.clock, config.repository},
                   [this] { server_.post([this] { take_published(); }); }) {
    keeper_.look();
    server.every_sweep([this] { on_sweep(); });
  }

  Result<Doors> open_doors(const TlsContext& device_tls, const TlsContext* admin_tls) {
    Doors out;
    auto limits = config_.limits;
    limits.connections = http::room_for(limits.connections);
    if (limits.connections < config_.limits.connections) {
      log_.write(LogLevel::kWarning, "connections-limited",
                 {{"wanted", std::to_string(config_.limits.connections)},
                  {"open-files-allow", std::to_string(limits.connections)}});
    }
    auto admin_limits = config_.limits;
    admin_limits.body = kAdminBody;
    PAWL_TRY(out.device, server_.add({config_.device.address, config_.device.port, &device_tls,
                                      &devices_, limits}));
    PAWL_CHECK(make_directories(world_.disk, parent_of(config_.socket)));
    PAWL_CHECK(server_.add({config_.socket, 0, nullptr, &admin_, admin_limits}));
    if (config_.admin) {
      PAWL_TRY(out.admin, server_.add({config_.admin->address, config_.admin->port, admin_tls,
                                       &admin_, admin_limits}));
    }
    if (config_.metrics) {
      PAWL_TRY(out.metrics, server_.add({config_.metrics->address, config_.metrics->port, nullptr,
                                         &metrics_, config_.limits}));
    }
    return out;
  }

  /// After the server's end: what is still in memory becomes durable.
  Status finish() {
    fleet_.flush(world_.clock.now());
    return writer_.finish();
  }

 private:
  void on_sweep() {
    ++sweeps_;
    if (sweeps_ % kSweepsPerLook == 0) keeper_.look();
    if (sweeps_ % kSweepsPerFlush == 0) fleet_.flush(world_.clock.now());
  }
  void take_published() {
    auto done = publisher_.take();
    if (done)
      fleet_.published(std::move(done->catalog), std::move(done->entry), std::move(done->reply));
  }

  const Config& config_;
  World& world_;
  http::Server& server_;
  Log& log_;
  Writer writer_;
  Fleet fleet_;
  StoreReader reader_;
  manifest::DirectoryFetcher files_{world_.disk, config_.repository};
  Repository repository_{world_.disk, config_.repository};
  CatalogKeeper keeper_;
  Publisher publisher_;
  DeviceService devices_{{fleet_, repository_, world_.trust, world_.clock}, config_.device_rules};
  AdminService admin_{{fleet_, reader_, publisher_, world_.trust, world_.clock}};
  MetricsService metrics_{server_, 0, fleet_};
  unsigned sweeps_ = 0;
};

}  // namespace

Status serve(const Config& config, cli::Io& io) {
  const Signals signals;  // first: threads inherit the mask
  World world;
  IdentityReader source(config.identity, world.disk);
  PAWL_TRY(auto own, source.load());
  PAWL_CHECK(world.trust.assign(std::move(own.bundles)));
  PAWL_TRY(auto device_tls,
           TlsContext::create(&own.svid, world.trust, world.clock, device_peers(config)));
  PAWL_TRY(auto admin_tls,
           TlsContext::create(&own.svid, world.trust, world.clock, admin_peers(config)));
  PAWL_TRY(auto store, Store::open(config.database));
  PAWL_TRY(auto contents, store.load());
  PAWL_TRY(auto registry, load_registry(config, contents));
  PAWL_TRY(auto reader, StoreReader::open(config.database));
  http::Server server(*io.log);
  Distributor distributor(config, world, server, *io.log, std::move(store), std::move(reader),
                          std::move(registry), std::move(contents.withheld));
  PAWL_TRY(const auto doors, distributor.open_doors(device_tls, &admin_tls));
  announce(server, doors, config, own.svid.id(), io);
  IdentityWatch watch(signals, source, {world.trust, {&device_tls, &admin_tls}, server, *io.log});
  std::thread watching([&watch] { watch.run(); });
  server.run();
  pthread_kill(watching.native_handle(), SIGUSR1);
  watching.join();
  log_figures(server.stats(doors.device), *io.log);
  return distributor.finish();
}

}  // namespace pawl::distributor
