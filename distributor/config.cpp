#include "distributor/config.hpp"

#include <charconv>

#include "base/toml.hpp"

namespace pawl::distributor {
namespace {

// "127.0.0.1:8443" or "[::1]:8443"
Status set_listen(Toml& toml, Config& out) {
  PAWL_TRY(auto text, toml.required("device.listen"));
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return toml.error("device.listen", "expected ADDRESS:PORT");
  const auto* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, out.port);
  if (parsed.ec != std::errc() || parsed.ptr != end || colon + 1 == text.size()) {
    return toml.error("device.listen", "the port is a number of 0 to 65535");
  }
  auto address = text.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  out.address = std::move(address);
  return Ok{};
}

Status set_identity(Toml& toml, Config& out) {
  PAWL_TRY(const auto source, toml.required("identity.source"));
  if (source == "files") {
    PAWL_TRY(out.identity, toml.required("identity.folder"));
    return Ok{};
  }
  if (source != "workload-api") {
    return toml.error("identity.source", R"(expected "files" or "workload-api")");
  }
  out.source = Config::Source::kWorkloadApi;
  PAWL_TRY(out.identity, toml.required("identity.endpoint"));
  return Ok{};
}

Status set_limits(Toml& toml, Config& out) {
  PAWL_TRY(const auto connections, toml.integer("limits.connections", 1, 1000000));
  PAWL_TRY(const auto idle, toml.integer("limits.idle", 1, 3600));
  PAWL_TRY(const auto drain, toml.integer("limits.drain", 1, 300));
  if (connections) out.limits.connections = static_cast<std::size_t>(*connections);
  if (idle) out.limits.idle = Seconds(*idle);
  if (drain) out.limits.drain = Seconds(*drain);
  return Ok{};
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& origin) {
  PAWL_TRY(auto toml, Toml::parse(text, origin));
  Config out;
  PAWL_CHECK(set_listen(toml, out));
  PAWL_CHECK(set_identity(toml, out));
  PAWL_TRY(out.repository, toml.required("repository.path"));
  PAWL_CHECK(set_limits(toml, out));
  PAWL_CHECK(toml.refuse_unknown());
  return out;
}

}  // namespace pawl::distributor
