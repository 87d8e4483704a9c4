#include "distributor/fleet.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace pawl::distributor {
namespace {

constexpr Seconds kMaxPoll{7 * 24 * 3600};

AuditEntry entry_of(UtcTime now, std::string who, std::string action, const Device& device,
                    std::string detail) {
  return {0, now, std::move(who), std::move(action), device.id.uri(), std::move(detail)};
}

}  // namespace

http::Response changed_answer(bool changed) {
  json::Object out;
  out.set("changed", changed);
  return http::json_answer(json::write(out));
}

Device& Fleet::see(const identity::SpiffeId& id, UtcTime now) {
  const auto [device, is_new] = registry_.see(id, now);
  if (!is_new) return *device;
  Change change;
  change.time = now;
  change.devices.push_back(*device);
  if (!device->rule.empty()) {
    change.audit.push_back(
        entry_of(now, "rule:" + device->rule, "device-admit", *device, device->product));
  }
  log_.write(LogLevel::kInfo, "device-first-seen",
             {{"id", id.uri()}, {"state", std::string(state_name(device->state))}});
  writer_.submit(std::move(change));
  return *device;
}

std::optional<std::string> Fleet::check(Device& device, const CheckRequest& request, UtcTime now) {
  ++figures_.checks;
  const auto before =
      device.reported ? device.reported->security_version : request.security_version;
  const auto trend = Registry::note_check(device, request, now);
  touched_.insert(device.id);
  if (trend == Trend::kDown) {
    ++figures_.lowered;
    log_.write(LogLevel::kWarning, "security-version-lowered", {{"id", device.id.uri()}});
    note(entry_of(
        now, device.id.uri(), "security-version-lowered", device,
        std::to_string(before.get()) + " to " + std::to_string(request.security_version.get())));
  }
  const auto* offer = catalog_.newest(device.product, withheld_);
  if (offer != nullptr && offer->release_counter <= request.release_counter) offer = nullptr;
  const bool nothing_published = catalog_.meta.empty();
  if (offer == nullptr && (nothing_published || request.etag == catalog_.meta)) {
    ++figures_.unchanged;
    return std::nullopt;
  }
  if (offer != nullptr) ++figures_.offers;
  return write_check_answer(catalog_.meta, offer, poll_after());
}

void Fleet::report(Device& device, std::vector<StatusRecord> records, UtcTime now,
                   http::Reply reply) {
  if (!writer_.has_room()) {
    auto busy = http::refusal(503, fail(Errc::kBusy, "too many reports at once"));
    busy.fields += "Retry-After: 10\r\n";
    return reply.send(std::move(busy));
  }
  figures_.statuses += records.size();
  Registry::note_status(device, records.back(), now);
  json::Object body;
  body.set("acknowledged", static_cast<std::int64_t>(records.back().seq));
  Change change;
  change.time = now;
  change.devices.push_back(device);
  change.status_device = device.row;
  change.statuses = std::move(records);
  writer_.submit(std::move(change), std::move(reply), http::json_answer(json::write(body)));
}

void Fleet::decide(const identity::SpiffeId& id, const Decision& decision, AuditEntry entry,
                   http::Reply reply) {
  const auto changed = registry_.decide(id, decision, entry.time);
  if (!changed) return reply.send(http::refusal(409, changed.error()));
  if (!*changed) return reply.send(changed_answer(false));
  log_.write(LogLevel::kInfo, entry.action, {{"id", id.uri()}, {"by", entry.who}});
  Change change;
  change.time = entry.time;
  change.devices.push_back(*registry_.find(id));
  change.audit.push_back(std::move(entry));
  writer_.submit(std::move(change), std::move(reply), changed_answer(true));
}

void Fleet::set_offering(const Withheld& release, Offering offering, AuditEntry entry,
                         http::Reply reply) {
  const bool stops = offering == Offering::kStopped;
  if (stops && catalog_.find(release.first, release.second) == nullptr) {
    return reply.send(
        http::refusal(409, fail(Errc::kUsage, "the repository lists no such release")));
  }
  const bool changed = stops ? withheld_.insert(release).second : withheld_.erase(release) > 0;
  if (!changed) return reply.send(changed_answer(false));
  log_.write(LogLevel::kInfo, entry.action, {{"release", entry.subject}, {"by", entry.who}});
  Change change;
  change.time = entry.time;
  (stops ? change.withhold : change.restore) = release;
  change.audit.push_back(std::move(entry));
  writer_.submit(std::move(change), std::move(reply), changed_answer(true));
}

void Fleet::note(AuditEntry entry) {
  Change change;
  change.time = entry.time;
  change.audit.push_back(std::move(entry));
  writer_.submit(std::move(change));
}

void Fleet::published(Catalog catalog, AuditEntry entry, http::Reply reply) {
  set_catalog(std::move(catalog), entry);
  Change change;
  change.time = entry.time;
  change.audit.push_back(std::move(entry));
  writer_.submit(std::move(change), std::move(reply), changed_answer(true));
}

void Fleet::set_catalog(Catalog catalog, const AuditEntry& entry) {
  catalog_ = std::move(catalog);
  log_.write(LogLevel::kInfo, "repository-current",
             {{"timestamp", std::to_string(catalog_.timestamp.get())}, {"by", entry.who}});
}

void Fleet::flush(UtcTime now) {
  if (touched_.empty()) return;
  Change change;
  change.time = now;
  for (const auto& id : touched_) {
    if (const auto* device = registry_.find(id); device != nullptr)
      change.devices.push_back(*device);
  }
  touched_.clear();
  writer_.submit(std::move(change));
}

// The sum of all polls stays below what this server takes.
Seconds Fleet::poll_after() const {
  const auto wanted = Seconds(static_cast<std::int64_t>(registry_.size() / pace_.polls_per_second));
  return std::clamp(wanted, pace_.least, std::max(pace_.least, kMaxPoll));
}

}  // namespace pawl::distributor
