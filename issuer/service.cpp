#include "issuer/service.hpp"

namespace pawl::issuer {
namespace {

using http::Method;
using http::Response;

unsigned status_of(Errc code) {
  if (code == Errc::kMalformed || code == Errc::kTooLarge) return 400;
  if (code == Errc::kBusy) return 503;
  const bool ours = code == Errc::kIo || code == Errc::kNoSpace || code == Errc::kInternal;
  return ours ? 500 : 403;
}

Response refused(Log& log, std::string_view event, const Error& why) {
  log.write(LogLevel::kWarning, event,
            {{"code", std::string(errc_name(why.code()))}, {"reason", why.what()}});
  return http::refusal(status_of(why.code()), why);
}

Response no_such(unsigned status, const char* why) {
  return http::refusal(status, fail(Errc::kMalformed, why));
}

}  // namespace

Status EnrolmentService::allow(const http::Peer& /*peer*/) {
  return Ok{};
}

Response EnrolmentService::start(const std::string& body) {
  const auto request = parse_start_request(body);
  if (!request) return refused(log_, "enrolment-refused", request.error());
  const auto answer = enrolment_.start(*request);
  if (!answer) return refused(log_, "enrolment-refused", answer.error());
  return http::json_answer(write_start_answer(*answer));
}

Response EnrolmentService::finish(const std::string& body) {
  const auto request = parse_finish_request(body);
  if (!request) return refused(log_, "enrolment-refused", request.error());
  const auto answer = enrolment_.finish(*request);
  if (!answer) return refused(log_, "enrolment-refused", answer.error());
  log_.write(LogLevel::kInfo, "enrolled",
             {{"id", answer->id},
              {"until", format_utc(answer->not_after)},
              {"pcrs", to_hex(tpm::pcr_composite(tpm::enrolment_pcrs(), request->quote.pcrs))}});
  return http::json_answer(write_finish_answer(*answer));
}

Response EnrolmentService::respond(const http::Request& request) {
  if (request.target == "/bundle") {
    const bool reads = request.method == Method::kGet || request.method == Method::kHead;
    if (!reads) return no_such(405, "the bundle can only be read");
    return http::json_answer(json::write(authority_.bundle()));
  }
  const bool starts = request.target == "/v1/enroll/start";
  if (!starts && request.target != "/v1/enroll/finish") return no_such(404, "no such resource");
  if (request.method != Method::kPost) return no_such(405, "enrolment takes POST");
  return starts ? start(request.body) : finish(request.body);
}

void EnrolmentService::answer(const http::Request& request, const http::Peer& /*peer*/,
                              http::Reply reply) {
  reply.send(respond(request));
}

}  // namespace pawl::issuer
