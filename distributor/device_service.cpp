#include "distributor/device_service.hpp"

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

Result<Response> serve_file(const Request& request, const Route& route,
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

}  // namespace

Status DeviceService::allow(const http::Peer& peer) {
  if (!peer) return fail(Errc::kPeer, "no certificate");
  PAWL_CHECK(identity::recheck(*peer, trust_, clock_.now()));
  if (banned_.contains(peer->id)) return fail(Errc::kRefusedByServer, "this identity is banned");
  return Ok{};
}

void DeviceService::answer(const Request& request, const http::Peer& /*peer*/, http::Reply reply) {
  reply.send(serve(request));
}

Response DeviceService::serve(const Request& request) {
  auto route = parse_route(request.target);
  if (!route) return refusal(404, fail(Errc::kUsage, "no such resource"));
  if (request.method != Method::kGet && request.method != Method::kHead) {
    auto out = refusal(405, fail(Errc::kUsage, "only GET and HEAD"));
    out.fields += "Allow: GET, HEAD\r\n";
    return out;
  }
  auto file = repository_.open(*route);
  if (!file) return failure(file.error());
  auto response = serve_file(request, *route, *std::move(file));
  return response ? *std::move(response) : failure(response.error());
}

}  // namespace pawl::distributor
