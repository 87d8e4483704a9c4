#include "updater/net_link.hpp"

namespace pawl::updater {

using http::Client;
using http::ClientRequest;
using http::ClientResponse;

NetLink::NetLink(Config::Server server, IdentitySource source, Parts parts)
    : server_(std::move(server)), source_(std::move(source)), parts_(parts) {}

Status NetLink::use(identity::Identity identity) {
  device_id_ = identity.svid.id().uri();
  auto credentials = Client::credentials_of(std::move(identity));
  if (client_) return client_->use(std::move(credentials));
  PAWL_TRY(auto made,
           Client::create({server_.origin, server_.id, {}}, std::move(credentials), parts_.clock));
  client_.emplace(std::move(made));
  return Ok{};
}

/// A rotation that is half done, or a source that is away, does not end a connection that works.
Status NetLink::ready() {
  auto taken = source_.take();
  if (!taken && !client_) return std::move(taken).error();
  if (!taken) {
    parts_.log.write(LogLevel::kWarning, "identity.reload", {{"why", taken.error().what()}});
    return Ok{};
  }
  if (!*taken) return Ok{};
  if (client_) {
    parts_.log.write(LogLevel::kInfo, "identity.new",
                     {{"until", format_utc((*taken)->svid.not_after())}});
  }
  return use(**std::move(taken));
}

Result<ClientResponse> NetLink::noted(Result<ClientResponse> answer) {
  asked_wait_ = answer ? answer->retry_after : std::nullopt;
  // Perhaps there is a new SVID already.
  if (!answer && answer.error().code() == Errc::kRefusedByServer) source_.expect_change();
  return answer;
}

Result<ClientResponse> NetLink::send(const ClientRequest& request) {
  PAWL_CHECK(ready());
  return noted(client_->send(request));
}

Result<ClientResponse> NetLink::send(const ClientRequest& request, http::BodySink& sink) {
  PAWL_CHECK(ready());
  return noted(client_->send(request, sink));
}

Result<std::string> NetLink::device_id() {
  PAWL_CHECK(ready());
  return device_id_;
}

http::ClientTraffic NetLink::traffic() const {
  return client_ ? client_->traffic() : http::ClientTraffic{};
}

}  // namespace pawl::updater
