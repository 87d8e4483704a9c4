#include "updater/releases.hpp"

#include <algorithm>
#include <memory>

#include "base/version.hpp"
#include "manifest/disk_store.hpp"
#include "manifest/path.hpp"
#include "manifest/release_proof.hpp"

namespace pawl::updater {
namespace {

constexpr std::size_t kMaxAnchor = std::size_t{32} * 1024;

Result<manifest::ReleaseOffer> find_version(const std::vector<manifest::ReleaseOffer>& offers,
                                            const std::string& product,
                                            const std::string& version) {
  const auto path = manifest::release_path(product, version);
  const auto found = std::find_if(offers.begin(), offers.end(),
                                  [&](const auto& offer) { return offer.target.path == path; });
  if (found != offers.end()) return *found;
  return fail(Errc::kNotForDevice,
              "the repository lists no release " + printable(version) + " of product " + product)
      .with_hint("pawl-updater check names the newest; an older one may have been withdrawn");
}

/// The newest release this device may install; else the newest there is, so that the reason
/// against it is named.
Result<manifest::ReleaseOffer> find_newest(const std::vector<manifest::ReleaseOffer>& offers,
                                           const manifest::DeviceFacts& facts,
                                           const manifest::TrustedSet& trusted) {
  const auto best = manifest::newest_acceptable(offers, facts, trusted.floors(), trusted.policy());
  if (best) return *best;
  if (!offers.empty()) return offers.front();
  return fail(Errc::kNotForDevice, "the repository lists no release of product " + facts.product)
      .with_hint("device.product and server.url in updater.toml have to belong together");
}

/// True when a release at least as new as all on offer has been committed: also after the newest
/// one was withdrawn, and after a rollback.
bool nothing_newer(const manifest::ReleaseOffer& offer, const manifest::Floors& floors) {
  return offer.summary.release_counter <= floors.release_counter;
}

}  // namespace

manifest::DeviceFacts facts_of(const Config& config, UtcTime now,
                               const std::optional<ReleaseId>& running) {
  manifest::DeviceFacts facts;
  facts.product = config.device.product;
  facts.vendor_id = config.device.vendor_id;
  facts.class_id = config.device.class_id;
  facts.hardware = config.device.hardware;
  facts.bootloader = config.boot.loader_version;
  facts.updater = kVersion;
  facts.now = now;
  if (running) facts.committed_manifest = running->manifest;
  return facts;
}

namespace {

/// The TUF client of this device on its stored metadata.
class Metadata {
 public:
  static Result<std::unique_ptr<Metadata>> open(Device& device, Engine& engine) {
    PAWL_TRY(auto store, manifest::DiskStore::open(device.disk, device.dir.tuf()));
    PAWL_TRY(auto anchor, read_file(device.disk, device.config.trust_root, kMaxAnchor));
    PAWL_TRY(auto before, engine.floors());
    return std::make_unique<Metadata>(device, std::move(store), std::move(anchor),
                                      std::move(before));
  }
  Metadata(Device& device, manifest::DiskStore store, Bytes anchor, manifest::Floors before)
      : store_(std::move(store)),
        before_(std::move(before)),
        client_(device.fetcher, store_, device.clock,
                {manifest::Profile::kStrict, manifest::limits_of(manifest::Profile::kStrict),
                 std::move(anchor), before_, device.config.build_epoch, device.delivery}) {}
  /// Floors are kept whatever comes of it.
  Result<manifest::RefreshReport> refresh(Engine& engine) {
    auto refreshed = client_.refresh();
    if (client_.floors() != before_) PAWL_CHECK(engine.save_floors(client_.floors()));
    return refreshed;
  }
  manifest::Updater& client() { return client_; }

