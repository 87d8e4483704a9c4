#include "distributor/device_service.hpp"

#include <algorithm>
#include <cerrno>

#include "base/bytes.hpp"
#include "base/digest.hpp"

namespace pawl::distributor {
namespace {

using http::Method;
using http::RangeVerdict;
using http::refusal;
using http::Request;
using http::Response;
constexpr std::string_view kForever = "Cache-Control: max-age=31536000, immutable\r\n";
constexpr std::size_t kMaxMutable = std::size_t{64} * 1024;

// Every name but timestamp.json carries a version or a digest and never changes its content.
bool is_immutable(const Route& route) {
  return route.kind != RouteKind::kMetadata || route.file != "timestamp.json";
}

Result<std::string> etag_of(const Route& route, File& file, std::uint64_t size) {
  if (is_immutable(route)) return "\"" + route.file.substr(route.file.rfind('/') + 1) + "\"";
  if (size > kMaxMutable) return fail(Errc::kTooLarge, "timestamp.json over 64 KiB");
  Bytes content(static_cast<std::size_t>(size));
  PAWL_TRY(const auto read, file.read_at(content, 0));
  return "\"" + to_hex(sha256(ByteView(content).first(read))) + "\"";
}

std::string_view type_of(const Route& route) {
  return route.kind == RouteKind::kBlob ? "Content-Type: application/octet-stream\r\n"
                                        : "Content-Type: application/json\r\n";
}

Response whole_or_part(const Request& request, const std::string& etag, std::uint64_t size) {
  const bool honoured = request.if_range.empty() || request.if_range == etag;
  const auto answer = http::resolve_range(honoured ? request.range : "", size);
  Response out;
  if (answer.verdict == RangeVerdict::kUnsatisfiable) {
    out = refusal(416, fail(Errc::kUsage, "range outside the file"));
    out.fields += "Content-Range: bytes */" + std::to_string(size) + "\r\n";
    return out;
  }
  out.part = {0, size};
  if (answer.verdict == RangeVerdict::kWhole) return out;
  out.status = 206;
  out.part = answer.range;
  out.fields = "Content-Range: bytes " + std::to_string(out.part.first) + "-" +
               std::to_string(out.part.first + out.part.length - 1) + "/" + std::to_string(size) +
               "\r\n";
  return out;
}

Response failure(const Error& why) {
  if (why.raw() == ENOENT || why.raw() == ENOTDIR) {
    return refusal(404, fail(Errc::kUsage, "no such resource"));
  }
  return refusal(500, fail(why.code(), "the repository cannot be read"));
}

Result<Response> file_answer(const Request& request, const Route& route,
                             std::unique_ptr<File> file) {
  PAWL_TRY(const auto size, file->size());
  PAWL_TRY(const auto etag, etag_of(route, *file, size));
  Response out;
  if (request.if_none_match == etag) {
    out.status = 304;
  } else {
    out = whole_or_part(request, etag, size);
  }
  if (out.status >= 400) return out;
  out.fields += "ETag: " + etag + "\r\n";
  if (is_immutable(route)) out.fields += kForever;
  if (out.status == 304) return out;
  out.fields += type_of(route);
  if (route.kind == RouteKind::kBlob) out.fields += "Accept-Ranges: bytes\r\n";
  out.file = std::move(file);
  return out;
}

Response only(std::string_view methods) {
  auto out = refusal(405, fail(Errc::kUsage, "only " + std::string(methods)));
  out.fields += "Allow: " + std::string(methods) + "\r\n";
  return out;
}

// "<N>.root.json"
bool is_root(std::string_view target) {
  constexpr std::string_view kPrefix = "/v1/metadata/";
  constexpr std::string_view kEnd = ".root.json";
  if (!target.starts_with(kPrefix) || !target.ends_with(kEnd)) return false;
  target.remove_prefix(kPrefix.size());
  target.remove_suffix(std::min(target.size(), kEnd.size()));
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !target.empty() && std::all_of(target.begin(), target.end(), digit);
}

std::string retry_after(Seconds time) {
  return "Retry-After: " + std::to_string(time.count()) + "\r\n";
}

}  // namespace

Status DeviceService::allow(const http::Peer& peer) {
  if (!peer) {
    if (rules_.public_roots == DeviceRules::PublicRoots::kYes) return Ok{};
    return fail(Errc::kPeer, "no certificate");
  }
  PAWL_CHECK(identity::recheck(*peer, parts_.trust, parts_.clock.now()));
  return parts_.fleet.registry().may_connect(peer->id);
}

void DeviceService::answer(const Request& request, const http::Peer& peer, http::Reply reply) {
  if (peer) return answer_device(request, peer->id, std::move(reply));
  if (is_root(request.target)) return reply.send(serve_file(request));
  reply.send(refusal(403, fail(Errc::kPeer, "no certificate")));
}

void DeviceService::answer_device(const Request& request, const identity::SpiffeId& id,
                                  http::Reply reply) {
  auto& fleet = parts_.fleet;
  auto& device = fleet.see(id, parts_.clock.now());
  if (const auto allowed = Registry::may_fetch(device); !allowed) {
    fleet.count_denied();
    auto out = refusal(403, allowed.error());
    out.fields += retry_after(fleet.poll_after());
    return reply.send(std::move(out));
  }
  const bool is_check = request.target == "/v1/check";
  if (!is_check && request.target != "/v1/status") return reply.send(serve_file(request));
  if (request.method != Method::kPost) return reply.send(only("POST"));
  if (is_check) return reply.send(check(request, device));
  status(request, device, std::move(reply));
}

Response DeviceService::check(const Request& request, Device& device) {
  const auto body = parse_check(request.body);
  if (!body) return refusal(400, body.error());
  auto found = parts_.fleet.check(device, *body, parts_.clock.now());
  if (found) return http::json_answer(*std::move(found));
  return {204, retry_after(parts_.fleet.poll_after()), {}, {}, {}};
}

void DeviceService::status(const Request& request, Device& device, http::Reply reply) {
  auto records = parse_status(request.body);
  if (!records) return reply.send(refusal(400, records.error()));
  parts_.fleet.report(device, *std::move(records), parts_.clock.now(), std::move(reply));
}

Response DeviceService::serve_file(const Request& request) {
  auto route = parse_route(request.target);
  if (!route) return refusal(404, fail(Errc::kUsage, "no such resource"));
  if (request.method != Method::kGet && request.method != Method::kHead) return only("GET, HEAD");
  auto file = parts_.repository.open(*route);
  if (!file) return failure(file.error());
  auto response = file_answer(request, *route, *std::move(file));
  return response ? *std::move(response) : failure(response.error());
}

}  // namespace pawl::distributor
