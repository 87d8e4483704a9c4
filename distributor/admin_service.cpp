#include "distributor/admin_service.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "distributor/admin_json.hpp"

namespace pawl::distributor {
namespace {

using http::Method;
using http::refusal;
using http::Reply;
constexpr std::size_t kMaxBody = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kPage = 500;
constexpr std::size_t kMaxTags = 16;
constexpr std::string_view kChunk = "/admin/v1/publish/chunk/";

struct Verb {
  std::string_view name;
  Action action;
};
constexpr Verb kVerbs[] = {{"admit", Action::kAdmit},
                           {"ban", Action::kBan},
                           {"unban", Action::kUnban},
                           {"retire", Action::kRetire},
                           {"tag", Action::kTag}};

http::Response bad_request(const Error& why) {
  return refusal(400, why);
}

http::Response answer_of(const json::Object& object) {
  return http::json_answer(json::write(object));
}

std::string who_of(const http::Request& request, const http::Peer& peer) {
  if (peer) return peer->id.uri();
  return request.user ? "uid:" + std::to_string(*request.user) : "unknown";
}

Result<Decision> decision_of(const json::Object& body) {
  PAWL_TRY(const auto name, text_member(body, "action"));
  const auto* const verb = std::find_if(std::begin(kVerbs), std::end(kVerbs),
                                        [&](const auto& known) { return known.name == name; });
  if (verb == std::end(kVerbs)) return fail(Errc::kUsage, "unknown action: " + printable(name));
  Decision out;
  out.action = verb->action;
  PAWL_TRY(out.product, optional_text(body, "product"));
  if (out.product && !is_product(*out.product)) return fail(Errc::kUsage, "no product name");
  PAWL_TRY(out.tags, optional_texts(body, "tags"));
  if (!out.tags) return out;
  if (out.tags->size() > kMaxTags || !std::all_of(out.tags->begin(), out.tags->end(), is_tag)) {
    return fail(Errc::kUsage, "at most 16 tags of 1 to 64 of [a-z0-9._-]");
  }
  return out;
}

struct ChunkName {
  Sha256Digest file;
  std::uint64_t offset = 0;
};

// "<sha256>/<offset>"
Result<ChunkName> chunk_of(std::string_view rest) {
  ChunkName out;
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return fail(Errc::kUsage, "no offset");
  PAWL_TRY(out.file, fixed_from_hex<Sha256Digest>(rest.substr(0, slash)));
  const auto number = rest.substr(slash + 1);
  const auto* const end = number.data() + number.size();
  const auto parsed = std::from_chars(number.data(), end, out.offset);
  if (number.empty() || parsed.ec != std::errc() || parsed.ptr != end) {
    return fail(Errc::kUsage, "no offset");
  }
  return out;
}

Result<json::Object> body_of(const http::Request& request) {
  json::Limits limits;
  limits.bytes = kMaxBody;
  limits.depth = 5;
  PAWL_TRY(const auto value, json::parse(request.body, limits));
  if (value.object() == nullptr) return fail(Errc::kMalformed, "the body is not an object");
  return *value.object();
}

}  // namespace

AdminService::Handler AdminService::handler_of(std::string_view target) {
  struct Place {
    std::string_view target;
    Handler handler;
  };
  static constexpr Place kRoutes[] = {{"/admin/v1/devices", &AdminService::list_devices},
                                      {"/admin/v1/device", &AdminService::show_device},
                                      {"/admin/v1/device/change", &AdminService::change_device},
                                      {"/admin/v1/releases", &AdminService::list_releases},
                                      {"/admin/v1/release/change", &AdminService::change_release},
                                      {"/admin/v1/audit", &AdminService::show_audit},
                                      {"/admin/v1/status", &AdminService::show_status},
                                      {"/admin/v1/publish/plan", &AdminService::plan_publish},
                                      {"/admin/v1/publish/finish", &AdminService::finish_publish}};
  const auto* const found = std::find_if(std::begin(kRoutes), std::end(kRoutes),
                                         [&](const auto& route) { return route.target == target; });
  return found == std::end(kRoutes) ? nullptr : found->handler;
}

Status AdminService::allow(const http::Peer& peer) {
  if (!peer) return Ok{};  // the unix socket
  return identity::recheck(*peer, parts_.trust, parts_.clock.now());
}

void AdminService::answer(const http::Request& request, const http::Peer& peer, Reply reply) {
  const bool is_chunk = request.target.starts_with(kChunk);
  const auto handler = handler_of(request.target);
  if (handler == nullptr && !is_chunk) {
    return reply.send(refusal(404, fail(Errc::kUsage, "no such resource")));
  }
  if (request.method != Method::kPost) {
    return reply.send(refusal(405, fail(Errc::kUsage, "only POST")));
  }
  if (is_chunk) {
    const auto name = chunk_of(std::string_view(request.target).substr(kChunk.size()));
    if (!name) return reply.send(bad_request(name.error()));
    return parts_.publisher.append(name->file, name->offset, request.body, std::move(reply));
  }
  auto body = body_of(request);
  if (!body) return reply.send(bad_request(body.error()));
  (this->*handler)({*std::move(body), who_of(request, peer)}, std::move(reply));
}

AuditEntry AdminService::entry(const Call& call, std::string action, std::string subject) {
  return {0, parts_.clock.now(), call.who, std::move(action), std::move(subject), {}};
}

// NOLINTNEXTLINE(readability-make-member-function-const): one of the table's handlers
void AdminService::list_devices(const Call& call, Reply reply) {
  const auto state_text = optional_text(call.body, "state");
  const auto after = optional_text(call.body, "after");
  if (!state_text) return reply.send(bad_request(state_text.error()));
  if (!after) return reply.send(bad_request(after.error()));
  std::optional<DeviceState> state;
  if (*state_text) state = state_of(**state_text);
  if (*state_text && !state) return reply.send(bad_request(fail(Errc::kUsage, "no such state")));
  const auto found = parts_.fleet.registry().list(after->value_or(""), kPage, state);
  json::Array devices;
  for (const auto* device : found) devices.emplace_back(device_json(*device));
  json::Object out;
  out.set("devices", std::move(devices));
  if (found.size() == kPage) out.set("next", found.back()->id.uri());
  reply.send(answer_of(out));
}

void AdminService::show_device(const Call& call, Reply reply) {
  constexpr std::int64_t kShown = 100;
  const auto id = id_member(call.body);
  if (!id) return reply.send(bad_request(id.error()));
  const auto* device = parts_.fleet.registry().find(*id);
  if (device == nullptr) return reply.send(refusal(404, fail(Errc::kUsage, "no such device")));
  const auto statuses = parts_.reader.statuses(device->row, kShown);
  if (!statuses) return reply.send(refusal(500, statuses.error()));
  json::Array history;
  for (const auto& record : *statuses) history.emplace_back(status_json(record));
  json::Object out;
  out.set("device", device_json(*device));
  out.set("history", std::move(history));
  reply.send(answer_of(out));
}

void AdminService::change_device(const Call& call, Reply reply) {
  const auto id = id_member(call.body);
  if (!id) return reply.send(bad_request(id.error()));
  const auto decision = decision_of(call.body);
  if (!decision) return reply.send(bad_request(decision.error()));
  const auto reason = optional_text(call.body, "reason");
  if (!reason) return reply.send(bad_request(reason.error()));
  const auto* const verb =
      std::find_if(std::begin(kVerbs), std::end(kVerbs),
                   [&](const auto& known) { return known.action == decision->action; });
  auto audit = entry(call, "device-" + std::string(verb->name), id->uri());
  audit.detail = reason->value_or(decision->product.value_or(""));
  parts_.fleet.decide(*id, *decision, std::move(audit), std::move(reply));
}

// NOLINTNEXTLINE(readability-make-member-function-const): one of the table's handlers
void AdminService::list_releases(const Call& /*call*/, Reply reply) {
  json::Array releases;
  for (const auto& [product, offers] : parts_.fleet.catalog().products) {
    for (const auto& offer : offers) {
      auto listed = offer_json(offer);
      listed.set("withdrawn", parts_.fleet.withheld().contains({offer.product, offer.version}));
      releases.emplace_back(std::move(listed));
    }
  }
  json::Object out;
  out.set("meta", parts_.fleet.catalog().meta);
  out.set("releases", std::move(releases));
  reply.send(answer_of(out));
}

void AdminService::change_release(const Call& call, Reply reply) {
  const auto product = text_member(call.body, "product");
  if (!product) return reply.send(bad_request(product.error()));
  const auto version = text_member(call.body, "version");
  if (!version) return reply.send(bad_request(version.error()));
  const auto action = text_member(call.body, "action");
  const bool stop = action && *action == "withdraw";
  if (!action || (!stop && *action != "restore")) {
    return reply.send(bad_request(fail(Errc::kUsage, "the action is withdraw or restore")));
  }
  auto audit =
      entry(call, stop ? "release-withdraw" : "release-restore", *product + "/" + *version);
  parts_.fleet.set_offering({*product, *version},
                            stop ? Fleet::Offering::kStopped : Fleet::Offering::kResumed,
                            std::move(audit), std::move(reply));
}

void AdminService::show_audit(const Call& call, Reply reply) {
  const auto after = number_member(call.body, "after");
  if (!after) return reply.send(bad_request(after.error()));
  const auto found = parts_.reader.audit(*after, static_cast<std::int64_t>(kPage));
  if (!found) return reply.send(refusal(500, found.error()));
  json::Array entries;
  for (const auto& item : *found) entries.emplace_back(audit_json(item));
  json::Object out;
  out.set("entries", std::move(entries));
  reply.send(answer_of(out));
}

// NOLINTNEXTLINE(readability-make-member-function-const): one of the table's handlers
void AdminService::show_status(const Call& /*call*/, Reply reply) {
  const auto& fleet = parts_.fleet;
  json::Object devices;
  for (const auto state : {DeviceState::kPending, DeviceState::kAdmitted, DeviceState::kBanned,
                           DeviceState::kRetired}) {
    devices.set(state_name(state), static_cast<std::int64_t>(fleet.registry().count(state)));
  }
  json::Object out;
  out.set("devices", std::move(devices));
  out.set("meta", fleet.catalog().meta);
  out.set("poll_after_s", std::int64_t{fleet.poll_after().count()});
  out.set("checks", static_cast<std::int64_t>(fleet.figures().checks));
  out.set("status_records", static_cast<std::int64_t>(fleet.figures().statuses));
  reply.send(answer_of(out));
}

void AdminService::plan_publish(const Call& call, Reply reply) {
  auto files = files_member(call.body);
  if (!files) return reply.send(bad_request(files.error()));
  parts_.publisher.plan(*std::move(files), std::move(reply));
}

void AdminService::finish_publish(const Call& call, Reply reply) {
  parts_.publisher.finish(entry(call, "publish", "repository"), std::move(reply));
}

}  // namespace pawl::distributor