 private:
  manifest::DiskStore store_;
  manifest::Floors before_;
  manifest::Updater client_;
};

}  // namespace

Status refresh_metadata(Device& device, Engine& engine) {
  PAWL_TRY(const auto metadata, Metadata::open(device, engine));
  PAWL_TRY(const auto report, metadata->refresh(engine));
  (void)report;
  return Ok{};
}

namespace {

/// The proof that the metadata name, or nothing. @return why it cannot be had
Result<std::optional<Bytes>> fetch_proof(Device& device, const manifest::TargetInfo& target) {
  PAWL_TRY(const auto reference, manifest::proof_of(target));
  if (!reference) return std::optional<Bytes>();
  PAWL_TRY(auto proof,
           device.blobs.read(*reference, manifest::kMaxProofBytes, "transparency proof"));
  return std::optional(std::move(proof));
}

/// FORMAT 2.11.5. A proof that cannot be had is an error only where one is required.
Result<manifest::Logged> check_logged(Device& device, const manifest::TargetInfo& target,
                                      const Sha256Digest& manifest,
                                      const std::optional<manifest::LogPolicy>& policy) {
  const auto mode = device.config.tlog;
  const bool wanted = mode != manifest::LogMode::kOff && policy;
  auto proof = wanted ? fetch_proof(device, target) : std::optional<Bytes>();
  if (!proof && mode == manifest::LogMode::kRequire) {
    auto error = std::move(proof).error();
    if (error.code() == Errc::kHashMismatch) error.set_attack("not-logged");
    return error;
  }
  PAWL_TRY(const auto logged,
           manifest::judge_logged(mode, proof ? *proof : std::nullopt, manifest, policy));
  if (wanted && logged == manifest::Logged::kNotProved) {
    device.log.write(LogLevel::kWarning, "release.not-logged",
                     {{"manifest", to_hex(manifest)},
                      {"why", proof ? "no good transparency proof" : proof.error().what()}});
  }
  return logged;
}

}  // namespace

Result<manifest::Tickets> ask_for_ticket(Device& device, Engine& engine, Random& random) {
  PAWL_TRY(const auto metadata, Metadata::open(device, engine));
  PAWL_TRY(const auto report, metadata->refresh(engine));
  (void)report;
  const auto& product = device.config.device.product;
  if (!metadata->client().trusted().policy().development.contains(product)) {
    return fail(Errc::kNotForDevice,
                "devices of product '" + product + "' are no development devices")
        .with_hint("root decides that, in policy.json");
  }
  manifest::TicketNumber number;
  manifest::TicketNumber nonce;
  random.fill(number.bytes);
  random.fill(nonce.bytes);
  const auto floors = manifest::with_ticket_request(metadata->client().floors(), number, nonce);
  PAWL_CHECK(engine.save_floors(floors));
  return *floors.tickets;
}

Result<Refreshed> choose_release(Device& device, Engine& engine, const ReleaseWish& wish) {
  const auto& version = wish.version;
  PAWL_TRY(const auto metadata, Metadata::open(device, engine));
  auto& client = metadata->client();
  Refreshed out;
  PAWL_TRY(out.report, metadata->refresh(engine));
  PAWL_TRY(const auto current, device.boot.current());
  auto facts = facts_of(device.config, out.report.time, engine.record().holds(current));
  PAWL_TRY(facts.battery_percent, device.host.battery());
  PAWL_TRY(facts.free_bytes, device.disk.free_bytes(device.dir.path));
  PAWL_TRY(const auto offers, client.releases(facts.product));
  PAWL_TRY(const auto offer, version ? find_version(offers, facts.product, *version)
                                     : find_newest(offers, facts, client.trusted()));
  if (!version && nothing_newer(offer, client.floors())) return out;
  PAWL_TRY(auto bytes, client.fetch(offer.target, manifest::kMaxReleaseBytes));
  if (wish.ticket) {
    PAWL_TRY(auto ticket, manifest::Override::accept(*wish.ticket, client.trusted(), facts.product,
                                                     client.floors().tickets));
    out.ticket.emplace(std::move(ticket));
  }
  PAWL_TRY(auto accepted, manifest::verify_release(bytes, offer.target, facts, client.floors(),
                                                   client.trusted().policy(), out.report.freshness,
                                                   out.ticket ? &*out.ticket : nullptr));
  if (accepted->standing == manifest::Standing::kCommitted) return out;
  PAWL_TRY(const auto logged,
           check_logged(device, offer.target, accepted->digest, client.trusted().policy().tlog));
  out.chosen.emplace(Chosen{std::move(accepted), std::move(bytes), logged});
  return out;
}

Result<VerifiedInstalled> verify_installed(Device& device, ByteView manifest,
                                           const manifest::Floors& before) {
  PAWL_TRY(const auto claimed, manifest::Release::parse(as_text(manifest)));
  PAWL_TRY(auto store, manifest::DiskStore::open(device.disk, device.dir.tuf()));
  PAWL_TRY(auto anchor, read_file(device.disk, device.config.trust_root, kMaxAnchor));
  manifest::Updater client(
      device.fetcher, store, device.clock,
      {manifest::Profile::kStrict, manifest::limits_of(manifest::Profile::kStrict),
       std::move(anchor), before, device.config.build_epoch, device.delivery});
  PAWL_TRY(const auto report, client.refresh());
  const auto facts = facts_of(device.config, report.time, std::nullopt);
  PAWL_TRY(const auto offers, client.releases(facts.product));
  PAWL_TRY(const auto offer, find_version(offers, facts.product, claimed.version));
  auto counters = client.floors();  // it runs already: its own counters are no step back
  counters.release_counter = ReleaseCounter(0);
  counters.security_version = claimed.min_security_version;
  PAWL_TRY(auto release, manifest::verify_release(manifest, offer.target, facts, counters,
                                                  client.trusted().policy(), report.freshness));
  PAWL_TRY(const auto logged,
           check_logged(device, offer.target, release->digest, client.trusted().policy().tlog));
  (void)logged;
  return VerifiedInstalled{std::move(release), client.floors()};
}

}  // namespace pawl::updater
