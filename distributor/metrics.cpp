#include "distributor/metrics.hpp"

namespace pawl::distributor {
namespace {

/// Builds the text: every family has one HELP and one TYPE line before its samples.
class Text {
 public:
  Text& family(const std::string& name, const char* type, const char* help) {
    name_ = "pawl_distributor_" + name;
    out_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
    return *this;
  }
  Text& sample(std::uint64_t value, const std::string& labels = {}) {
    out_ += name_ + labels + " " + std::to_string(value) + "\n";
    return *this;
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string name_;
  std::string out_;
};

void add_connections(Text& text, const http::ServerStats& device) {
  text.family("connections", "gauge", "Open connections of devices.").sample(device.connections);
  text.family("accepted_total", "counter", "Connections accepted.").sample(device.accepted);
  text.family("refused_total", "counter", "Peers refused in the handshake.").sample(device.refused);
  text.family("dropped_total", "counter", "Connections over the limit.").sample(device.dropped);
  text.family("starved_total", "counter", "Accepts that failed for want of a file descriptor.")
      .sample(device.starved);
  text.family("timeouts_total", "counter", "Deadlines that passed.").sample(device.timeouts);
  text.family("requests_total", "counter", "Requests.").sample(device.requests);
  text.family("malformed_total", "counter", "Requests that were not ours.")
      .sample(device.malformed);
  text.family("cut_short_total", "counter", "Transfers ended by a ban or expiry.")
      .sample(device.cut_short);
  text.family("sent_bytes_total", "counter", "Bytes of files sent.").sample(device.bytes_sent);
}

void add_fleet(Text& text, const Fleet& fleet) {
  text.family("devices", "gauge", "Known devices by state.");
  for (const auto state : {DeviceState::kPending, DeviceState::kAdmitted, DeviceState::kBanned,
                           DeviceState::kRetired}) {
    text.sample(fleet.registry().count(state),
                "{state=\"" + std::string(state_name(state)) + "\"}");
  }
  const auto& figures = fleet.figures();
  text.family("checks_total", "counter", "Polls.").sample(figures.checks);
  text.family("unchanged_total", "counter", "Polls with nothing new.").sample(figures.unchanged);
  text.family("offers_total", "counter", "Polls answered with a release.").sample(figures.offers);
  text.family("denied_total", "counter", "Requests of devices that are not admitted.")
      .sample(figures.denied);
  text.family("status_records_total", "counter", "Status records received.")
      .sample(figures.statuses);
  text.family("lowered_total", "counter", "Security versions reported lower than before.")
      .sample(figures.lowered);
}

}  // namespace

std::string write_metrics(const http::ServerStats& device, const Fleet& fleet,
                          const Writer::Figures& writer) {
  Text text;
  add_connections(text, device);
  add_fleet(text, fleet);
  text.family("commits_total", "counter", "Transactions of the database.").sample(writer.commits);
  text.family("changes_total", "counter", "Changes in those transactions.").sample(writer.changes);
  return text.take();
}

Status MetricsService::allow(const http::Peer& /*peer*/) {
  return Ok{};
}

void MetricsService::answer(const http::Request& request, const http::Peer& /*peer*/,
                            http::Reply reply) {
  if (request.target != "/metrics" || request.method != http::Method::kGet) {
    return reply.send(http::refusal(404, fail(Errc::kUsage, "no such resource")));
  }
  http::Response out;
  out.fields = "Content-Type: text/plain; version=0.0.4\r\n";
  out.body = write_metrics(server_.stats(listener_), fleet_, fleet_.writer().figures());
  reply.send(std::move(out));
}

}  // namespace pawl::distributor
