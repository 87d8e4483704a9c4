#include "manifest/floors.hpp"

#include <algorithm>

#include "manifest/fields.hpp"
#include "manifest/roles.hpp"

namespace pawl::manifest {
namespace {

constexpr std::size_t kMaxFloorsBytes = 256 * 1024;
constexpr std::size_t kMaxEntries = 1024;
constexpr std::size_t kMaxVouchers = 64;

/// Whether enough of those who vouched still hold the role.
bool still_vouched(const VersionFloor& floor, const Role& role) {
  const auto holds = [&](const KeyId& id) {
    return std::find(role.key_ids.begin(), role.key_ids.end(), id) != role.key_ids.end();
  };
  const auto left = std::count_if(floor.vouched.begin(), floor.vouched.end(), holds);
  return left >= static_cast<std::ptrdiff_t>(role.threshold);
}

Result<VersionFloor> parse_version(const json::Value& value, const std::string& name) {
  PAWL_TRY(const auto fields, Fields::of(value, "floors: " + printable(name)));
  VersionFloor out;
  PAWL_TRY(const auto version, fields.integer("version", 0, kMaxMetadataVersion));
  out.version = MetadataVersion(static_cast<std::uint64_t>(version));
  PAWL_TRY(const auto* vouched, fields.array("vouched", kMaxVouchers));
  for (const auto& item : *vouched) {
    const auto* id = item.string();
    if (id == nullptr) return fields.bad("vouched", "holds something that is not a string");
    out.vouched.push_back({*id});
  }
  return out;
}

Status parse_versions(const Fields& fields, Floors& out) {
  PAWL_TRY(const auto versions, fields.object("versions"));
  if (versions.members().size() > kMaxEntries) {
    return fail(Errc::kTooLarge, "floors: over " + std::to_string(kMaxEntries) + " versions");
  }
  for (const auto& member : versions.members().members()) {
    PAWL_TRY(auto floor, parse_version(member.value, member.name));
    out.versions.emplace(member.name, std::move(floor));
  }
  return Ok{};
}

Status parse_times(const Fields& fields, Floors& out) {
  PAWL_TRY(const auto times, fields.object("times"));
  if (times.members().size() > kMaxEntries) {
    return fail(Errc::kTooLarge, "floors: over " + std::to_string(kMaxEntries) + " times");
  }
  for (const auto& member : times.members().members()) {
    PAWL_TRY(const auto seconds, times.integer(member.name, 0, json::kMaxInteger));
    out.times.emplace(KeyId{member.name}, UtcTime(Seconds(seconds)));
  }
  return Ok{};
}

Result<TicketNumber> parse_number(const Fields& fields, std::string_view name) {
  PAWL_TRY(const auto text, fields.text(name, 64));
  auto out = fixed_from_hex<TicketNumber>(text);
  if (!out) return fields.bad(name, "is not 64 hexadecimal digits");
  return out;
}

Status parse_tickets(const Fields& fields, Floors& out) {
  if (!fields.has("tickets")) return Ok{};
  PAWL_TRY(const auto tickets, fields.object("tickets"));
  Tickets read;
  PAWL_TRY(read.device, parse_number(tickets, "device"));
  if (tickets.has("nonce")) {
    PAWL_TRY(read.nonce, parse_number(tickets, "nonce"));
  }
  PAWL_TRY(const auto used, tickets.integer("used", 0, json::kMaxInteger));
  read.used = static_cast<std::uint64_t>(used);
  out.tickets = read;
  return Ok{};
}

json::Object tickets_to_json(const Tickets& tickets) {
  json::Object out;
  out.set("device", to_hex(tickets.device));
  if (tickets.nonce) out.set("nonce", to_hex(*tickets.nonce));
  out.set("used", static_cast<std::int64_t>(tickets.used));
  return out;
}

json::Object version_to_json(const VersionFloor& floor) {
  json::Array vouched;
  for (const auto& id : floor.vouched) vouched.emplace_back(id.text);
  json::Object out;
  out.set("version", static_cast<std::int64_t>(floor.version.get()));
  out.set("vouched", std::move(vouched));
  return out;
}

}  // namespace

Result<Floors> Floors::parse(std::string_view text) {
  PAWL_TRY(const auto value,
           json::parse(text, {kMaxFloorsBytes, 8, kMaxFloorsBytes}, json::Form::kCanonical));
  PAWL_TRY(const auto fields, Fields::of(value, "floors"));
  PAWL_CHECK(fields.literal("_type", "pawl.floors"));
  PAWL_TRY(const auto format, fields.integer("format", 1, 1));
  (void)format;
  Floors out;
  PAWL_TRY(const auto root, fields.integer("root", 0, kMaxMetadataVersion));
  out.root = MetadataVersion(static_cast<std::uint64_t>(root));
  PAWL_TRY(const auto counter, fields.integer("release_counter", 0, json::kMaxInteger));
  out.release_counter = ReleaseCounter(static_cast<std::uint64_t>(counter));
  PAWL_TRY(const auto security, fields.integer("security_version", 0, 65535));
  out.security_version = SecurityVersion(static_cast<std::uint64_t>(security));
  PAWL_CHECK(parse_versions(fields, out));
  PAWL_CHECK(parse_times(fields, out));
  PAWL_CHECK(parse_tickets(fields, out));
  return out;
}

std::string Floors::serialise() const {
  json::Object files;
  for (const auto& [name, floor] : versions) files.set(name, version_to_json(floor));
  json::Object vouched;
  for (const auto& [id, time] : times) {
    vouched.set(id.text, static_cast<std::int64_t>(time.time_since_epoch().count()));
  }
  json::Object out;
  out.set("_type", "pawl.floors");
  out.set("format", 1);
  out.set("root", static_cast<std::int64_t>(root.get()));
  out.set("release_counter", static_cast<std::int64_t>(release_counter.get()));
  out.set("security_version", static_cast<std::int64_t>(security_version.get()));
  out.set("versions", std::move(files));
  out.set("times", std::move(vouched));
  if (tickets) out.set("tickets", tickets_to_json(*tickets));
  return json::write(out);
}

UtcTime time_floor(const Floors& floors, UtcTime build_epoch) {
  UtcTime highest = build_epoch;
  UtcTime second = build_epoch;
  for (const auto& [id, time] : floors.times) {
    second = std::max(second, std::min(highest, time));
    highest = std::max(highest, time);
  }
  return std::min(highest, second + kOneKeyReach);
}

Floors with_issue_time(Floors floors, const std::vector<KeyId>& signers, UtcTime issued,
                       UtcTime expires) {
  if (issued > expires) return floors;
  for (const auto& signer : signers) {
    const auto [entry, added] = floors.times.try_emplace(signer, issued);
    if (!added) entry->second = std::max(entry->second, issued);
  }
  return floors;
}

Floors with_version(Floors floors, const std::string& file, MetadataVersion version,
                    const std::vector<KeyId>& signers) {
  auto& floor = floors.versions[file];
  if (version >= floor.version) floor = {version, signers};
  return floors;
}

Floors without_rotated(Floors floors, const KeyMap& all, const Role& timestamp,
                       const Role& snapshot) {
  std::erase_if(floors.times, [&](const auto& entry) { return !all.contains(entry.first); });
  std::erase_if(floors.versions, [&](const auto& entry) {
    const bool by_timestamp = entry.first == "timestamp" || entry.first == "snapshot";
    return !still_vouched(entry.second, by_timestamp ? timestamp : snapshot);
  });
  return floors;
}

Floors with_ticket_request(Floors floors, const TicketNumber& device, const TicketNumber& nonce) {
  if (!floors.tickets) floors.tickets = Tickets{device, {}, 0};
  floors.tickets->nonce = nonce;
  return floors;
}

Floors with_ticket_used(Floors floors) {
  PAWL_ASSERT(floors.tickets && floors.tickets->nonce);
  floors.tickets->nonce.reset();
  ++floors.tickets->used;
  return floors;
}

Floors with_commit(Floors floors, ReleaseCounter counter, SecurityVersion min_security_version) {
  floors.release_counter = std::max(floors.release_counter, counter);
  floors.security_version = std::max(floors.security_version, min_security_version);
  return floors;
}

}  // namespace pawl::manifest
