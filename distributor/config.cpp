#include "distributor/config.hpp"

#include <algorithm>
#include <charconv>

#include "base/toml.hpp"
#include "http/listening_socket.hpp"

namespace pawl::distributor {
namespace {

using identity::SpiffeId;
constexpr std::size_t kMaxRules = 256;
constexpr std::size_t kMaxTags = 16;

// "127.0.0.1:8443" or "[::1]:8443"
Result<Endpoint> endpoint_of(const Toml& toml, const std::string& key, const std::string& text) {
  Endpoint out;
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return toml.error(key, "expected ADDRESS:PORT");
  const auto* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, out.port);
  if (parsed.ec != std::errc() || parsed.ptr != end || colon + 1 == text.size()) {
    return toml.error(key, "the port is a number of 0 to 65535");
  }
  out.address = text.substr(0, colon);
  if (out.address.size() > 2 && out.address.front() == '[' && out.address.back() == ']') {
    out.address = out.address.substr(1, out.address.size() - 2);
  }
  return out;
}

Result<std::optional<Endpoint>> optional_endpoint(Toml& toml, const std::string& key) {
  PAWL_TRY(const auto text, toml.string(key));
  if (!text) return std::optional<Endpoint>();
  PAWL_TRY(auto out, endpoint_of(toml, key, *text));
  return std::optional(std::move(out));
}

Status set_listeners(Toml& toml, Config& out) {
  PAWL_TRY(const auto text, toml.required("device.listen"));
  PAWL_TRY(out.device, endpoint_of(toml, "device.listen", text));
  PAWL_TRY(out.admin, optional_endpoint(toml, "admin.listen"));
  PAWL_TRY(out.metrics, optional_endpoint(toml, "metrics.listen"));
  if (out.metrics && !http::is_local(out.metrics->address)) {
    return toml.error("metrics.listen", "must be a loopback address: it has no TLS");
  }
  PAWL_TRY(auto socket, toml.string("admin.socket"));
  out.socket = std::move(socket).value_or("/run/pawl/distributor.sock");
  if (out.socket.empty() || out.socket.front() != '/') {
    return toml.error("admin.socket", "must be an absolute path");
  }
  PAWL_TRY(const auto roots, toml.boolean("device.public_roots"));
  if (roots.value_or(false)) out.device_rules.public_roots = DeviceRules::PublicRoots::kYes;
  return Ok{};
}

Status set_identity(Toml& toml, IdentitySource& out) {
  PAWL_TRY(const auto source, toml.required("identity.source"));
  if (source == "files") {
    PAWL_TRY(out.place, toml.required("identity.folder"));
    return Ok{};
  }
  if (source != "workload-api") {
    return toml.error("identity.source", R"(expected "files" or "workload-api")");
  }
  out.kind = IdentitySource::Kind::kWorkloadApi;
  PAWL_TRY(out.place, toml.required("identity.endpoint"));
  return Ok{};
}

Status set_admins(Toml& toml, Config& out) {
  PAWL_TRY(const auto ids, toml.strings("admin.ids"));
  for (const auto& text : ids.value_or(std::vector<std::string>())) {
    auto id = SpiffeId::parse(text);
    if (!id) return toml.error("admin.ids", "has no SPIFFE ID: " + printable(text));
    if (id->path().empty()) return toml.error("admin.ids", "names a whole trust domain");
    out.admins.insert(*std::move(id));
  }
  if (out.admin && out.admins.empty()) {
    return toml.error("admin.listen", "needs admin.ids: without them nobody may come in");
  }
  return Ok{};
}

Result<AdmitRule> rule_of(Toml& toml, const std::string& name) {
  const auto key = "admit." + name;
  PAWL_TRY(const auto domain_text, toml.required(key + ".trust_domain"));
  auto domain = identity::TrustDomain::parse(domain_text);
  if (!domain) return toml.error(key + ".trust_domain", "is no trust domain");
  PAWL_TRY(const auto pattern_text, toml.required(key + ".id"));
  auto pattern = IdPattern::parse(pattern_text);
  if (!pattern) return toml.error(key + ".id", pattern.error().what());
  PAWL_TRY(auto product, toml.required(key + ".product"));
  if (!is_product(product)) return toml.error(key + ".product", "is no product name");
  PAWL_TRY(auto tags, toml.strings(key + ".tags"));
  AdmitRule out{name, *std::move(domain), *std::move(pattern), std::move(product),
                std::move(tags).value_or(std::vector<std::string>())};
  if (out.tags.size() > kMaxTags || !std::all_of(out.tags.begin(), out.tags.end(), is_tag)) {
    return toml.error(key + ".tags", "at most 16 tags of 1 to 64 of [a-z0-9._-]");
  }
  return out;
}

// An admin who is also a device could vouch for itself.
Status set_rules(Toml& toml, Config& out) {
  const auto names = toml.tables("admit");
  if (names.size() > kMaxRules) return toml.error("admit", "has more than 256 rules");
  for (const auto& name : names) {
    PAWL_TRY(auto rule, rule_of(toml, name));
    for (const auto& admin : out.admins) {
      if (!rule.matches(admin)) continue;
      return toml.error("admit." + name + ".id",
                        "matches " + printable(admin.uri()) + " of admin.ids");
    }
    out.rules.push_back(std::move(rule));
  }
  return Ok{};
}

Status set_limits(Toml& toml, Config& out) {
  PAWL_TRY(const auto poll, toml.integer("device.poll", 60, 7L * 24 * 3600));
  PAWL_TRY(const auto connections, toml.integer("limits.connections", 1, 1000000));
  PAWL_TRY(const auto idle, toml.integer("limits.idle", 1, 3600));
  PAWL_TRY(const auto drain, toml.integer("limits.drain", 1, 300));
  PAWL_TRY(const auto polls, toml.integer("limits.polls", 1, 100000));
  if (poll) out.pace.least = Seconds(*poll);
  if (polls) out.pace.polls_per_second = static_cast<std::uint64_t>(*polls);
  if (connections) out.limits.connections = static_cast<std::size_t>(*connections);
  if (idle) out.limits.idle = Seconds(*idle);
  if (drain) out.limits.drain = Seconds(*drain);
  return Ok{};
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& origin) {
  PAWL_TRY(auto toml, Toml::parse(text, origin));
  Config out;
  PAWL_CHECK(set_listeners(toml, out));
  PAWL_CHECK(set_identity(toml, out.identity));
  PAWL_TRY(out.repository, toml.required("repository.path"));
  PAWL_TRY(auto database, toml.string("store.path"));
  out.database = std::move(database).value_or("/var/lib/pawl/distributor.db");
  PAWL_CHECK(set_admins(toml, out));
  PAWL_CHECK(set_rules(toml, out));
  PAWL_CHECK(set_limits(toml, out));
  PAWL_CHECK(toml.refuse_unknown());
  return out;
}

Result<Config> load_config(const cli::Args& args, Disk& disk) {
  const auto path = args.get_or("--config", "/etc/pawl/distributor.toml");
  PAWL_TRY(const auto text, read_file(disk, path, Toml::kMaxBytes));
  return parse_config(as_text(text), path);
}

}  // namespace pawl::distributor
