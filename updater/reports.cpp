#include "updater/reports.hpp"

namespace pawl::updater {
namespace {

Moment moment_of(Device& device) {
  auto boot_id = device.boot.boot_id();
  return {device.clock.now(), boot_id ? *std::move(boot_id) : std::string()};
}

template <class Change>
Status change_spool(Device& device, Change change) {
  SpoolFile file(device.disk, device.dir.spool());
  PAWL_TRY(auto spool, file.load(device.clock.now()));
  const auto before = spool;
  change(spool);
  return spool == before ? Status(Ok{}) : file.save(spool);
}

void log_failure(Device& device, const Status& done) {
  if (done) return;
  device.log.write(LogLevel::kError, "spool.failed", {{"why", done.error().what()}});
}

/// These say something about the network or the moment, not about the release.
bool may_help_later(Errc code) {
  return code == Errc::kTransport || code == Errc::kTimeout || code == Errc::kOffline ||
         code == Errc::kBusy || code == Errc::kPeer || code == Errc::kRefusedByServer;
}

}  // namespace

void report(Device& device, const Record& record) {
  if (!device.config.server) return;
  log_failure(device, change_spool(
                          device, [&](Spool& spool) { spool.observe(record, moment_of(device)); }));
}

void report_failure(Device& device, const Record& record,
                    const std::optional<Sha256Digest>& offered, const Error& why) {
  if (!device.config.server || may_help_later(why.code())) return;
  Followed release;
  if (record.release) {
    release = {record.release->counter, record.release->manifest, std::nullopt};
  } else if (offered) {
    release.manifest = *offered;
  } else {
    return;
  }
  log_failure(device, change_spool(device, [&](Spool& spool) {
                spool.observe(record, moment_of(device));
                spool.failed(release, why, moment_of(device));
              }));
}

}  // namespace pawl::updater
