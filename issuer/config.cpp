#include "issuer/config.hpp"

#include <charconv>

#include "base/toml.hpp"

namespace pawl::issuer {
namespace {

struct Endpoint {
  std::string address;
  std::uint16_t port = 0;
};

// "127.0.0.1:8442" or "[::1]:8442"
Result<Endpoint> read_listen(Toml& toml) {
  PAWL_TRY(const auto text, toml.required("server.listen"));
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return toml.error("server.listen", "expected ADDRESS:PORT");
  Endpoint out;
  const auto* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, out.port);
  if (parsed.ec != std::errc() || parsed.ptr != end || colon + 1 == text.size()) {
    return toml.error("server.listen", "the port is a number of 0 to 65535");
  }
  out.address = text.substr(0, colon);
  if (out.address.size() > 2 && out.address.front() == '[' && out.address.back() == ']') {
    out.address = out.address.substr(1, out.address.size() - 2);
  }
  return out;
}

Result<identity::TrustDomain> read_domain(Toml& toml) {
  PAWL_TRY(const auto text, toml.required("identity.domain"));
  auto domain = identity::TrustDomain::parse(text);
  if (!domain) return toml.error("identity.domain", domain.error().what());
  return domain;
}

Result<identity::SpiffeId> read_id(Toml& toml, const identity::TrustDomain& domain) {
  PAWL_TRY(const auto text, toml.string("identity.id"));
  auto id = identity::SpiffeId::parse(text.value_or("spiffe://" + domain.name() + "/issuer"));
  if (!id) return toml.error("identity.id", id.error().what());
  if (id->trust_domain() != domain || id->path().empty()) {
    return toml.error("identity.id", "must be an ID with a path in " + domain.name());
  }
  return id;
}

Status read_path(Toml& toml, std::string_view key, std::string& out) {
  PAWL_TRY(const auto text, toml.string(key));
  if (!text) return Ok{};
  if (!text->starts_with('/') || text->ends_with('/')) {
    return toml.error(key, "must be an absolute path that does not end in /");
  }
  out = *text;
  return Ok{};
}

/// A device's ID is this path and 32 digits; the issuer's own must not look like one.
Status read_svid(Toml& toml, Config& out) {
  PAWL_TRY(const auto path, toml.string("svid.path"));
  if (path) out.rules.path = *path;
  const auto sample = "spiffe://" + out.domain.name() + out.rules.path + "/x";
  if (!out.rules.path.starts_with('/') || !identity::SpiffeId::parse(sample)) {
    return toml.error("svid.path", "must be the path of a SPIFFE ID, like /device");
  }
  if (is_device_id(out.id, out.rules)) {
    return toml.error("identity.id", "lies below svid.path, which is for devices");
  }
  PAWL_TRY(const auto lifetime, toml.integer("svid.lifetime", 60, 86400));
  if (lifetime) out.rules.lifetime = Seconds(*lifetime);
  return Ok{};
}

Status read_limits(Toml& toml, Config& out) {
  PAWL_TRY(const auto sessions, toml.integer("limits.sessions", 1, 1024));
  PAWL_TRY(const auto session, toml.integer("limits.session", 1, 600));
  PAWL_TRY(const auto connections, toml.integer("limits.connections", 1, 100000));
  if (sessions) out.rules.sessions = static_cast<std::size_t>(*sessions);
  if (session) out.rules.session = Seconds(*session);
  if (connections) out.connections = static_cast<std::size_t>(*connections);
  return Ok{};
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& origin) {
  PAWL_TRY(auto toml, Toml::parse(text, origin));
  PAWL_TRY(auto endpoint, read_listen(toml));
  PAWL_TRY(auto domain, read_domain(toml));
  PAWL_TRY(auto id, read_id(toml, domain));
  Config out{std::move(endpoint.address), endpoint.port, std::move(domain), std::move(id)};
  PAWL_CHECK(read_path(toml, "authority.folder", out.authority));
  PAWL_CHECK(read_path(toml, "ek.folder", out.eks));
  PAWL_CHECK(read_path(toml, "ek.makers", out.makers));
  PAWL_CHECK(read_svid(toml, out));
  PAWL_CHECK(read_limits(toml, out));
  PAWL_CHECK(toml.refuse_unknown());
  return out;
}

}  // namespace pawl::issuer
